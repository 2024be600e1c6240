"""Uploads land as a whole or not at all; every refusal tells what was observed."""

import io
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tflited.domain.access import UploadRules
from tflited.errors import UploadRefusedError
from tflited.sources.uploads.desk import Uploads

RULES = UploadRules(root="models", free_bytes=0, timeout_seconds=60)
NET = {"net/saved_model.pb": b"graph", "net/variables/variables.index": b"index"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def send(
    root: Path, files: Mapping[str, bytes], *, rules: UploadRules = RULES, replace: bool = False
) -> str:
    """Uploads some files; the model that landed."""
    with closing(Uploads(rules, root).receive()) as landing:
        for name, content in files.items():
            landing.begin_file(name)
            for at in range(0, len(content), 1000):
                landing.write(content[at : at + 1000])
        return landing.land(replace=replace)


def refusal(
    root: Path, files: Mapping[str, bytes], *, rules: UploadRules = RULES
) -> UploadRefusedError:
    """Why an upload is refused; it must leave nothing behind."""
    before = tree(root)
    with pytest.raises(UploadRefusedError) as caught:
        send(root, files, rules=rules)
    assert tree(root) == before
    return caught.value


def tree(root: Path) -> dict[str, bytes]:
    """Every file below the root, whatever its name."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def zipped(files: Mapping[str, bytes], *, mode: int = 0) -> bytes:
    """A zip archive."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return stream.getvalue()


def tarred(files: Mapping[str, bytes], mode: str = "w:gz") -> bytes:
    """A tar archive."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=mode) as archive:  # type: ignore[call-overload]  # modes
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def test_a_file_lands_under_its_name(root: Path) -> None:
    """Readable for everybody, in the folder that is made when it is missing."""
    assert send(root, {"net.keras": b"x" * 5000}) == "models/uploads/net.keras"
    assert tree(root) == {"uploads/net.keras": b"x" * 5000}
    assert stat.S_IMODE((root / "uploads" / "net.keras").stat().st_mode) == 0o644


def test_a_folder_lands_as_one(root: Path) -> None:
    """As a browser sends it: every file with its path."""
    assert send(root, NET) == "models/uploads/net"
    assert tree(root) == {f"uploads/{name}": content for name, content in NET.items()}
    assert stat.S_IMODE((root / "uploads" / "net").stat().st_mode) == 0o755


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.zip", zipped),
        ("a.tar.gz", tarred),
        ("a.tgz", tarred),
        ("a.tar", lambda files: tarred(files, "w")),
    ],
)
def test_an_archive_is_unpacked(
    root: Path, name: str, pack: Callable[[Mapping[str, bytes]], bytes]
) -> None:
    """A folder in it keeps its name; files without one take the archive's."""
    assert send(root, {name: pack(NET)}) == "models/uploads/net"
    flat = {path.removeprefix("net/"): content for path, content in NET.items()}
    assert send(root, {name: pack(flat)}) == "models/uploads/a"
    assert send(root, {name: pack({"deep/er/x.h5": b"h"})}) == "models/uploads/x.h5"
    assert set(tree(root)) == {
        *(f"uploads/{path}" for path in NET),
        *(f"uploads/a/{path}" for path in flat),
        "uploads/x.h5",
    }


def test_what_a_desktop_leaves_in_an_archive_is_no_content(root: Path) -> None:
    """Finder's own files beside the model do not make it two."""
    noise = {"__MACOSX/net/._saved_model.pb": b"x", ".DS_Store": b"x"}
    assert send(root, {"net.zip": zipped({**NET, **noise})}) == "models/uploads/net"


def test_nothing_is_overwritten_unless_asked(root: Path) -> None:
    """Files and folders alike; what is replaced is gone as a whole."""
    send(root, {"net.keras": b"old"})
    send(root, {**NET, "net/old.txt": b"old"})
    assert refusal(root, {"net.keras": b"new"}).code == "upload_exists"
    assert refusal(root, NET).code == "upload_exists"

    send(root, {"net.keras": b"new"}, replace=True)
    send(root, NET, replace=True)
    assert tree(root) == {
        "uploads/net.keras": b"new",
        **{f"uploads/{name}": content for name, content in NET.items()},
    }
    assert {path.name for path in (root / "uploads").iterdir()} == {"net", "net.keras"}


@pytest.mark.parametrize(
    "name",
    [
        "", "/net.keras", "../net.keras", "a/../net.keras", "a//b.keras", "a\\b.keras", "a\0.keras",
        "a\n.keras", ".net.keras", ".git/net.keras", "net.keras.part", "x" * 256 + ".keras",
        "/".join(["x" * 200] * 6), "a/.hold", ".tflited.toml",
    ],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_refused(root: Path, name: str) -> None:
    """Of a file that is sent, and in archives of both kinds."""
    assert refusal(root, {name: b"x"}).code in {"upload_name", "upload_content"}
    if "\0" not in name and name:
        inside = {"net/saved_model.pb": b"x", name: b"x"}
        assert refusal(root, {"a.zip": zipped(inside)}).code == "upload_archive"
        told = refusal(root, {"a.tar": tarred(inside)}).code
        assert told == ("upload_content" if "//" in name else "upload_archive")


@pytest.mark.parametrize(
    "files",
    [
        {"notes.txt": b"x"},
        {"a.keras": b"x", "b.keras": b"x"},
        {"net/readme.md": b"x", "net/net.keras": b"x"},
        {"saved_model.pb": b"x"},
        {"model.hub.toml": b"handle = 'x'"},
    ],
)
def test_what_is_no_single_model_is_refused(root: Path, files: dict[str, bytes]) -> None:
    """The refusal names what was found and what is allowed."""
    error = refusal(root, files)
    assert error.code == "upload_content"
    assert "observed" in error.message
    archived = refusal(root, {"a.zip": zipped(files)}) if "saved_model.pb" not in files else error
    assert archived.code == "upload_content"


def test_an_empty_archive_is_refused(root: Path) -> None:
    """It holds no model."""
    assert "nothing" in refusal(root, {"a.zip": zipped({})}).message


def test_more_bytes_than_allowed(root: Path) -> None:
    """Counted as they come, over all files."""
    rules = replace(RULES, largest_bytes=1500)
    error = refusal(root, {"net/saved_model.pb": b"x" * 1000, "net/b": b"x" * 1000}, rules=rules)
    assert (error.code, "1500" in error.message) == ("upload_too_large", True)


def test_more_files_than_allowed(root: Path) -> None:
    """Folders count."""
    rules = replace(RULES, most_files=3)
    error = refusal(root, {f"net/{number}": b"" for number in range(3)}, rules=rules)
    assert (error.code, "3" in error.message) == ("upload_too_large", True)
    for name, pack in (("a.zip", zipped), ("a.tar", tarred)):
        assert "3 files" in refusal(root, {name: pack({f"n/{i}": b"" for i in range(3)})},
                                    rules=rules).message  # fmt: skip


@pytest.mark.parametrize(("name", "pack"), [("a.zip", zipped), ("a.tar.gz", tarred)])
def test_a_bomb_is_refused(
    root: Path, name: str, pack: Callable[[Mapping[str, bytes]], bytes]
) -> None:
    """By its ratio where there is room, and by its size."""
    bomb = pack({"net/saved_model.pb": bytes(30_000_000)})
    assert len(bomb) < 100_000
    assert refusal(root, {name: bomb}).code == "upload_archive"
    told = refusal(root, {name: bomb}, rules=replace(RULES, largest_unpacked_bytes=500_000))
    assert "largest_unpacked_bytes" in told.message


def test_a_bomb_of_names_takes_no_memory_of_the_daemon(root: Path) -> None:
    """A million entries of a few bytes: the process that reads them is stopped by its limit."""
    entry = b"PK\x01\x02" + bytes(24) + (1).to_bytes(2, "little") + bytes(16) + b"x"
    count = 1_200_000
    directory = entry * count
    end = (
        b"PK\x06\x06"
        + (44).to_bytes(8, "little")
        + bytes(4 + 8)
        + count.to_bytes(8, "little") * 2
        + len(directory).to_bytes(8, "little")
        + bytes(8)
    )
    locator = b"PK\x06\x07" + bytes(4) + len(directory).to_bytes(8, "little") + bytes([1, 0, 0, 0])
    tail = b"PK\x05\x06" + bytes(4) + b"\xff" * 12 + bytes(2)
    error = refusal(root, {"a.zip": directory + end + locator + tail})
    assert error.code == "upload_archive"


@pytest.mark.parametrize("mode", [0o120777, 0o020666, 0o010644])
def test_links_and_devices_in_a_zip_are_refused(root: Path, mode: int) -> None:
    """A link would be followed by whatever reads the model."""
    error = refusal(root, {"a.zip": zipped({"net/saved_model.pb": b"/etc/passwd"}, mode=mode)})
    assert error.code == "upload_archive"


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(root: Path, kind: bytes) -> None:
    """The same."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("net/saved_model.pb")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    assert refusal(root, {"a.tar": stream.getvalue()}).code == "upload_archive"


def test_damaged_archives_are_refused(root: Path) -> None:
    """Cut, rotten, or something else."""
    zip_archive, tar_archive = zipped({**NET, "net/a": os.urandom(5000)}), tarred(NET)
    rotten = bytearray(zip_archive)
    rotten[-len(zip_archive) // 2] ^= 0xFF
    for name, content in {
        "cut.zip": zip_archive[:-30],
        "rotten.zip": bytes(rotten),
        "cut.tar.gz": tar_archive[:-20],
        "not.tar": b"x" * 2000,
        "not.zip": zlib.compress(b"x"),
        "empty.zip": b"",
    }.items():
        assert refusal(root, {name: content}).code == "upload_archive", name


def test_a_full_file_system_is_told_before_it_is_full(root: Path) -> None:
    """With the room that was observed, at the beginning already."""
    with pytest.raises(UploadRefusedError, match="free bytes") as caught:
        Uploads(replace(RULES, free_bytes=2**60), root).receive()
    assert caught.value.code == "no_room"


def test_what_was_begun_is_swept_at_the_next_start(root: Path) -> None:
    """A killed daemon leaves a hidden folder, which is gone then; nothing else is."""
    send(root, {"net.keras": b"x"})
    landing = Uploads(RULES, root).receive()
    landing.begin_file("half.keras")
    landing.write(b"x")
    assert len(list((root / "uploads").iterdir())) == 2

    Uploads(RULES, root).sweep()
    assert [path.name for path in (root / "uploads").iterdir()] == ["net.keras"]


def test_a_root_that_cannot_be_written_is_told(root: Path) -> None:
    """With what is in the way."""
    (root / "uploads").write_text("in the way")
    with pytest.raises(UploadRefusedError, match="cannot be written: File exists") as caught:
        Uploads(RULES, root).receive()
    assert caught.value.code == "not_writable"


def test_uploads_may_land_in_the_root_itself(root: Path) -> None:
    """Without a folder of their own."""
    assert send(root, {"net.keras": b"x"}, rules=replace(RULES, folder="")) == "models/net.keras"
    assert tree(root) == {"net.keras": b"x"}
