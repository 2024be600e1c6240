"""Copies file by file, in many orders and with pauses: each is admitted once, as a whole."""

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import farmhash
import pytest

from model_trees import checkpoint_index, field, write
from tflited.domain.observation import Observation, Sight
from tflited.domain.ports import Root
from tflited.sources.hub import HubModels
from tflited.sources.settle import Waits
from tflited.sources.watch import SourceWatch
from unit.sources.test_watch import SystemClock
from waiting import wait_until

WAITS = Waits(settle_seconds=1.2, whole_seconds=0.15)
PAUSE_SECONDS = 0.5
"""Longer than the early look waits, shorter than the full time."""
SHARD = "variables/variables.data-00000-of-00001"
ALPHABETICAL = ("fingerprint.pb", "saved_model.pb", SHARD, "variables/variables.index")
AS_WRITTEN = (SHARD, "variables/variables.index", "saved_model.pb", "fingerprint.pb")
SHUFFLED = tuple(itertools.islice(itertools.permutations(ALPHABETICAL), 2, 24, 4))
ORDERS = (ALPHABETICAL, AS_WRITTEN, ALPHABETICAL[::-1], AS_WRITTEN[::-1], *SHUFFLED)


def export(graph: bytes, weights: bytes) -> dict[str, bytes]:
    """The files of a model whose parts belong together."""
    index = checkpoint_index({b"dense": (0, 0, len(weights))}, contents={b"dense": weights})
    return {
        "saved_model.pb": field(1, 1) + field(2, field(2, graph)),
        "variables/variables.index": index,
        SHARD: weights,
        "fingerprint.pb": field(5, farmhash.Fingerprint64(index)),
    }


OLD = export(b"graph one", b"weights of one export")
NEW = export(b"graph two", b"weights of the other!")
OTHER_GRAPH = export(b"graph two", b"weights of one export")


@pytest.fixture
def seen(root: Root, make_hub: Callable[..., HubModels]) -> Iterator[list[Observation]]:
    """What a watch of the root reports; it runs, and has scanned the root once."""
    told: list[object] = []
    observed: list[Observation] = []

    def receive(one: object) -> None:
        told.append(one)
        if isinstance(one, Observation):
            observed.append(one)

    clock = SystemClock()
    watch = SourceWatch(clock, receive, waits=WAITS, scan_interval_seconds=600, hub=make_hub(clock))
    watch.start((root,))
    wait_until(lambda: told, 20, what="the first scan")
    yield observed
    watch.stop(20)


def copy(files: dict[str, bytes], folder: Path, order: Sequence[str]) -> None:
    """Writes file by file, over what is there, with a pause after each but the last."""
    for name in order or files:
        write(folder / name, files[name])
        if order and name != order[-1]:
            Event().wait(PAUSE_SECONDS)


def verdicts(seen: list[Observation], path: str = "net") -> list[Sight]:
    of_model = [one for one in seen.copy() if one.model.path == path]
    return [one.sight for one in of_model if one.sight is not Sight.SETTLING]


def wait_for_verdicts(seen: list[Observation], count: int, path: str = "net") -> list[Sight]:
    wait_until(lambda: len(verdicts(seen, path)) >= count, 20, what="a verdict")
    Event().wait(WAITS.settle_seconds + 0.2)
    return verdicts(seen, path)


def wait_for_all(seen: list[Observation], count: int) -> list[list[Sight]]:
    """The verdicts on every copy, once each has so many and has been quiet for the full time."""
    paths = [f"net{number}" for number in range(len(ORDERS))]
    wait_until(
        lambda: all(len(verdicts(seen, path)) >= count for path in paths), 30, what="all verdicts"
    )
    wait_for_verdicts(seen, count, paths[0])
    return [verdicts(seen, path) for path in paths]


def copy_all(root: Root, seen: list[Observation], files: dict[str, bytes]) -> list[list[Sight]]:
    """Copies one folder for each order, all at once; what was told when each copy ended."""

    def one(number: int) -> list[Sight]:
        copy(files, root.path / f"net{number}", ORDERS[number])
        return verdicts(seen, f"net{number}")

    with ThreadPoolExecutor(len(ORDERS)) as pool:
        return list(pool.map(one, range(len(ORDERS))))


def test_copies_into_empty_places_are_admitted_once(root: Root, seen: list[Observation]) -> None:
    """Whichever file comes last, nothing is admitted or refused before it."""
    assert copy_all(root, seen, NEW) == [[]] * len(ORDERS)
    assert wait_for_all(seen, 1) == [[Sight.ADMITTED]] * len(ORDERS)


@pytest.mark.parametrize("new", [NEW, OTHER_GRAPH], ids=["both new", "same weights"])
def test_copies_over_older_models_are_admitted_once(
    root: Root, seen: list[Observation], new: dict[str, bytes]
) -> None:
    """A graph and weights of two exports hold together by every checksum known here."""
    for number in range(len(ORDERS)):
        copy(OLD, root.path / f"net{number}", ())
    wait_for_all(seen, 1)
    assert copy_all(root, seen, new) == [[Sight.ADMITTED]] * len(ORDERS)
    assert wait_for_all(seen, 2) == [[Sight.ADMITTED] * 2] * len(ORDERS)
    digests = {one.digest for one in seen if one.sight is Sight.ADMITTED}
    assert len(digests) == 2, "the old model and the new one, no mixture"


def test_a_preallocated_shard_holds_its_model_back(root: Root, seen: list[Observation]) -> None:
    """Everything else is there, and the shard has its size."""
    folder = root.path / "net"
    write(folder / SHARD, b"")
    with (folder / SHARD).open("r+b") as shard:
        os.posix_fallocate(shard.fileno(), 0, len(NEW[SHARD]))
        copy(NEW, folder, ("variables/variables.index", "saved_model.pb", "fingerprint.pb"))
        Event().wait(PAUSE_SECONDS)
        assert not verdicts(seen)
        shard.write(NEW[SHARD])
    assert wait_for_verdicts(seen, 1) == [Sight.ADMITTED]


def test_a_whole_copy_need_not_wait(root: Root, seen: list[Observation]) -> None:
    """It is admitted in much less than the full time."""
    for name, content in NEW.items():
        write(root.path / "net" / name, content)
    wait_until(lambda: verdicts(seen), WAITS.settle_seconds * 0.75, what="an early verdict")
    assert verdicts(seen) == [Sight.ADMITTED]


def test_touching_without_a_change_admits_the_same_digest(
    root: Root, seen: list[Observation]
) -> None:
    """A file that is closed or touched unchanged is another look, not another model."""
    copy(NEW, root.path / "net", AS_WRITTEN)
    wait_for_verdicts(seen, 1)
    (root.path / "net" / SHARD).touch()
    assert wait_for_verdicts(seen, 2) == [Sight.ADMITTED] * 2
    assert len({one.digest for one in seen if one.sight is Sight.ADMITTED}) == 1
