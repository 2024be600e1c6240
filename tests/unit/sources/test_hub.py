"""Hub references as models: read, fetched, admitted and copied, with a clock that tests move."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest

from hub_server import HubServer, Reply, small_module
from model_trees import saved_model, write
from tflited.domain.build_key import combine
from tflited.domain.hub import COPY_MODULE, COPY_REFERENCE, module_key
from tflited.domain.model import Digest, ModelId, Snapshot
from tflited.domain.observation import Sight
from tflited.domain.ports import Clock, Root
from tflited.errors import ModelRefusedError, SourceChangedError
from tflited.sources.digest import Digester
from tflited.sources.hub import HubModels, News
from tflited.sources.scan import DirectoryScanner, snapshot_of
from waiting import wait_until

DEADLINE_SECONDS = 60.0
HOUR = 3600.0
NET = ModelId(root="models", path="net.hub.toml")


class Bench:
    """One reference, looked at by hand.

    Attributes:
        woken: set by the cache when a fetch has ended.
    """

    def __init__(self, hub: HubModels, root: Root, server: HubServer, clock: Clock) -> None:
        self.hub, self.root, self.server, self.clock = hub, root, server, clock
        self.woken = Event()
        hub.cache.wake = self.woken.set

    def serve(self, folder: Path, *, mark: int = 100) -> None:
        """Serves a module; another mark is another content."""
        self.server.replies["/net/1"] = Reply(content=small_module(folder, mark=mark))

    def open(self, text: str = "") -> News:
        """Writes the reference, reads it, and looks."""
        file = write(self.root.path / NET.path, (text or self.line()).encode())
        snapshot: Snapshot = DirectoryScanner().scan(self.root, NET.path).models[NET.path]
        self.hub.open(NET, file, snapshot, Digester().model(file, snapshot))
        return self.look()

    def line(self) -> str:
        """The handle that the server answers."""
        return f'handle = "{self.server.handle()}"\n'

    def look(self) -> News:
        """How it stands."""
        return self.hub.tell(NET)

    def fetched(self) -> News:
        """Waits for the end of a fetch, and looks."""
        assert self.woken.wait(DEADLINE_SECONDS)
        self.woken.clear()
        return self.look()


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer().running() as started:
        yield started


@pytest.fixture
def bench(
    server: HubServer, root: Root, make_hub: Callable[..., HubModels], moved_clock: Clock
) -> Iterator[Bench]:
    hub = make_hub(moved_clock, server.host)
    yield Bench(hub, root, server, moved_clock)
    hub.cache.stop(DEADLINE_SECONDS)


def move(bench: Bench, seconds: float) -> None:
    bench.clock.seconds += seconds  # type: ignore[attr-defined]  # the moved clock


def test_a_module_is_fetched_and_admitted(bench: Bench, tmp_path: Path) -> None:
    """The thread that looks never waits; the digest is that of file and module together."""
    bench.serve(tmp_path / "m")
    bench.server.gate.clear()
    first = bench.open()
    assert (first.sight, first.reason) == (
        Sight.SETTLING,
        f"fetching {bench.server.handle()}",
    )
    bench.server.gate.set()
    admitted = bench.fetched()
    assert admitted.sight is Sight.ADMITTED
    file = Digester().model(bench.root.path / NET.path, _snapshot(bench))
    folder = tmp_path / "m"
    module = snapshot_of(folder)
    assert module is not None
    assert admitted.digest == combine(file, Digester().model(folder, module))


def test_a_cached_module_makes_no_request(
    bench: Bench, tmp_path: Path, make_hub: Callable[..., HubModels]
) -> None:
    """Neither at another look nor by another daemon."""
    bench.serve(tmp_path / "m")
    bench.open()
    digest = bench.fetched().digest
    assert bench.look().digest == digest
    again = Bench(make_hub(bench.clock, bench.server.host), bench.root, bench.server, bench.clock)
    assert again.open().digest == digest
    assert len(bench.server.asked) == 1


def test_a_module_of_tensorflow_hub_is_taken_as_it_is(bench: Bench, tmp_path: Path) -> None:
    """The layout is the same, so a cache can be brought to a machine without a network."""
    saved_model(tmp_path / "cache" / module_key(bench.server.handle()))
    assert bench.open().sight is Sight.ADMITTED
    assert not bench.server.asked


def test_a_moved_handle_is_asked_again_after_the_interval(bench: Bench, tmp_path: Path) -> None:
    """Not before; the old module stays in force while the new one comes."""
    bench.serve(tmp_path / "m")
    bench.open()
    before = bench.fetched()
    bench.serve(tmp_path / "n", mark=200)
    move(bench, 23 * HOUR)
    assert bench.look() == before
    assert bench.hub.news("models", {NET.path: _snapshot(bench)})[1] == pytest.approx(
        bench.clock.monotonic() + HOUR, abs=1.0
    )
    assert len(bench.server.asked) == 1
    move(bench, 2 * HOUR)
    bench.server.gate.clear()
    assert bench.look() == before
    bench.server.gate.set()
    after = bench.fetched()
    assert after.sight is Sight.ADMITTED
    assert after.digest != before.digest
    assert len(bench.server.asked) == 2


def _snapshot(bench: Bench) -> Snapshot:
    return DirectoryScanner().scan(bench.root, NET.path).models[NET.path]


def test_a_failed_refresh_keeps_the_old_module(bench: Bench, tmp_path: Path) -> None:
    """Whatever the server says; it is asked again later, by and by."""
    bench.serve(tmp_path / "m")
    bench.open()
    before = bench.fetched()
    bench.server.replies["/net/1"] = Reply(status=503)
    move(bench, 25 * HOUR)
    assert bench.look() == before
    assert bench.fetched() == before
    assert bench.look() == before
    assert len(bench.server.asked) == 2
    bench.serve(tmp_path / "n", mark=200)
    move(bench, 2.1)
    bench.look()
    assert bench.fetched().digest != before.digest


def test_without_an_interval_it_is_never_asked_again(
    server: HubServer,
    root: Root,
    make_hub: Callable[..., HubModels],
    moved_clock: Clock,
    tmp_path: Path,
) -> None:
    """Zero means: on request only."""
    bench = Bench(
        make_hub(moved_clock, server.host, refresh_seconds=0.0), root, server, moved_clock
    )
    bench.serve(tmp_path / "m")
    bench.open()
    before = bench.fetched()
    move(bench, 1e9)
    assert bench.look() == before
    bench.hub.fetch_again(NET)
    assert bench.look().sight is Sight.SETTLING
    assert bench.fetched().digest == before.digest
    assert len(server.asked) == 2


def test_a_swap_is_not_seen(bench: Bench, tmp_path: Path) -> None:
    """Between the two renames of a refresh there is no folder; no running build ends for that."""
    bench.serve(tmp_path / "m")
    bench.open()
    before = bench.fetched()
    bench.server.gate.clear()
    move(bench, 25 * HOUR)
    assert bench.look() == before
    place = bench.hub.cache.place(bench.server.handle())
    place.rename(tmp_path / "aside")
    assert bench.look() == before
    bench.server.gate.set()
    assert bench.fetched().digest == before.digest


def test_a_cache_that_was_cleared_is_filled_again(bench: Bench, tmp_path: Path) -> None:
    """A module that somebody removed is not in force."""
    bench.serve(tmp_path / "m")
    bench.open()
    digest = bench.fetched().digest
    bench.hub.cache.place(bench.server.handle()).rename(tmp_path / "aside")
    assert bench.look().sight is Sight.SETTLING
    assert bench.fetched().digest == digest


def test_a_request_before_the_reference_is_read(bench: Bench, tmp_path: Path) -> None:
    """A forced trigger for a handle that another reference has brought before."""
    bench.serve(tmp_path / "m")
    saved_model(tmp_path / "cache" / module_key(bench.server.handle()))
    bench.hub.fetch_again(NET)
    assert bench.open().sight is Sight.SETTLING
    assert bench.fetched().sight is Sight.ADMITTED
    assert len(bench.server.asked) == 1
    assert bench.open().sight is Sight.ADMITTED


def test_a_request_that_fails_leaves_the_old_module(bench: Bench, tmp_path: Path) -> None:
    """A forced trigger asks once."""
    bench.serve(tmp_path / "m")
    bench.open()
    before = bench.fetched()
    bench.server.replies["/net/1"] = Reply(status=404)
    bench.hub.fetch_again(NET)
    assert bench.look().sight is Sight.SETTLING
    assert bench.fetched() == before


def test_transient_failures_are_tried_again_with_back_off(bench: Bench, tmp_path: Path) -> None:
    """The reason is told meanwhile; the waiting time doubles."""
    bench.server.replies["/net/1"] = Reply(status=503)
    bench.open()
    failed = bench.fetched()
    assert failed.sight is Sight.REFUSED
    assert "503" in failed.reason
    assert failed.hint
    for wait in (2.1, 4.1):
        assert bench.look() == failed
        move(bench, wait)
        bench.look()
        assert bench.fetched() == failed
    bench.serve(tmp_path / "m")
    move(bench, 8.1)
    bench.look()
    assert bench.fetched().sight is Sight.ADMITTED
    assert len(bench.server.asked) == 4


def test_final_failures_wait_for_the_file_or_the_interval(bench: Bench, tmp_path: Path) -> None:
    """A handle that the server does not have is not asked for every few seconds."""
    bench.open()
    assert bench.fetched().sight is Sight.REFUSED
    asked = len(bench.server.asked)
    move(bench, HOUR)
    assert bench.look().sight is Sight.REFUSED
    assert len(bench.server.asked) == asked
    bench.open(bench.line() + "# written anew\n")
    assert bench.fetched().sight is Sight.REFUSED
    move(bench, 25 * HOUR)
    bench.serve(tmp_path / "m")
    bench.look()
    assert bench.fetched().sight is Sight.ADMITTED


def test_a_module_that_is_not_whole_is_refused(bench: Bench, tmp_path: Path) -> None:
    """It is admitted like a SavedModel that was dropped."""
    bench.serve(tmp_path / "m", mark=1)
    bench.open()
    assert "variables" in bench.fetched().reason


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ('handel = "x"\nshape = [1]\n', ("handle", "handel", "shape")),
        ('handle = "http://unlisted.example/net"\n', ("handle", "unlisted.example", "hosts")),
        ('handle = "gs://bucket/net"\n', ("gs://",)),
        ('handle = "https://user:pass@hub.example/net"\n', ("password",)),
        ('handle = "https://127.0.0.1:1/net"\ninput_shape = [0]\n', ("input_shape",)),
        ('handle = 3\ntags = [1]\nsignature = ""\n', ("handle", "tags", "signature")),
        ("handle = ", ("line 1",)),
    ],
)
def test_wrong_references_are_refused_with_every_problem(
    bench: Bench, text: str, parts: tuple[str, ...]
) -> None:
    """File, key, observed and allowed, as for every other file; nothing is asked."""
    with pytest.raises(ModelRefusedError) as refused:
        bench.open(text)
    for part in parts:
        assert part in refused.value.message
    assert "pass" not in refused.value.message.replace("password", "")
    assert not bench.server.asked


def test_a_path_inside_a_root(bench: Bench) -> None:
    """Relative to the reference's folder; a change of the module is another digest."""
    folder = saved_model(bench.root.path / "sub" / "module")
    before = bench.open('handle = "sub/module"\n')
    assert before.sight is Sight.ADMITTED
    write(folder / "assets" / "vocabulary.txt", b"x")
    after = bench.look()
    assert after.sight is Sight.ADMITTED
    assert after.digest != before.digest


def test_a_path_is_left_alone_while_it_changes(
    server: HubServer, root: Root, make_hub: Callable[..., HubModels], moved_clock: Clock
) -> None:
    """A module inside a root settles like any model."""
    hub = make_hub(moved_clock, settle_seconds=5.0)
    bench = Bench(hub, root, server, moved_clock)
    saved_model(root.path / "module")
    assert bench.open('handle = "module"\n').sight is Sight.SETTLING
    due = hub.news("models", {NET.path: _snapshot(bench)})[1]
    assert due == moved_clock.monotonic() + 5.0
    move(bench, 5.1)
    assert bench.look().sight is Sight.ADMITTED
    write(root.path / "module" / "copy.part")
    assert bench.look().sight is Sight.SETTLING


@pytest.mark.parametrize("handle", ["../outside", "/nowhere/at/all", "link", "."])
def test_a_path_that_leaves_the_roots_is_refused(bench: Bench, tmp_path: Path, handle: str) -> None:
    """By ``..``, by an absolute path or by a link; the root itself is no module."""
    saved_model(tmp_path / "outside")
    (bench.root.path / "link").symlink_to(tmp_path / "outside")
    assert "outside every root" in bench.open(f'handle = "{handle}"\n').reason


def test_a_path_to_nothing_is_refused(bench: Bench) -> None:
    """Until there is something."""
    assert bench.open('handle = "module"\n').sight is Sight.REFUSED
    saved_model(bench.root.path / "module")
    assert bench.look().sight is Sight.ADMITTED


def test_offline_nothing_is_fetched(
    server: HubServer, root: Root, make_hub: Callable[..., HubModels], moved_clock: Clock
) -> None:
    """Questions without a daemon change nothing."""
    bench = Bench(make_hub(moved_clock, server.host, is_offline=True), root, server, moved_clock)
    assert bench.open().sight is Sight.SETTLING
    assert not server.asked


def test_the_copy_holds_file_and_module(bench: Bench, tmp_path: Path) -> None:
    """Exactly the admitted bytes, below names that the child knows."""
    bench.serve(tmp_path / "m")
    bench.open()
    digest = bench.fetched().digest
    assert digest is not None
    (tmp_path / "stage").mkdir()
    copy = bench.hub.stage(NET, tmp_path / "stage", digest)
    assert bench.hub.is_unchanged(NET, digest)
    assert not bench.hub.is_unchanged(NET, Digest("0" * 64))
    assert copy == tmp_path / "stage" / "net"
    assert (copy / COPY_REFERENCE).read_text() == bench.line()
    assert (copy / COPY_MODULE / "saved_model.pb").is_file()


@pytest.mark.parametrize("changed", ["file", "module", "gone", "unknown"])
def test_a_copy_of_something_else_is_refused(bench: Bench, tmp_path: Path, changed: str) -> None:
    """The digest is that of the bytes that were copied."""
    bench.serve(tmp_path / "m")
    bench.open()
    digest = bench.fetched().digest or Digest("")
    place = bench.hub.cache.place(bench.server.handle())
    model = NET
    if changed == "file":
        (bench.root.path / NET.path).write_text(bench.line() + "# more\n")
    elif changed == "module":
        (place / "saved_model.pb").write_bytes(b"other")
    elif changed == "gone":
        (place / "saved_model.pb").unlink()
    else:
        model = ModelId(root="models", path="other.hub.toml")
    (tmp_path / "stage").mkdir()
    with pytest.raises(SourceChangedError):
        bench.hub.stage(model, tmp_path / "stage", digest)


def test_a_model_that_left_its_root_is_forgotten(bench: Bench) -> None:
    """Nothing is fetched for it any more."""
    bench.open()
    bench.fetched()
    assert bench.hub.news("models", {}) == ({}, float("inf"))
    move(bench, 100 * HOUR)
    asked = len(bench.server.asked)
    assert bench.hub.news("models", {NET.path: _snapshot(bench)}) == ({}, float("inf"))
    assert len(bench.server.asked) == asked


def test_many_handles_take_turns(bench: Bench, tmp_path: Path) -> None:
    """A few are fetched at once; the others follow as they end."""
    bench.server.gate.clear()
    handles = [bench.server.handle(f"/net/{number}") for number in range(6)]
    reply = Reply(content=small_module(tmp_path / "m"))
    bench.server.replies |= {f"/net/{number}": reply for number in range(6)}
    cache = bench.hub.cache
    for handle in handles:
        assert cache.view(handle).folder is None
    wait_until(lambda: len(bench.server.asked) == 4, DEADLINE_SECONDS, what="four requests")
    assert cache.next_due(handles[5]) == float("inf")
    bench.server.gate.set()

    def are_there() -> bool:
        return None not in [cache.view(handle).folder for handle in handles]

    wait_until(are_there, DEADLINE_SECONDS, what="six modules")
    assert combine(*sorted(bench.server.asked)) == combine(
        *(f"/net/{number}?tf-hub-format=compressed" for number in range(6))
    )
