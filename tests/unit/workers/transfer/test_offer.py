"""Offers and announcements: what is written is read back, and nothing else is believed."""

import json
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflited.domain.model import Digest
from tflited.errors import TransferRefusedError
from tflited.workers.transfer.offer import Announcement, FileEntry, Item, Offer, path_fault

SHA = Digest("a" * 64)
PARTS = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=["Cs"]), min_size=1, max_size=20
).filter(lambda part: part not in {".", ".."})
PATHS = st.lists(PARTS, min_size=1, max_size=5).map("/".join)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def entry(path: str, size: int = 1) -> FileEntry:
    return FileEntry(path=path, size_bytes=size, sha256=SHA)


def an_offer(*items: Item) -> Offer:
    return Offer(
        attempt="7.1",
        url="https://build.example:8790",
        token="t" * 43,
        items=items,
        most_bytes=100,
        most_files=10,
    )


def folder(*paths: str, folders: tuple[str, ...] = ()) -> Item:
    files = tuple(entry(path) for path in paths)
    return Item(name="model", base="net", is_folder=True, files=files, folders=folders)


@given(st.sets(PATHS, max_size=8))
def test_an_offer_is_read_back(paths: set[str]) -> None:
    """Whatever files are called."""
    above = {str(each) for path in paths for each in PurePosixPath(path).parents}
    offer = an_offer(folder(*sorted(paths - above)))
    assert Offer.from_json(offer.to_json()) == offer


def test_names_that_are_no_utf8_travel() -> None:
    """As everywhere else in the daemon, a file's name is bytes."""
    offer = an_offer(folder("assets/\udcff"))
    assert Offer.from_json(offer.to_json()).items[0].files[0].path == "assets/\udcff"


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/etc/passwd", "..", "../x", "a/../b", "a//b", "a/", "./a", "a/.", "a\0b",
        "a" * 256, "a/" * 32 + "a", "/".join(["a" * 200] * 6), "\ud800", "a/\udfff\ud800",
    ],
)  # fmt: skip
def test_paths_that_lead_elsewhere_or_nowhere(path: str) -> None:
    """Each is refused, in an announcement as in an offer."""
    assert path_fault(path)
    content = json.dumps({"files": [{"path": path, "size_bytes": 1, "sha256": SHA}]}).encode()
    with pytest.raises(TransferRefusedError, match=r"files\.0\.path"):
        Announcement.from_json(content)


@pytest.mark.parametrize(
    ("files", "folders"),
    [(["a", "a"], []), (["a", "a/b"], []), (["a"], ["a"]), (["a"], ["a/b/c"])],
)
def test_names_that_cannot_be_in_one_tree(files: list[str], folders: list[str]) -> None:
    """A file is no folder, and there once."""
    told = {
        "files": [{"path": path, "size_bytes": 1, "sha256": SHA} for path in files],
        "folders": folders,
    }
    with pytest.raises(TransferRefusedError, match=r"named twice|a file and a folder"):
        Announcement.from_json(json.dumps(told).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"size_bytes": -1},
        {"size_bytes": 2**60},
        {"size_bytes": "1"},
        {"size_bytes": 1.5},
        {"size_bytes": True},
        {"sha256": "A" * 64},
        {"sha256": "a" * 63},
        {"sha256": "a" * 64 + "\n"},
        {"mode": 0o777},
    ],
)
def test_figures_and_digests_are_what_they_are(change: dict[str, Any]) -> None:
    """No value is bent into shape."""
    content = json.dumps({"files": [{"path": "a", "size_bytes": 1, "sha256": SHA, **change}]})
    with pytest.raises(TransferRefusedError):
        Announcement.from_json(content.encode())


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_hostile_bytes_are_refused_with_a_reason(content: bytes) -> None:
    """Nothing but the one error leaves the parser."""
    for kind in (Offer, Announcement):
        with pytest.raises(TransferRefusedError, match="is none"):
            kind.from_json(content)


def test_deep_and_long_documents_are_refused() -> None:
    """Neither the stack nor the memory is the sender's."""
    with pytest.raises(TransferRefusedError, match="is none"):
        Announcement.from_json(b"[" * 100_000)
    with pytest.raises(TransferRefusedError, match="too long"):
        Announcement.from_json(b" " * (2**26 + 1))


def test_a_single_file_keeps_its_name() -> None:
    """An item that is no folder cannot bring another file, or another name."""
    with pytest.raises(ValueError, match="one file of its own name"):
        Item(name="model", base="net.keras", is_folder=False, files=(entry("other.keras"),))


def test_a_token_is_not_printed() -> None:
    """Neither in a log nor in a traceback."""
    assert "ttt" not in repr(an_offer())


def test_an_unknown_item_is_named() -> None:
    """With those that there are."""
    with pytest.raises(TransferRefusedError, match="'data', allowed model"):
        an_offer(folder("a")).item("data")
