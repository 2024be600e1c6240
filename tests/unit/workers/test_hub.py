"""Fetching: the real process, a real server on the loopback address, and hostile archives."""

import gzip
import io
import os
import subprocess
import sys
import tarfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread

import pytest
from structlog.testing import capture_logs

from hub_server import HubServer, Reply, archive, members, small_module, special
from model_trees import saved_model
from tflited.domain.hub import HubLimits
from tflited.domain.sandbox import SandboxDemand
from tflited.errors import HubError
from tflited.workers.hub import HubProcesses
from tflited.workers.sandbox.layers import FETCH
from waiting import wait_until

TESTS = Path(__file__).parents[2]
DEADLINE_SECONDS = 60.0
ENOUGH = b"graph" * 100


@pytest.fixture
def server() -> Iterator[HubServer]:
    with HubServer().running() as started:
        yield started


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the module goes."""
    return tmp_path / "cache" / "key"


@pytest.fixture
def fetch(server: HubServer, place: Path) -> Callable[..., None]:
    """Fetches ``/net/1`` of the server, whose host is listed."""

    def fetched(handle: str = "", **limits: object) -> None:
        allowed = replace(HubLimits(hosts=(server.host,)), **limits)  # type: ignore[arg-type]  # fields
        HubProcesses(allowed).fetch(handle or server.handle(), place, Event())

    return fetched


@pytest.fixture
def refusal(fetch: Callable[..., None], place: Path) -> Callable[..., HubError]:
    """Fetches what cannot be had, and gives the error; nothing is left but the lock."""

    def refused(handle: str = "", **limits: object) -> HubError:
        with pytest.raises(HubError) as caught:
            fetch(handle, **limits)
        left = sorted(path.name for path in place.parent.glob("*"))
        assert left in ([], ["key.flock"]), left
        return caught.value

    return refused


def test_a_compressed_module(
    server: HubServer, fetch: Callable[..., None], place: Path, tmp_path: Path
) -> None:
    """Asked as tensorflow_hub asks, and unpacked byte for byte."""
    server.replies["/net/1"] = Reply(content=small_module(tmp_path / "m"))
    fetch()
    assert server.asked == ["/net/1?tf-hub-format=compressed"]
    names = [path.relative_to(place) for path in sorted(place.rglob("*")) if path.is_file()]
    for name in names:
        assert (place / name).read_bytes() == (tmp_path / "m" / name).read_bytes()
    assert len(names) == 3
    assert sorted(path.name for path in place.parent.iterdir()) == ["key", "key.flock"]


def test_a_plain_tar_and_a_query_of_its_own(
    server: HubServer, fetch: Callable[..., None], place: Path, tmp_path: Path
) -> None:
    """Archives need no gzip, and the handle's query stays."""
    server.replies["/net.tar"] = Reply(content=small_module(tmp_path / "m", mode="w"))
    fetch(server.handle("/net.tar?version=3"))
    assert server.asked == ["/net.tar?version=3&tf-hub-format=compressed"]
    assert (place / "saved_model.pb").is_file()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(
    server: HubServer, fetch: Callable[..., None], place: Path, tmp_path: Path, status: int
) -> None:
    """As a server does that keeps its archives elsewhere; relative locations too."""
    server.replies["/net/1"] = Reply(status=status, headers={"Location": "/moved?sig=1"})
    server.replies["/moved"] = Reply(content=small_module(tmp_path / "m"))
    fetch()
    assert server.asked[1] == "/moved?sig=1"
    assert (place / "saved_model.pb").is_file()


def test_an_uncompressed_server_that_leads_to_an_archive(
    server: HubServer, fetch: Callable[..., None], place: Path, tmp_path: Path
) -> None:
    """Where the compressed format is not served, the other is asked for, and its 303 followed."""
    server.replies["/net/1"] = Reply(status=406)
    location = {"Location": server.handle("/files/net.tgz")}
    server.replies["/net/1?uncompressed"] = Reply(status=303, headers=location)
    server.replies["/files/net.tgz"] = Reply(content=small_module(tmp_path / "m"))
    fetch()
    assert server.asked[1] == "/net/1?tf-hub-format=uncompressed"
    assert (place / "saved_model.pb").is_file()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=303, headers={"Location": "gs://bucket/net"}),
        Reply(status=303, content=b"gs://bucket/net"),
    ],
    ids=["header", "body"],
)
def test_a_bucket_is_refused_with_the_way_out(
    server: HubServer, refusal: Callable[..., HubError], reply: Reply
) -> None:
    """Both forms of the uncompressed answer that lead to Google Cloud Storage."""
    server.replies["/net/1"] = Reply(status=404)
    server.replies["/net/1?uncompressed"] = reply
    error = refusal()
    assert "gs://" in error.message
    assert "bucket" in error.hint
    assert not error.retryable


@pytest.mark.parametrize(
    ("status", "is_transient"), [(400, False), (403, False), (404, False), (429, True), (503, True)]
)
def test_a_servers_refusal(
    server: HubServer, refusal: Callable[..., HubError], status: int, is_transient: bool
) -> None:
    """Busy servers are asked again by themselves, others not."""
    server.replies["/net/1"] = Reply(status=status)
    error = refusal()
    assert str(status) in error.message
    assert error.retryable is is_transient


def test_an_unlisted_host_is_not_asked(server: HubServer, refusal: Callable[..., HubError]) -> None:
    """Http goes to listed hosts only; the hint names the key."""
    error = refusal(hosts=("hub.example",))
    assert not server.asked
    assert "hosts" in error.hint
    assert not refusal(hosts=()).retryable
    assert not server.asked


def test_a_redirect_to_another_host_is_refused(
    server: HubServer, refusal: Callable[..., HubError]
) -> None:
    """Each hop is held to the same rules."""
    elsewhere = {"Location": f"http://localhost:{server.host.rpartition(':')[2]}/secret"}
    server.replies["/net/1"] = Reply(status=302, headers=elsewhere)
    error = refusal()
    assert "localhost" in error.message
    assert len(server.asked) == 1


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://127.0.0.1/x", "gs://b/x"])
def test_a_redirect_to_another_scheme_is_refused(
    server: HubServer, refusal: Callable[..., HubError], location: str
) -> None:
    """Only http and https are spoken."""
    server.replies["/net/1"] = Reply(status=302, headers={"Location": location})
    assert location.partition(":")[0] in refusal().message


def test_a_circle_of_redirects_ends(server: HubServer, refusal: Callable[..., HubError]) -> None:
    """After a few hops."""
    server.replies["/net/1"] = Reply(status=302, headers={"Location": "/net/1"})
    assert "redirects" in refusal().message
    assert len(server.asked) == 6


def test_no_server_is_transient(refusal: Callable[..., HubError], server: HubServer) -> None:
    """A host that does not answer may answer later."""
    error = refusal("http://127.0.0.1:1/net", hosts=("127.0.0.1",))
    assert error.retryable
    assert "connection" in error.message


def test_a_silent_server_is_given_up(
    server: HubServer, fetch: Callable[..., None], place: Path
) -> None:
    """Within the time limit, and it is tried again."""
    server.gate.clear()
    with pytest.raises(HubError) as caught:
        fetch(timeout_seconds=1.0)
    assert caught.value.retryable
    assert not place.exists()


def test_a_stop_ends_a_fetch(server: HubServer, place: Path) -> None:
    """A daemon that stops does not wait for a server; nothing of the process is left."""
    server.gate.clear()
    cancel, errors = Event(), list[HubError]()

    def fetch() -> None:
        try:
            HubProcesses(HubLimits(hosts=(server.host,))).fetch(server.handle(), place, cancel)
        except HubError as error:
            errors.append(error)

    thread = Thread(target=fetch)
    thread.start()
    wait_until(lambda: server.asked, DEADLINE_SECONDS, what="the request")
    cancel.set()
    thread.join(DEADLINE_SECONDS)
    assert errors
    assert errors[0].retryable
    assert not place.exists()


def good() -> tuple[str, bytes]:
    """What every hostile archive begins with, so that it would do harm if it were believed."""
    return ("saved_model.pb", ENOUGH)


def pax(**records: str) -> bytes:
    """An archive whose file has such extended headers."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz", format=tarfile.PAX_FORMAT) as tar:
        info = tarfile.TarInfo("saved_model.pb")
        info.pax_headers = records
        info.size = len(ENOUGH)
        tar.addfile(info, io.BytesIO(ENOUGH))
    return content.getvalue()


def sparse() -> bytes:
    """A member of GNU's sparse type that claims a terabyte."""
    info = special("big", tarfile.GNUTYPE_SPARSE)
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    return gzip.compress(bytes(block) + bytes(1024))


def claiming(size: int) -> bytes:
    """A file whose header says more than there is."""
    info = tarfile.TarInfo("saved_model.pb")
    info.size = size
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + ENOUGH)


HOSTILE = {
    "traversal": (members(good(), ("../evil", b"x")), "leads out"),
    "inner traversal": (members(good(), ("a/../../evil", b"x")), "leads out"),
    "absolute": (members(good(), ("/tmp/evil", b"x")), "leads out"),
    "symbolic link": (members(good(), special("l", tarfile.SYMTYPE, "/etc")), "symbolic link"),
    "hard link": (members(good(), special("l", tarfile.LNKTYPE, "saved_model.pb")), "hard link"),
    "character device": (members(good(), special("d", tarfile.CHRTYPE)), "device"),
    "block device": (members(good(), special("d", tarfile.BLKTYPE)), "device"),
    "pipe": (members(good(), special("p", tarfile.FIFOTYPE)), "pipe"),
    "sparse": (sparse(), "sparse"),
    "twice": (members(good(), good()), "twice"),
    "file as folder": (members(good(), ("saved_model.pb/x", b"x")), "folder"),
    "folder as file": (members(good(), ("a/b", b"x"), ("a", b"x")), "twice"),
    "newline in a name": (members(good(), ("a\nb", b"x")), "characters"),
    "pax path": (pax(path="../evil"), "leads out"),
    "pax size": (pax(size="0"), "size"),
    "pax of megabytes": (pax(comment="x" * 2**21), "extended header"),
    "truncated gzip": (members(good(), ("a", ENOUGH))[:-20], "cut short"),
    "truncated tar": (members(good(), mode="w")[:700], "cut short"),
    "tar without an end": (members(good(), mode="w")[:1024], "cut short"),
    "size beyond the end": (claiming(10**9), "cut short"),
    "wrong checksum of gzip": (members(good())[:-8] + bytes(8), "damaged"),
    "damaged header": (members(good(), mode="w")[:512].replace(b"ustar", b"xstar"), "damaged"),
    "a web page": (b"<html>welcome</html>" * 100, "no tar archive"),
    "gzip of nothing": (gzip.compress(b""), "cut short"),
    "nothing": (b"", "cut short"),
    "no model": (members(("readme.txt", b"x")), "saved_model.pb"),
    "a folder around it": (members(("net/saved_model.pb", b"x")), "saved_model.pb"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_are_refused(
    server: HubServer, refusal: Callable[..., HubError], tmp_path: Path, name: str
) -> None:
    """Each with its reason; nothing is visible, and nothing outside the place was written."""
    content, part = HOSTILE[name]
    server.replies["/net/1"] = Reply(content=content)
    error = refusal()
    assert part in error.message
    assert error.hint
    assert not error.retryable
    assert {path.name for path in tmp_path.iterdir()} <= {"cache"}
    assert not Path("/tmp/evil").exists()


def test_a_bomb_is_stopped_while_it_unpacks(
    server: HubServer, refusal: Callable[..., HubError]
) -> None:
    """Bytes are counted as they come out; 64 MB of zeros are 64 kB on the network."""
    bomb = members(("saved_model.pb", bytes(2**26)))
    assert len(bomb) < 2**17
    server.replies["/net/1"] = Reply(content=bomb)
    assert "largest_unpacked_bytes" in refusal(largest_unpacked_bytes=2**20).hint


def test_a_bomb_outside_of_files_is_stopped(
    server: HubServer, refusal: Callable[..., HubError]
) -> None:
    """What follows the archive's end counts as well."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    content = packer.compress(members(good(), mode="w")) + packer.compress(bytes(2**26))
    server.replies["/net/1"] = Reply(content=content + packer.flush())
    assert "largest_unpacked_bytes" in refusal(largest_unpacked_bytes=2**20).message


@pytest.mark.parametrize("name", ["a{}", "{}/", "d/{}/e"])
def test_too_many_files_are_refused(
    server: HubServer, refusal: Callable[..., HubError], name: str
) -> None:
    """Folders count, also those that only a path names."""
    many = [(name.format(number).rstrip("/"), b"") for number in range(30)]
    server.replies["/net/1"] = Reply(content=members(good(), *many))
    assert "most_files" in refusal(most_files=20).hint


def test_a_large_archive_is_refused_by_its_length(
    server: HubServer, refusal: Callable[..., HubError], tmp_path: Path
) -> None:
    """Before a byte of it is read."""
    server.replies["/net/1"] = Reply(content=small_module(tmp_path / "cache" / "m"))
    (tmp_path / "cache" / "m").rename(tmp_path / "m")
    error = refusal(largest_archive_bytes=100)
    assert "100" in error.message


def test_a_large_archive_without_a_length_is_refused(
    server: HubServer, refusal: Callable[..., HubError]
) -> None:
    """Counted as it comes: no header is believed."""
    content = members(("saved_model.pb", os.urandom(2**16)))
    length = {"Content-Length": "", "Connection": "close"}
    server.replies["/net/1"] = Reply(content=content, headers=length)
    assert "largest_archive_bytes" in refusal(largest_archive_bytes=2**14).message


def test_a_length_that_promises_more(server: HubServer, refusal: Callable[..., HubError]) -> None:
    """A transfer that ends early is no module, and may be tried again."""
    content = members(good())
    server.replies["/net/1"] = Reply(
        content=content, headers={"Content-Length": str(len(content) + 10)}
    )
    error = refusal()
    assert "cut short" in error.message
    assert error.retryable


def test_a_length_that_promises_less(server: HubServer, refusal: Callable[..., HubError]) -> None:
    """Only so much is read, so the archive is damaged."""
    content = members(good())
    server.replies["/net/1"] = Reply(
        content=content, headers={"Content-Length": str(len(content) - 10)}
    )
    assert "cut short" in refusal().message


def test_the_present_module_stays_when_the_next_is_none(
    server: HubServer, fetch: Callable[..., None], place: Path, tmp_path: Path
) -> None:
    """A hostile or broken answer replaces nothing."""
    server.replies["/net/1"] = Reply(content=small_module(tmp_path / "m"))
    fetch()
    before = (place / "variables" / "variables.index").read_bytes()
    for content, _ in (HOSTILE["traversal"], HOSTILE["truncated gzip"], HOSTILE["no model"]):
        server.replies["/net/1"] = Reply(content=content)
        with pytest.raises(HubError):
            fetch()
    assert (place / "variables" / "variables.index").read_bytes() == before


def test_the_next_module_replaces_the_present_one(
    server: HubServer, fetch: Callable[..., None], place: Path, tmp_path: Path
) -> None:
    """As a whole; no file of the old one is left."""
    old = saved_model(tmp_path / "old")
    (old / "assets.txt").write_text("old")
    server.replies["/net/1"] = Reply(content=archive(old))
    fetch()
    server.replies["/net/1"] = Reply(content=small_module(tmp_path / "new", mark=200))
    fetch()
    assert not (place / "assets.txt").exists()
    assert sorted(path.name for path in place.parent.iterdir()) == ["key", "key.flock"]


@pytest.mark.parametrize("is_swapped_halfway", [True, False])
def test_what_a_killed_fetch_left_is_mended(
    server: HubServer,
    refusal: Callable[..., HubError],
    fetch: Callable[..., None],
    place: Path,
    tmp_path: Path,
    is_swapped_halfway: bool,
) -> None:
    """A half module is cleared; one that was put aside comes back, even if the server is down."""
    saved_model(place.with_name("key.old" if is_swapped_halfway else "key"))
    saved_model(place.with_name("key.new"))
    with pytest.raises(HubError):
        fetch()
    assert sorted(path.name for path in place.parent.iterdir()) == ["key", "key.flock"]


def test_a_process_that_does_not_reply(place: Path) -> None:
    """Its end is told, and it is tried again."""
    fetcher = HubProcesses(HubLimits(), entry="no.such.module")
    with pytest.raises(HubError, match="without a reply") as caught:
        fetcher.fetch("https://hub.example/net", place, Event())
    assert caught.value.retryable


def test_nothing_escapes_from_a_fetch(
    server: HubServer, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred ways out, the internet is open and the rest is shut; the cache is written."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(TESTS), str(TESTS.parent / "daemon"))))
    (tmp_path / "secret").write_text("secret")
    fetcher = HubProcesses(HubLimits(), entry="fakes.fetch_escapes")
    with pytest.raises(HubError) as caught:
        fetcher.fetch(server.handle(), place, Event())
    count, *worked = caught.value.message.split(", ")
    assert int(count) >= 100, caught.value.message
    assert set(worked) - {"inet6"} == {"stat", "readlink", "inet", "inet udp", "connected"}
    assert (tmp_path / "secret").read_text() == "secret"


def test_without_a_layer_nothing_is_fetched(
    server: HubServer, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refusal names the layer; the server was never asked. Switched off, it is fetched."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(TESTS), str(TESTS.parent / "daemon"))))
    server.replies["/net/1"] = Reply(content=small_module(tmp_path / "m"))
    limits = HubLimits(hosts=(server.host,))
    for name in sorted(FETCH):
        monkeypatch.setenv("LANG", name)
        with pytest.raises(HubError, match="is short of its") as caught:
            HubProcesses(limits, entry="fakes.short_fetch").fetch(server.handle(), place, Event())
        # Without it the kernel lets a process without capabilities have no Landlock.
        told = "landlock" if name == "no new privileges" else name
        assert f"{told} layer" in caught.value.message
    assert server.asked == []
    off = replace(limits, sandbox=SandboxDemand.OFF)
    HubProcesses(off, entry="fakes.short_fetch").fetch(server.handle(), place, Event())
    assert (place / "saved_model.pb").is_file()


def test_fetching_loads_no_tensorflow() -> None:
    """The process that has network knows nothing that could run a model."""
    code = "import sys, tflited.convert.hub.fetch, tflited.workers.hub_child; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"tensorflow", "keras", "h5py", "numpy"} & set(done.stdout.split())


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate of this machine's loopback address, signed by itself, with its key."""
    key, own = tmp_path / "key.pem", tmp_path / "own.pem"
    ask = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(own)]
    subprocess.run([*ask, *names, *files], check=True, capture_output=True)
    pair = tmp_path / "pair.pem"
    pair.write_text(key.read_text() + own.read_text())
    return pair


@pytest.mark.requires_program("openssl", "apt-get install openssl")
def test_https_goes_to_any_host_that_the_machine_trusts(
    certificate: Path, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a list; but a redirect that takes the lock off is refused."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    fetcher = HubProcesses(HubLimits())
    with HubServer(certificate).running() as server:
        server.replies["/net/1"] = Reply(content=small_module(tmp_path / "m"))
        fetcher.fetch(server.handle(), place, Event())
        assert (place / "saved_model.pb").is_file()
        plain = {"Location": f"http://{server.host}/net/1"}
        server.replies["/moved"] = Reply(status=302, headers=plain)
        with pytest.raises(HubError, match="over http is not allowed"):
            fetcher.fetch(server.handle("/moved"), place, Event())


@pytest.mark.requires_program("openssl", "apt-get install openssl")
def test_a_certificate_that_is_not_trusted(certificate: Path, place: Path) -> None:
    """Refused for good, with the way to trust it."""
    with HubServer(certificate).running() as server:
        with pytest.raises(HubError, match="certificate") as caught:
            HubProcesses(HubLimits()).fetch(server.handle(), place, Event())
        assert not caught.value.retryable
        assert "SSL_CERT_FILE" in caught.value.hint


def test_what_the_process_says_becomes_an_event(
    server: HubServer,
    place: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its last lines with the handle, printable; none reaches this process's standard error."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(TESTS), str(TESTS.parent / "daemon"))))
    processes = HubProcesses(HubLimits(hosts=(server.host,)), entry="fakes.chatty_fetch")
    with capture_logs() as log, pytest.raises(HubError, match="status 1 and without a reply"):
        processes.fetch(server.handle(), place, Event())

    (event,) = log
    assert (event["event"], event["handle"]) == ("hub_fetch_said", server.handle())
    assert event["text"].startswith("native \ufffd[0x line\nTraceback")
    assert capfd.readouterr() == ("", "")
