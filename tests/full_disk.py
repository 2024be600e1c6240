"""Scenes on a file system of 700 KB of its own that fills, goes read-only and comes back.

``namespaced.play`` starts this file as a program there. It prints one JSON object: what was seen.
"""

import io
import json
import os
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

from fakes.engine import FixedClock
from fakes.samples import FAILURE, MODEL, NOON, a_job, a_left_set, a_new_job, a_publish_key
from namespaced import mount
from tflited.domain.access import UploadRules
from tflited.domain.job import JobState
from tflited.domain.policy import OutputRules, Policy
from tflited.errors import StoragePausedError, TransferError, UploadRefusedError
from tflited.output.tree import OutputTree
from tflited.output.verify import verify
from tflited.sources.uploads.desk import Uploads
from tflited.store.queue import SqliteStore
from tflited.store.repair import open_store
from tflited.workers.transfer.carrier import Carrier
from tflited.workers.transfer.carrier import announced as announced_by_worker
from tflited.workers.transfer.depot import Depot
from tflited.workers.transfer.offer import Offer

SIZE_BYTES = 700 * 1024
POLICY = Policy(output=OutputRules(keep_builds=1))


@contextmanager
def small(folder: Path) -> Iterator[Path]:
    """The small file system."""
    folder.mkdir(exist_ok=True)
    mount("-t", "tmpfs", "-o", f"size={SIZE_BYTES}", "tmpfs", str(folder))
    yield folder


def fill(folder: Path) -> Path:
    """Takes all the room there is."""
    ballast = folder / "ballast"
    with ballast.open("wb", 0) as stream, suppress(OSError):
        while stream.write(b"x" * 4096):
            pass
    with ballast.open("ab", 0) as stream, suppress(OSError):
        while stream.write(b"x"):
            pass
    return ballast


def read_only(folder: Path, *, on: bool) -> None:
    """Mounts it read-only, or writable again."""
    mount("-o", f"remount,{'ro' if on else 'rw'},size={SIZE_BYTES}", str(folder))


def is_paused(action: Callable[[], object]) -> bool:
    """Whether an action says that the storage pauses."""
    try:
        action()
    except StoragePausedError:
        return True
    return False


def full_store(folder: Path) -> dict[str, object]:
    """Jobs are refused while there is no room, and none is lost or doubled."""
    with small(folder / "state") as state, SqliteStore(state / "jobs.sqlite3") as store:
        long = json.dumps("p" * 30_000)
        accepted, paused = list[int](), 0
        running = store.accept(a_new_job("first"), NOON)
        store.claim(NOON)
        ballast = fill(state)
        for number in range(40):
            try:
                job = store.accept(a_new_job(f"m{number}", policy_json=long), NOON)
                accepted.append(job.id)
            except StoragePausedError:
                paused += 1
        readable = len(store.jobs(limit=1000))
        ballast.unlink()
        resumed = store.accept(a_new_job("later", policy_json=long), NOON).id
        ended = store.finish(running.id, JobState.FAILED, NOON, FAILURE).state
    with SqliteStore(folder / "state" / "jobs.sqlite3") as again:
        kept = [job.id for job in again.jobs(limit=1000)]
    return {
        "paused": paused,
        "expected": sorted([running.id, *accepted, resumed]),
        "readable": readable - 1 - len(accepted),
        "kept": sorted(kept),
        "ended": ended.value,
    }


def store_without_room_at_start(folder: Path) -> dict[str, object]:
    """A start on a full disk pauses; with room the same start works."""
    with small(folder / "state") as state:
        ballast = fill(state)
        is_refused = is_paused(lambda: SqliteStore(state / "jobs.sqlite3").close())
        ballast.unlink()
        with SqliteStore(state / "jobs.sqlite3") as store:
            return {"is_refused": is_refused, "job": store.accept(a_new_job(), NOON).id}


def read_only_store(folder: Path) -> dict[str, object]:
    """What was read stays readable; writing pauses and resumes."""
    with small(folder / "state") as state:
        SqliteStore(state / "jobs.sqlite3").close()
        read_only(state, on=True)
        is_refused = is_paused(lambda: SqliteStore(state / "jobs.sqlite3").close())
        read_only(state, on=False)
        with SqliteStore(state / "jobs.sqlite3") as store:
            return {"is_refused": is_refused, "job": store.accept(a_new_job(), NOON).id}


def damaged_store_without_room(folder: Path) -> dict[str, object]:
    """A repair that meets a full disk is a pause; with room the next start finishes it."""

    def opened() -> SqliteStore:
        return open_store(path, FixedClock(), lambda _: None, lambda: 0)

    with small(folder / "state") as state:
        path = state / "jobs.sqlite3"
        with SqliteStore(path) as store:
            for number in range(12):
                store.accept(a_new_job(f"m{number}", policy_json=json.dumps("p" * 3000)), NOON)
        with path.open("r+b") as stream:
            stream.write(bytes(4096))
        ballast = fill(state)
        os.truncate(ballast, ballast.stat().st_size - 60_000)  # room for a part of it
        refusals = [is_paused(lambda: opened().close()) for _ in range(2)]
        ballast.unlink()
        with opened() as store:
            return {"refusals": refusals, "jobs": len(store.jobs(limit=100))}


def full_output(folder: Path) -> dict[str, object]:
    """Every size of set that does not fit leaves the last good one, and no litter."""
    with small(folder / "output") as root:
        tree = OutputTree(root, reserve_bytes=0)
        publish(tree, folder, 1, size=1000)
        answers = list[object]()
        for job_id, size in enumerate((300_000, 400_000, 600_000, 900_000), start=2):
            answers.append(is_paused(lambda: publish(tree, folder, job_id, size=size)))  # noqa: B023
            findings = verify(root).findings
            staged = os.listdir(root / ".tflited" / "staging")  # noqa: PTH208
            answers.append([len(findings), len(staged)])
        ballast = fill(root)
        reason = OutputTree(root).check_writable()
        is_full = is_paused(lambda: publish(tree, folder, 8, size=10))
        present = job_of(tree)
        ballast.unlink()
        publish(tree, folder, 9, size=1000)
        return {
            "answers": answers,
            "reason": reason,
            "is_full": is_full,
            "present": present,
            "later": job_of(tree),
            "findings": len(verify(root).findings),
        }


def read_only_output(folder: Path) -> dict[str, object]:
    """Publication pauses, readers go on, and it resumes by itself."""
    with small(folder / "output") as root:
        tree = OutputTree(root, reserve_bytes=0)
        publish(tree, folder, 1)
        read_only(root, on=True)
        reason = tree.check_writable()
        is_refused = is_paused(lambda: publish(tree, folder, 2))
        present = job_of(tree)
        read_only(root, on=False)
        publish(tree, folder, 3)
        return {
            "reason": reason,
            "is_refused": is_refused,
            "present": present,
            "later": job_of(tree),
            "after": tree.check_writable(),
        }


def full_upload(folder: Path) -> dict[str, object]:
    """A model that does not fit is uploaded, whole and as an archive; then one that fits."""
    rules = UploadRules(root="models", folder="", free_bytes=0)
    with small(folder / "models") as root:
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as packed:
            packed.writestr("net.keras", os.urandom(SIZE_BYTES // 2))
        sent = [("a.keras", bytes(2 * SIZE_BYTES)), ("a.zip", archive.getvalue())]
        refused = [is_refused(Uploads(rules, root), name, content) for name, content in sent]
        left = sorted(path.name for path in root.iterdir())
        fits = is_refused(Uploads(rules, root), "b.keras", b"x" * 1000)
        return {
            "refused": refused,
            "left": left,
            "fits": not fits,
            "after": sorted(path.name for path in root.iterdir()),
        }


def is_refused(desk: Uploads, name: str, content: bytes) -> bool:
    """Whether an upload does not land."""
    try:
        with closing(desk.receive()) as landing:
            landing.begin_file(name)
            landing.write(content)
            landing.land(replace=False)
    except (StoragePausedError, UploadRefusedError):
        return True
    return False


def full_transfer(folder: Path) -> dict[str, object]:
    """A daemon without room for results, then a worker without room for a model."""
    content = os.urandom(300_000)
    (folder / "left").mkdir()
    (folder / "left" / "net.tflite").write_bytes(content)
    with small(folder / "disk") as disk:
        depot = Depot(listen="127.0.0.1:0", tls=None, staging=disk / "staging", shares_paths=False)
        depot.start()
        offer = depot.offer("1.1", {"model": folder / "left"})
        carrier = Carrier(cache=disk / "cache", cache_bytes=10**6, tls=None)
        ballast = fill(disk)
        announced = code_of(lambda: carrier.deliver(offer, folder / "left"))
        ballast.unlink()
        holding = depot._attempts["1.1"][1]
        holding.announce(announced_by_worker(folder / "left", offer))
        ballast = fill(disk)
        written = status_of(offer, content)
        litter = [path.name for path in (disk / "staging").rglob("*") if path.is_file()]
        (disk / "into").mkdir()
        fetched = code_of(lambda: carrier.fetch(offer, "model", disk / "into"))
        litter += [path.name for path in (disk / "into").iterdir()]
        ballast.unlink()
        carrier.deliver(offer, folder / "left")
        arrived = depot.delivered("1.1")
        is_there = arrived is not None and (arrived / "net.tflite").read_bytes() == content
        depot.withdraw("1.1")
        offer = depot.offer("1.2", {"model": folder / "left"})
        (folder / "into").mkdir()
        copy = carrier.fetch(offer, "model", folder / "into")
        depot.stop(5.0)
        return {
            "announced": announced,
            "written": written,
            "fetched": fetched,
            "litter": litter,
            "later": [is_there, (copy / "net.tflite").read_bytes() == content],
        }


def code_of(action: Callable[[], object]) -> str:
    """The code of the error that an action ends with."""
    try:
        action()
    except TransferError as error:
        return error.code
    return ""


def status_of(offer: Offer, content: bytes) -> int:
    """What the depot answers to the one file of an announcement."""
    address = offer.url.removeprefix("http://")
    connection = HTTPConnection(address, timeout=60)
    headers = {"Authorization": f"Bearer {offer.token}"}
    connection.request("PUT", "/v1/result/0", content, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def publish(tree: OutputTree, folder: Path, job_id: int, size: int = 64) -> None:
    """Publishes a set whose flatbuffer has a size."""
    scratch = folder / f"scratch{job_id}"
    report = a_left_set(scratch, mark=str(job_id), size=size)
    tree.publish(a_job(job_id), POLICY, a_publish_key(str(job_id)), report, scratch)


def job_of(tree: OutputTree) -> int:
    """The job whose set readers see."""
    manifest = tree.manifest(MODEL)
    return 0 if manifest is None else manifest.job


SCENES: Mapping[str, Callable[[Path], dict[str, object]]] = {
    one.__name__: one
    for one in (
        full_store,
        store_without_room_at_start,
        read_only_store,
        damaged_store_without_room,
        full_output,
        read_only_output,
        full_upload,
        full_transfer,
    )
}


def main() -> None:
    """Plays the scene that the command line names."""
    scene, folder = sys.argv[1:]
    print(json.dumps(SCENES[scene](Path(folder))))  # noqa: T201  # the answer


if __name__ == "__main__":
    main()
