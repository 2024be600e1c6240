"""What is taken over from a child, and what is refused."""

import os
import socket
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fakes.samples import a_file, a_variant, leave
from tflited.domain.policy import Variant
from tflited.domain.report import ArtifactFile, VariantReport
from tflited.errors import OutputError
from tflited.output.intake import take

NAME = "float32/m.tflite"
CONTENT = b"flatbuffer" * 1000


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return scratch


@pytest.fixture
def stage(tmp_path: Path) -> Path:
    stage = tmp_path / "stage"
    stage.mkdir()
    return stage


def left(scratch: Path, **changes: Any) -> VariantReport:
    """One honest file, reported with the given changes."""
    (file,) = leave(scratch, {NAME: CONTENT})
    return a_variant(files=(replace(file, **changes),))


def reported(*files: ArtifactFile) -> VariantReport:
    return a_variant(files=files)


def contents(stage: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(stage)): path.read_bytes()
        for path in stage.rglob("*")
        if path.is_file()
    }


def test_honest_files_are_copied(scratch: Path, stage: Path) -> None:
    """Every reported file is in the stage, byte for byte, and nothing else is."""
    files = leave(scratch, {NAME: CONTENT, "float32/m.c": b"c", "float32/m.h": b""})
    leave(scratch, {"float32/unreported.c": b"x", "stray.txt": b"x"})
    assert take([reported(*files)], scratch, stage) == files
    assert contents(stage) == {NAME: CONTENT, "float32/m.c": b"c", "float32/m.h": b""}


def test_every_style_of_sources_is_taken(scratch: Path, stage: Path) -> None:
    """C, C++ in TFLM's and in Arduino's spelling, headers, and assembler for a preprocessor."""
    names = ("m.c", "m.cc", "m.cpp", "m.h", "m_resolver.h", "m.S")
    files = leave(scratch, {NAME: CONTENT, **{f"float32/{name}": b"x" for name in names}})
    assert take([reported(*files)], scratch, stage) == files


def test_only_the_given_variants_are_taken(scratch: Path, stage: Path) -> None:
    """A rejected variant's files stay behind."""
    files = leave(scratch, {NAME: CONTENT})
    leave(scratch, {"int8/m.tflite": b"rejected"})
    take([reported(*files)], scratch, stage)
    assert set(contents(stage)) == {NAME}


def test_everybody_may_read_what_was_taken(scratch: Path, stage: Path) -> None:
    """A child's tight umask, and the daemon's, do not reach the output tree."""
    variant = left(scratch)
    (scratch / "set" / NAME).chmod(0o600)
    before = os.umask(0o077)
    try:
        take([variant], scratch, stage)
    finally:
        os.umask(before)
    assert (stage / NAME).stat().st_mode & 0o777 == 0o644
    assert (stage / "float32").stat().st_mode & 0o777 == 0o755


def into_link(path: Path, outside: Path) -> None:
    outside.write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(outside)


def into_second_name(path: Path, outside: Path) -> None:
    outside.hardlink_to(path)


def into_pipe(path: Path, outside: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def into_folder(path: Path, outside: Path) -> None:
    path.unlink()
    path.mkdir()


def into_socket(path: Path, outside: Path) -> None:
    path.unlink()
    here = Path.cwd()
    with socket.socket(socket.AF_UNIX) as made:
        os.chdir(path.parent)  # the address has room for 107 bytes (unix(7))
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


def into_device(path: Path, outside: Path) -> None:
    """As root alone; reading /dev/zero would never end."""
    path.unlink()
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 5))
    except PermissionError:
        pytest.skip("only root makes devices")


def into_nothing(path: Path, outside: Path) -> None:
    path.unlink()


def into_linked_folder(path: Path, outside: Path) -> None:
    path.parent.rename(outside)
    path.parent.symlink_to(outside)


def into_linked_set(path: Path, outside: Path) -> None:
    path.parents[1].rename(outside)
    path.parents[1].symlink_to(outside)


def into_something_longer(path: Path, outside: Path) -> None:
    with path.open("ab") as stream:
        stream.write(b"!")


def into_something_shorter(path: Path, outside: Path) -> None:
    os.truncate(path, len(CONTENT) - 1)


def into_other_bytes(path: Path, outside: Path) -> None:
    path.write_bytes(bytes(len(CONTENT)))


def into_a_hole(path: Path, outside: Path) -> None:
    os.truncate(path, 2**40)


@pytest.mark.parametrize(
    "turn",
    [
        into_link,
        into_second_name,
        into_pipe,
        into_folder,
        into_socket,
        into_device,
        into_nothing,
        into_linked_folder,
        into_linked_set,
        into_something_longer,
        into_something_shorter,
        into_other_bytes,
        into_a_hole,
    ],
)
def test_what_is_not_as_reported_is_refused(
    scratch: Path, stage: Path, turn: Callable[[Path, Path], None]
) -> None:
    """Nothing outside the child's folder is read, nothing is waited for, nothing is believed."""
    variant = left(scratch)
    turn(scratch / "set" / NAME, scratch.parent / "outside")
    with pytest.raises(OutputError, match=r"float32/m\.tflite"):
        take([variant], scratch, stage)


def test_a_linked_scratch_folder_is_refused(scratch: Path, stage: Path) -> None:
    """The child cannot exchange its whole folder for another one."""
    variant = left(scratch)
    scratch.rename(scratch.parent / "moved")
    scratch.symlink_to(scratch.parent / "moved")
    with pytest.raises(OutputError):
        take([variant], scratch, stage)


@pytest.mark.parametrize(
    "path",
    [
        "../float32/m.tflite",
        "float32/../../m.tflite",
        "float32/sub/m.tflite",
        "/etc/m.tflite",
        "float32//m.tflite",
        "int8/m.tflite",
        "m.tflite",
        "manifest.json",
        "float32/.m.tflite",
        "float32/m.sh",
        "float32/m.tflite\n.c",
        "float32/\0.c",
        "float32/",
        "",
    ],
)
def test_a_path_outside_the_variants_folder_is_refused(
    scratch: Path, stage: Path, path: str
) -> None:
    """A report names plain files of its own variant, with the endings of artifacts."""
    variant = left(scratch)
    with pytest.raises(OutputError):
        take([replace(variant, files=(*variant.files, a_file(path, b"")))], scratch, stage)
    assert contents(stage) == {}


def test_a_wrong_digest_is_refused(scratch: Path, stage: Path) -> None:
    """The parent hashes what it copies."""
    with pytest.raises(OutputError, match="SHA-256"):
        take([left(scratch, sha256="0" * 64)], scratch, stage)


@pytest.mark.parametrize("size", [-1, len(CONTENT) + 1])
def test_a_wrong_size_is_refused(scratch: Path, stage: Path, size: int) -> None:
    """Neither a negative size nor one past the end is believed."""
    with pytest.raises(OutputError):
        take([left(scratch, size_bytes=size)], scratch, stage)


def test_a_file_above_the_limit_is_refused(scratch: Path, stage: Path) -> None:
    """One byte too many is too many; the limit itself is allowed."""
    variant = left(scratch)
    with pytest.raises(OutputError, match="too large"):
        take([variant], scratch, stage, largest_bytes=len(CONTENT) - 1)
    assert take([variant], scratch, stage, largest_bytes=len(CONTENT)) == variant.files


def test_a_file_reported_twice_is_refused(scratch: Path, stage: Path) -> None:
    """A set has each name once."""
    variant = left(scratch)
    with pytest.raises(OutputError, match="twice"):
        take([replace(variant, files=variant.files * 2)], scratch, stage)


def test_a_variant_without_a_flatbuffer_is_refused(scratch: Path, stage: Path) -> None:
    """A C source alone is no variant."""
    files = leave(scratch, {"float32/m.c": b"c"})
    with pytest.raises(OutputError, match="float32 comes without"):
        take([reported(*files)], scratch, stage)


def test_a_full_disk_is_not_the_childs_fault(
    scratch: Path, stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Errors of writing go through as they are, for the pause to be recognised."""

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        take([left(scratch)], scratch, stage)
    assert not isinstance(caught.value, OutputError)


def test_every_file_and_folder_is_synced(
    scratch: Path, stage: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two variants of two files each: four files and two folders, files before their folder."""
    synced: list[str] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append(str(path.relative_to(stage)))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    variants = [
        a_variant(
            variant, files=leave(scratch, {f"{variant}/m.tflite": b"t", f"{variant}/m.c": b"c"})
        )
        for variant in (Variant.FLOAT32, Variant.INT8)
    ]
    take(variants, scratch, stage)
    assert sorted(synced) == [
        "float32",
        "float32/m.c",
        "float32/m.tflite",
        "int8",
        "int8/m.c",
        "int8/m.tflite",
    ]
    assert synced.index("int8") > synced.index("int8/m.c")
