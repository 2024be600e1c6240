"""Archives: whole for zipfile and unzip, of the length that was told, always the same."""

import io
import subprocess
import zipfile
import zlib
from pathlib import Path

import pytest

from programs import requires_program
from tflited.web.archive import Member, archive, length


def member(name: str, content: bytes) -> Member:
    """The line on a file."""
    return Member(name=name, size_bytes=len(content), crc=zlib.crc32(content))


def packed(contents: dict[str, bytes]) -> bytes:
    """The archive of some files."""
    members = [member(name, content) for name, content in contents.items()]
    made = b"".join(archive(members, [[content] for content in contents.values()]))
    assert length(members) == len(made)
    return made


CONTENTS = {"int8/net.tflite": bytes(range(256)) * 9, "a.c": b"", "größe.json": b"{}"}


def test_python_reads_it_back() -> None:
    """Names, bytes and checksums are those given."""
    with zipfile.ZipFile(io.BytesIO(packed(CONTENTS))) as found:
        assert found.testzip() is None
        assert {info.filename: found.read(info) for info in found.infolist()} == CONTENTS
        assert {info.date_time for info in found.infolist()} == {(1980, 1, 1, 0, 0, 0)}


@requires_program("unzip", "apt-get install unzip")
def test_unzip_finds_nothing_wrong(tmp_path: Path) -> None:
    """The program that most people have takes it without a warning."""
    path = tmp_path / "set.zip"
    path.write_bytes(packed(CONTENTS))
    told = subprocess.run(["unzip", "-tqq", path], capture_output=True, text=True, check=False)

    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_equal_files_give_equal_archives() -> None:
    """No time, no user, no machine is in it."""
    assert packed(CONTENTS) == packed(dict(CONTENTS))


def test_large_files_and_far_ones_take_zip64() -> None:
    """The directory of an archive above 4 GiB is read back; its bytes are never made."""
    large = Member(name="large.c", size_bytes=5 * 2**30, crc=7)
    far = Member(name="far.h", size_bytes=2, crc=zlib.crc32(b"ab"))
    parts = list(archive([large, far], [[], [b"ab"]]))
    hole = length([large, far]) - sum(map(len, parts))
    assert hole == 5 * 2**30

    class Sparse(io.RawIOBase):
        """The archive with a hole in the place of the large file."""

        def __init__(self) -> None:
            self.head, self.tail, self.at = parts[0], b"".join(parts[1:]), 0

        def seek(self, offset: int, whence: int = 0) -> int:
            end = length([large, far])
            self.at = offset + (0, self.at, end)[whence]
            return self.at

        def tell(self) -> int:
            return self.at

        def seekable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            begin = self.at - len(self.head) - hole
            source = self.tail[begin:] if begin >= 0 else self.head[self.at :]
            taken = source if size < 0 else source[:size]
            self.at += len(taken)
            return taken

    with zipfile.ZipFile(Sparse()) as found:
        infos = {info.filename: (info.file_size, info.CRC) for info in found.infolist()}
        assert infos == {"large.c": (5 * 2**30, 7), "far.h": (2, far.crc)}
        assert found.read("far.h") == b"ab"


@pytest.mark.parametrize("name", ["int8/..\\evil", "C:evil", "a\nb", "a\u202eb"])
def test_no_name_means_more_to_another_program(name: str) -> None:
    """Signs that lead elsewhere or show something else are replaced."""
    with zipfile.ZipFile(io.BytesIO(packed({name: b"x"}))) as found:
        (shown,) = found.namelist()
    assert not set(shown) & set("\\:\n\u202e")
