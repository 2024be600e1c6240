"""The hostile corpus through the real daemon: each ends with a reason, and nothing gets out.

What stands in front may hide what stands behind it: the second test switches the look before off,
and asks the sandbox alone to hold.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import Any, Final

import pytest

import zoo
from daemon_process import BUILD_SECONDS, MAIN_FILE, DaemonProcess
from faults.hostile import data_files, documents, keras_files, saved_models
from faults.hostile.bait import SECRET, Bait, Case, Layer, leaks
from hub_server import HubServer, Reply
from tflited.domain.attempt import AttemptLimits, AttemptRequest
from tflited.domain.limits import Limits
from tflited.domain.model import ModelKind, kind_of_file
from tflited.domain.policy import Policy, Variant
from tflited.triggers.spool import drop
from tflited.workers.local import LocalExecutor
from tree_copy import copy_tree
from waiting import wait_until

CASES: Final = (*saved_models.CASES, *keras_files.CASES, *data_files.CASES)
CORPUS_SECONDS: Final = 420
ENDED: Final = frozenset({"refused", "failed", "policy_error", "published"})


@pytest.fixture
def bait(tmp_path: Path) -> Bait:
    laid = Bait(tmp_path / "bait")
    laid.lay()
    return laid


@pytest.fixture
def server(bait: Bait) -> Iterator[HubServer]:
    """Serves the archives."""
    with HubServer().running() as started:
        for path, content in documents.archives(bait).items():
            started.replies[path] = Reply(content=content)
        yield started


def main_file(server: HubServer) -> str:
    """Two at a time, and short waits."""
    pace = "[daemon]\nworkers = 2\nsettle_seconds = 0.2\nscan_interval_seconds = 2.0\n"
    return f'{pace}\n{MAIN_FILE}\n[hub]\nhosts = ["{server.host}"]\n{documents.LIMITS}'


@pytest.fixture
def daemon(tmp_path: Path, bait: Bait, server: HubServer) -> Iterator[DaemonProcess]:
    """A daemon that finds the corpus when it starts."""
    place = tmp_path / "daemon"
    place.mkdir()
    process = DaemonProcess(place)
    process.main_file.write_text(main_file(server))
    for case in CASES:
        case.place(process.root, bait)
    for path in documents.archives(bait):
        name = path.split("/")[1]
        file = process.root / "hub" / f"{name}.hub.toml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f'handle = "{server.handle(path)}"\ninput_shape = [1, 4]\n')
    process.start()
    yield process
    process.stop()


def ended(daemon: DaemonProcess, path: str) -> dict[str, Any]:
    """How a model ended: its phase, its job's state and failure, and the summary."""
    wait_until(lambda: daemon.phase(path) in ENDED, CORPUS_SECONDS, what=f"the end of {path}")
    jobs = daemon.jobs(path)
    newest = max(jobs, key=lambda job: job["id"]) if jobs else {}
    answer = daemon.why(path)
    return {
        "phase": daemon.phase(path),
        "state": newest.get("state", ""),
        "code": (newest.get("failure") or {}).get("code", "") or daemon.phase(path),
        "summary": answer["summary"],
    }


def complaint(case: Case, end: dict[str, Any]) -> str:
    """What is wrong with the end of a case; empty where nothing is."""
    if end["phase"] == "published":
        return f"{case.path}: published"
    if end["code"] not in case.codes:
        return f"{case.path}: {end['code']}, not {sorted(case.codes)}: {end['summary']}"
    if not end["summary"]:
        return f"{case.path}: no reason"
    return ""


def receipts(daemon: DaemonProcess, bait: Bait) -> Iterator[str]:
    """Complaints about triggers that were not refused with a reason."""
    for name, document in documents.triggers(bait).items():
        drop(daemon.state / "spool", f"{name}.json", document)
    for name in documents.triggers(bait):
        receipt = daemon.state / "spool/rejected" / f"{name}.json.receipt.json"
        with suppress(AssertionError):
            wait_until(receipt.exists, BUILD_SECONDS, what=f"the refusal of {name}")
        if not receipt.exists() or not json.loads(receipt.read_text())["reason"]:
            yield f"trigger {name} was not refused"


@pytest.mark.timeout(600)
def test_the_corpus_costs_nothing_but_children(daemon: DaemonProcess, bait: Bait) -> None:
    """No canary, no secret, a reason for each, the same daemon, and the next good job succeeds."""
    pid = daemon._process.pid if daemon._process else 0
    complaints = [*receipts(daemon, bait)]
    complaints += [complaint(case, ended(daemon, case.path)) for case in CASES]
    for path in documents.archives(bait):
        end = ended(daemon, f"hub/{path.split('/')[1]}.hub.toml")
        if end["phase"] not in {"refused", "failed"} or not end["summary"]:
            complaints.append(f"{path}: {end}")
    copy_tree(zoo.digits().model, daemon.root / "good")
    daemon.wait_for("good", "published")
    assert [line for line in complaints if line] == []
    assert bait.taken() == []
    assert [*leaks(daemon.output), *leaks(daemon.state), *leaks(daemon.root)] == []
    assert SECRET not in daemon.log.read_bytes()
    assert SECRET.decode() not in json.dumps(daemon.get("jobs", limit=1000))
    assert not list(daemon.root.parent.rglob("escaped*"))
    assert (daemon._process.pid if daemon._process else 0) == pid
    bombs = ("endless", "grown_fill", "grown_tile")
    assert {ended(daemon, f"{name}/{name}")["state"] for name in bombs} == {"dead"}
    assert len(CASES) + len(documents.archives(bait)) + len(documents.triggers(bait)) >= 35


@pytest.fixture
def blind() -> Iterator[LocalExecutor]:
    """Children that convert without the look before."""
    with pytest.MonkeyPatch.context() as patch:
        tests = Path(__file__).parents[2]
        patch.setenv("PYTHONPATH", f"{tests}:{tests.parent / 'daemon'}")
        made = LocalExecutor(preload="fakes.blind_entry", entry="fakes.blind_entry")
        made.start()
        wait_until(lambda: made.is_ready, BUILD_SECONDS, what="a zygote")
        yield made
        made.stop(deadline_seconds=BUILD_SECONDS)


@pytest.mark.timeout(600)
def test_the_sandbox_holds_without_the_look(
    blind: LocalExecutor, tmp_path: Path, bait: Bait
) -> None:
    """An operator that nobody thought of reaches no further than those that the look knows."""
    out = tmp_path / "out"
    for case in (case for case in CASES if case.layer in {Layer.PREFLIGHT, Layer.SANDBOX}):
        place = out / case.name
        case.place(place / "model", bait)
        scratch = place / "scratch"
        scratch.mkdir()
        kind = kind_of_file(case.name) or ModelKind.SAVED_MODEL
        limits = Limits(memory_bytes=10**9, cpu_seconds=20, scratch_bytes=5 * 10**7)
        request = AttemptRequest(
            attempt="1.1",
            kind=kind,
            model=str(place / "model" / case.path),
            stem="m",
            scratch=str(scratch),
            policy=Policy(variants=(Variant.FLOAT32,), limits=limits),
        )
        ceiling = AttemptLimits(wall_seconds=30.0)
        blind.run_attempt(request, ceiling, lambda *_: None, Event())
    assert bait.taken() == []
    assert list(leaks(out)) == []
