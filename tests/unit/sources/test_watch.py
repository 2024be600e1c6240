"""Roots to observations, with a real disk and a real inotify."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub_server import HubServer, Reply, small_module
from model_trees import saved_model, write
from tflited.domain.model import Digest, ModelId
from tflited.domain.observation import Observation, RootObservation, Sight
from tflited.domain.ports import Root
from tflited.errors import SourceChangedError
from tflited.sources.hub import HubModels
from tflited.sources.settle import Waits
from tflited.sources.watch import SourceWatch
from waiting import wait_until

DEADLINE_SECONDS = 20.0
SETTLE_SECONDS = 0.2


class SystemClock:
    """The clock of this machine."""

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)


class Seen:
    """What a watch reported."""

    def __init__(self, root: Root, hub: HubModels) -> None:
        self.root = root
        self.all: list[Observation | RootObservation] = []
        self.watch = SourceWatch(
            SystemClock(),
            self.all.append,
            waits=Waits(SETTLE_SECONDS, SETTLE_SECONDS),
            scan_interval_seconds=600,
            hub=hub,
        )

    def sights(self, path: str) -> list[Sight]:
        """Every sight of a model, oldest first."""
        return [one.sight for one in self.of(path)]

    def newest(self, path: str) -> Observation:
        """The newest observation of a model."""
        return self.of(path)[-1]

    def of(self, path: str) -> list[Observation]:
        """Every observation of a model, oldest first."""
        seen = [one for one in self.all.copy() if isinstance(one, Observation)]
        return [one for one in seen if one.model.path == path]

    def wait_for(self, path: str, sight: Sight) -> Observation:
        """Waits until the newest observation of a model is such."""
        wait_until(
            lambda: self.sights(path)[-1:] == [sight], DEADLINE_SECONDS, what=f"{path} {sight}"
        )
        return self.newest(path)

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Waits for anything else."""
        wait_until(condition, DEADLINE_SECONDS, what=what)


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer().running() as started:
        yield started


@pytest.fixture
def seen(root: Root, make_hub: Callable[..., HubModels], server: HubServer) -> Iterator[Seen]:
    found = Seen(root, make_hub(SystemClock(), server.host))
    yield found
    found.watch.stop(DEADLINE_SECONDS)


def test_what_is_there_at_the_start_settles_and_is_admitted(seen: Seen) -> None:
    """A start-up scan is no reason to skip settling."""
    saved_model(seen.root.path / "net")
    seen.watch.start((seen.root,))
    admitted = seen.wait_for("net", Sight.ADMITTED)
    assert seen.sights("net") == [Sight.SETTLING, Sight.ADMITTED]
    assert admitted.digest


def test_what_arrives_later_is_found_by_its_hint(seen: Seen) -> None:
    """The next whole scan is ten minutes away."""
    seen.watch.start((seen.root,))
    seen.wait(lambda: seen.all, "the first scan")
    saved_model(seen.root.path / "vision" / "net")
    seen.wait_for("vision/net", Sight.ADMITTED)


def test_a_torn_model_is_refused_and_admitted_once_whole(seen: Seen) -> None:
    """A refusal is looked at again when a file changes."""
    folder = saved_model(seen.root.path / "net", data_bytes=10)
    seen.watch.start((seen.root,))
    assert seen.wait_for("net", Sight.REFUSED).hint
    write(folder / "variables" / "variables.data-00000-of-00001", bytes(100))
    seen.wait_for("net", Sight.ADMITTED)


def test_a_held_model_waits_for_its_flag(seen: Seen) -> None:
    """It is admitted as soon as the flag is gone."""
    flag = write(saved_model(seen.root.path / "net") / ".hold")
    seen.watch.start((seen.root,))
    seen.wait_for("net", Sight.HELD)
    flag.unlink()
    seen.wait_for("net", Sight.ADMITTED)


def test_a_temporary_name_holds_it_up(seen: Seen) -> None:
    """The observation names what it waits for."""
    part = write(saved_model(seen.root.path / "net") / "assets.part")
    seen.watch.start((seen.root,))
    assert "assets.part" in seen.wait_for("net", Sight.SETTLING).reason
    part.unlink()
    seen.wait_for("net", Sight.ADMITTED)


def test_a_removed_model_is_gone(seen: Seen) -> None:
    """While the root can be read, what is not there is gone."""
    path = seen.root.path / "net"
    saved_model(path)
    seen.watch.start((seen.root,))
    seen.wait_for("net", Sight.ADMITTED)
    path.rename(seen.root.path.parent / "elsewhere")
    seen.wait_for("net", Sight.GONE)


def test_models_that_go_together_while_settling(seen: Seen) -> None:
    """A folder removed during a copy takes all its models along, and the watch goes on."""
    for number in range(5):
        saved_model(seen.root.path / "vision" / f"net{number}")
    seen.watch.start((seen.root,))
    seen.wait_for("vision/net4", Sight.SETTLING)
    (seen.root.path / "vision").rename(seen.root.path.parent / "elsewhere")
    seen.wait_for("vision/net4", Sight.GONE)
    saved_model(seen.root.path / "later")
    seen.wait_for("later", Sight.ADMITTED)


def test_an_unmounted_root_is_an_outage_and_not_a_removal(seen: Seen) -> None:
    """A root that comes back is seen again, and its models were never gone."""
    saved_model(seen.root.path / "net")
    seen.watch.start((seen.root,))
    seen.wait_for("net", Sight.ADMITTED)
    away = seen.root.path.with_name("away")
    seen.root.path.rename(away)
    seen.wait(lambda: any(_is_outage(one) for one in list(seen.all)), "the outage")
    away.rename(seen.root.path)
    saved_model(seen.root.path / "later")
    seen.wait_for("later", Sight.ADMITTED)
    assert Sight.GONE not in seen.sights("net")


def test_a_busy_writer_does_not_hold_up_others(seen: Seen) -> None:
    """Hints that never end must not keep a quiet model from settling."""
    saved_model(seen.root.path / "net")
    seen.watch.start((seen.root,))
    busy = seen.root.path / "busy.bin"

    def is_admitted() -> bool:
        write(busy)
        return Sight.ADMITTED in seen.sights("net")

    wait_until(is_admitted, 5.0, what="net to be admitted beside a busy writer")


def test_staging_copies_the_admitted_state(seen: Seen, tmp_path: Path) -> None:
    """The copy is proven against the digest of the observation."""
    saved_model(seen.root.path / "net")
    seen.watch.start((seen.root,))
    digest = seen.wait_for("net", Sight.ADMITTED).digest
    assert digest
    model = ModelId(root="models", path="net")
    (tmp_path / "copy").mkdir()
    assert seen.watch.stage(model, tmp_path / "copy", digest).is_dir()


def test_staging_an_unknown_model_asks_for_another_look(seen: Seen, tmp_path: Path) -> None:
    """Gone between decision and copy is a change."""
    seen.watch.start((seen.root,))
    with pytest.raises(SourceChangedError):
        seen.watch.stage(ModelId(root="models", path="gone"), tmp_path, Digest("0" * 64))


def test_a_model_in_doubt_is_admitted_anew(seen: Seen) -> None:
    """The engine's doubt costs one more settling and digest, and ends in the same admission."""
    saved_model(seen.root.path / "net")
    seen.watch.start((seen.root,))
    first = seen.wait_for("net", Sight.ADMITTED)
    seen.watch.look_again(seen.root.name, "net")
    wait_until(
        lambda: seen.sights("net").count(Sight.ADMITTED) > 1, DEADLINE_SECONDS, what="a new look"
    )
    assert seen.newest("net").digest == first.digest


def _is_outage(one: Observation | RootObservation) -> bool:
    return isinstance(one, RootObservation) and not one.is_available


def test_a_hub_reference_is_fetched_and_admitted(
    seen: Seen, server: HubServer, tmp_path: Path
) -> None:
    """It waits with the reason, and its copy holds the module."""
    server.replies["/net/1"] = Reply(content=small_module(tmp_path / "m"))
    write(seen.root.path / "net.hub.toml", f'handle = "{server.handle()}"'.encode())
    seen.watch.start((seen.root,))
    admitted = seen.wait_for("net.hub.toml", Sight.ADMITTED)
    assert "fetching" in [one.reason.partition(" ")[0] for one in seen.of("net.hub.toml")]
    assert admitted.digest is not None
    (tmp_path / "stage").mkdir()
    copy = seen.watch.stage(admitted.model, tmp_path / "stage", admitted.digest)
    assert (copy / "module" / "saved_model.pb").is_file()


def test_a_hub_module_is_fetched_again_on_request(
    seen: Seen, server: HubServer, tmp_path: Path
) -> None:
    """A moved handle gives another digest; until then the old one is not believed."""
    server.replies["/net/1"] = Reply(content=small_module(tmp_path / "m"))
    write(seen.root.path / "net.hub.toml", f'handle = "{server.handle()}"'.encode())
    seen.watch.start((seen.root,))
    before = seen.wait_for("net.hub.toml", Sight.ADMITTED)
    server.replies["/net/1"] = Reply(content=small_module(tmp_path / "n", mark=200))
    seen.watch.fetch_again("models", "net.hub.toml")
    seen.wait(lambda: seen.newest("net.hub.toml").digest != before.digest, "another sight")
    assert seen.wait_for("net.hub.toml", Sight.ADMITTED).digest != before.digest
    assert len(server.asked) == 2


def test_a_wrong_hub_reference_is_refused(seen: Seen) -> None:
    """Every problem at once, and it is looked at again when it is mended."""
    write(seen.root.path / "net.hub.toml", b'handel = "x"')
    seen.watch.start((seen.root,))
    refused = seen.wait_for("net.hub.toml", Sight.REFUSED)
    assert "handel" in refused.reason
    assert refused.hint
    saved_model(seen.root.path / "module")
    write(seen.root.path / "net.hub.toml", b'handle = "module"')
    seen.wait_for("net.hub.toml", Sight.ADMITTED)
