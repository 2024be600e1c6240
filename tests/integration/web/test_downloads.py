"""Downloads over a real listener: the published bytes of one generation, or a refusal."""

import hashlib
import http.client
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest

from fakes.control import FakeControl
from fakes.http_client import Answer, Daemon, serve
from fakes.samples import MODEL, a_job, a_left_set, a_publish_key
from tflited.domain.access import HttpRules
from tflited.domain.policy import OutputRules, Policy, Variant
from tflited.domain.report import VariantState
from tflited.output.reading import PublishedSets
from tflited.output.tree import OutputTree
from tflited.pages.downloads import REPORT_PAGE
from tflited.web.downloads import MOST_DOWNLOADS, disposition
from tflited.web.offers import Offers
from waiting import wait_until

TFLITE = "float32/mobilenet.tflite"
PROVEN = VariantState.PROVEN


@dataclass
class Served:
    """A daemon's door over an output tree that a test publishes into."""

    daemon: Daemon
    root: Path

    def publish(self, mark: str, size: int = 600_000, save_to: str | None = None) -> Path:
        """Publishes a set whose files are made of the mark; its directory."""
        tree, scratch = OutputTree(self.root / "output", reserve_bytes=0), self.root / mark
        variants = {Variant.FLOAT32: PROVEN, Variant.INT8: PROVEN}
        report = a_left_set(scratch, mark=mark, size=size, variants=variants)
        policy = Policy(output=OutputRules(keep_builds=1))
        job = a_job(int(mark), save_to=save_to)
        return tree.publish(job, policy, a_publish_key(mark), report, scratch).directory

    def get(self, file: str, path: str = str(MODEL), **headers: str) -> Answer:
        """Downloads one file."""
        query = urlencode({"path": path, "file": file})
        return self.daemon.tcp("GET", f"/download?{query}", **headers)

    def get_all(self, path: str = str(MODEL), **headers: str) -> Answer:
        """Downloads the archive."""
        return self.daemon.tcp("GET", f"/download/all?{urlencode({'path': path})}", **headers)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    control = FakeControl()
    offers = Offers(sets=PublishedSets(tmp_path / "output"))
    server = serve(control, tmp_path / "control.sock", offers=offers)
    server.start()
    yield Served(Daemon(control, server, tmp_path / "control.sock"), tmp_path)
    server.stop(5)


def test_a_download_is_the_published_file(served: Served) -> None:
    """Its bytes, its length, the manifest's digest as its tag, and nothing a browser would run."""
    directory = served.publish("1")
    answer = served.get(TFLITE)

    assert answer.body == (directory / TFLITE).read_bytes()
    assert answer.headers["etag"] == f'"{hashlib.sha256(answer.body).hexdigest()}"'
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["content-disposition"] == 'attachment; filename="mobilenet.tflite"'
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_what_the_client_has_is_not_sent_again(served: Served) -> None:
    """The tag stands for the bytes, of a file and of the archive."""
    served.publish("1")
    for ask in (lambda **h: served.get(TFLITE, **h), served.get_all):
        tag = ask().headers["etag"]
        again = ask(If_None_Match=f'"other", W/{tag}')
        assert (again.status, again.body) == (304, b"")
        assert ask(If_None_Match='"other"').status == 200


def test_the_archive_is_the_whole_set(served: Served) -> None:
    """Every file that is listed, the manifest and the report for people; the same each time."""
    directory = served.publish("1")
    answer = served.get_all()
    with zipfile.ZipFile(io.BytesIO(answer.body)) as found:
        contents = {name: found.read(name) for name in found.namelist()}
    page = contents.pop(REPORT_PAGE)
    on_disk = {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }

    assert contents == on_disk
    assert page == served.get(REPORT_PAGE).body
    assert answer.headers["content-length"] == str(len(answer.body))
    assert answer.headers["content-disposition"] == 'attachment; filename="mobilenet.zip"'
    assert served.get_all().body == answer.body


def test_the_report_is_shown_as_a_page(served: Served) -> None:
    """It opens in the browser, under a policy that runs nothing."""
    served.publish("1")
    answer = served.get(REPORT_PAGE)

    assert answer.content_type == "text/html; charset=utf-8"
    assert answer.headers["content-disposition"].startswith("inline")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "script-src" not in answer.headers["content-security-policy"]
    assert b"<h1>" in answer.body


def test_a_saved_set_is_downloaded_by_its_place(served: Served) -> None:
    """What save_to said is the path."""
    served.publish("1", save_to="releases/mobile")
    answer = served.get(TFLITE, path="releases/mobile")

    assert answer.body == b"1" * 600_000


@pytest.mark.parametrize("path", ["models", "../output", ".tflited/previous", "x" * 4000])
def test_a_place_without_a_set_is_not_found(served: Served, path: str) -> None:
    """The refusal says where sets are."""
    served.publish("1")
    for answer in (served.get(TFLITE, path=path), served.get_all(path=path)):
        assert (answer.status, answer.json["code"]) == (404, "no_such_set")


@pytest.mark.parametrize("file", ["../../secret", "int8/nothing.tflite", "/etc/passwd"])
def test_a_file_that_is_not_listed_is_not_found(served: Served, file: str) -> None:
    """Nothing beside the manifest's files can be had."""
    served.publish("1")
    answer = served.get(file)

    assert (answer.status, answer.json["code"]) == (404, "no_such_file")


def test_a_damaged_set_is_refused_before_its_first_byte(served: Served) -> None:
    """The refusal tells what was observed; a whole file that is another one is never sent."""
    directory = served.publish("1")
    (directory / TFLITE).write_bytes(b"2" * 600_000)
    for answer in (served.get(TFLITE), served.get_all()):
        assert (answer.status, answer.json["code"]) == (500, "damaged")
        assert TFLITE in answer.json["message"]


def test_a_download_during_a_swap_is_one_generation(served: Served) -> None:
    """Sets are replaced all the time; every archive is one build, and whole."""
    served.publish("1", size=50_000)
    is_over = threading.Event()

    def swap() -> None:
        for mark in range(2, 10):
            for _ in range(4):
                if is_over.is_set():
                    return
                served.publish(str(mark), size=50_000)

    swapping = threading.Thread(target=swap)
    swapping.start()
    try:
        seen = {jobs(served.get_all().body) for _ in range(40)}
    finally:
        is_over.set()
        swapping.join(60)
    assert all(len(marks) == 1 for marks in seen)
    assert len(seen) > 1


def jobs(body: bytes) -> frozenset[str]:
    """The marks of the files in an archive."""
    with zipfile.ZipFile(io.BytesIO(body)) as found:
        assert found.testzip() is None
        texts = [found.read(name).decode() for name in found.namelist()]
        names = found.namelist()
    marks = {text[0] for name, text in zip(names, texts, strict=True) if name.endswith(".tflite")}
    (manifest,) = [t for n, t in zip(names, texts, strict=True) if n == "manifest.json"]
    return frozenset({*marks, *re.findall(r'"job": (\d+)', manifest)})


def test_there_is_room_for_so_many(served: Served) -> None:
    """One more than the limit is told when to come again; whoever leaves makes room."""
    served.publish("1", size=40_000_000)
    query = urlencode({"path": str(MODEL), "file": TFLITE})
    waiting = [connection(served) for _ in range(MOST_DOWNLOADS)]
    for each in waiting:
        each.request("GET", f"/download?{query}")
    for each in waiting:
        assert each.getresponse().status == 200
    refused = served.get(TFLITE)

    assert (refused.status, refused.json["code"]) == (503, "too_many_downloads")
    assert int(refused.headers["retry-after"]) >= 1
    for each in waiting:
        each.close()
    wait_until(lambda: served.get("manifest.json").status == 200, 30, what="room")


def connection(served: Served) -> http.client.HTTPConnection:
    """One over TCP."""
    return http.client.HTTPConnection("127.0.0.1", served.daemon.server.port, timeout=30)


def test_reading_needs_its_token_here_too(tmp_path: Path) -> None:
    """Where reading needs a token, so does a download."""
    offers = Offers(sets=PublishedSets(tmp_path / "output"))
    rules = HttpRules(require_token_for_reading=True)
    server = serve(FakeControl(), tmp_path / "control.sock", rules=rules, offers=offers)
    server.start()
    try:
        asked = Daemon(FakeControl(), server, tmp_path / "control.sock")
        assert asked.tcp("GET", "/download?path=a&file=b").status == 401
        assert asked.tcp("GET", "/download/all?path=a").status == 401
    finally:
        server.stop(5)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("net.c", 'attachment; filename="net.c"'),
        ("größe.c", "attachment; filename=\"gr__e.c\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.c"),
        ('a"b\r\nX: y', "attachment; filename=\"a_b__X: y\"; filename*=UTF-8''a%22b%0D%0AX%3A%20y"),
        ("\udce9", "attachment; filename=\"_\"; filename*=UTF-8''%3F"),
    ],
)
def test_any_name_stays_in_its_header(name: str, expected: str) -> None:
    """Line ends and quotes end nothing, and the exact name is there in its encoded form."""
    assert disposition(name) == expected
