"""The whole sandbox around real children: nothing escapes, and nothing runs in half of it."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest

from tflited.domain.attempt import (
    AttemptLimits,
    AttemptOutcome,
    AttemptRequest,
    AttemptResult,
    SandboxDemand,
    SandboxLevel,
)
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy
from tflited.workers.local import LocalExecutor
from tflited.workers.sandbox.layers import ALWAYS, LAYERS

TESTS = Path(__file__).parents[3]
SECONDS = 60.0
HARMLESS = {"stat", "readlink"}
NOBODY = 65534


@pytest.fixture(params=["json", "fakes.ordinary_preload"], ids=["as started", "ordinary user"])
def executor(request: pytest.FixtureRequest) -> Iterator[LocalExecutor]:
    yield from _executor(request.param, "fakes.escapes")


@pytest.fixture(scope="module")
def short() -> Iterator[LocalExecutor]:
    yield from _executor("fakes.short_sandbox", "fakes.entries")


def _executor(preload: str, entry: str) -> Iterator[LocalExecutor]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join((str(TESTS), str(TESTS.parent / "daemon"))))
        made = LocalExecutor(preload=preload, entry=entry)
        made.start()
        yield made
        made.stop(deadline_seconds=SECONDS)


def run(
    executor: LocalExecutor, scratch: Path, demand: SandboxDemand = SandboxDemand.REQUIRED
) -> AttemptOutcome:
    """One attempt with that scratch folder."""
    request = AttemptRequest(
        attempt="1.1",
        kind=ModelKind.SAVED_MODEL,
        model="/nowhere",
        stem="ok",
        scratch=str(scratch),
        policy=Policy(),
        sandbox=demand,
    )
    return executor.run_attempt(request, AttemptLimits(wall_seconds=SECONDS), print, Event())


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that an ordinary user reaches, with a neighbour's secret beside the scratch."""
    with tempfile.TemporaryDirectory(prefix="tflited-escape-") as name:
        folder = Path(name)
        folder.chmod(0o777)
        (folder / "secret").write_text("secret")
        (folder / "secret").chmod(0o666)
        (folder / "work").mkdir()
        (folder / "work").chmod(0o777)
        yield folder


def test_nothing_escapes(executor: LocalExecutor, open_folder: Path) -> None:
    """Of a hundred ways out, only what tells that a path exists works."""
    outcome = run(executor, open_folder / "work")
    assert outcome.report is not None, outcome.failure
    count, *worked = outcome.report.source.notes
    assert int(count) >= 100
    assert set(worked) == HARMLESS
    assert outcome.sandbox in {SandboxLevel.FULL, SandboxLevel.NO_NAMESPACES}
    assert (open_folder / "secret").read_text() == "secret"


@pytest.mark.parametrize("name", [layer.name for layer in LAYERS])
def test_without_a_layer_nothing_runs(short: LocalExecutor, tmp_path: Path, name: str) -> None:
    """Each layer is missed, by its name, and the attempt is refused for good."""
    (tmp_path / name).mkdir()
    outcome = run(short, tmp_path / name)
    assert outcome.result is AttemptResult.ERROR, outcome
    assert outcome.failure is not None
    assert outcome.failure.code == "sandbox_refused"
    # Without it the kernel lets an ordinary process have no Landlock.
    told = "landlock" if name == "no new privileges" else name
    assert f"{told} layer" in outcome.failure.message
    assert not outcome.failure.is_retryable
    assert set(outcome.stage_seconds) <= {"start"}


def test_with_every_layer_it_runs(short: LocalExecutor, tmp_path: Path) -> None:
    """So that the refusals above are those of the missing layer."""
    assert run(short, tmp_path).result is AttemptResult.OK


def test_what_is_switched_off_is_told(short: LocalExecutor, tmp_path: Path) -> None:
    """And the layers that cost nothing hold all the same."""
    assert run(short, tmp_path, SandboxDemand.OFF).sandbox is SandboxLevel.OFF
    assert {"limits", "no new privileges"} <= ALWAYS <= {layer.name for layer in LAYERS}
