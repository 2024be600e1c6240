"""The C array: its text, and that compilers accept it and give the bytes back."""

import ctypes
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tflited.convert.c_source.c_names import symbol
from tflited.convert.c_source.emit_c import CSource, Titles, emit
from tflited.convert.tflite import flatbuffer

Dense = Callable[..., bytes]
HOSTILE = 'evil*/ ??/\\\n" %s \u202e{}'
WARNINGS = ("-Wall", "-Wextra", "-Wundef", "-Wconversion", "-Wshadow", "-pedantic", "-Werror")


def emitted(content: bytes, model: str = "digits", section: str = "") -> tuple[CSource, str]:
    name = symbol("g_{model}_{variant}", model=model, variant="int8")
    titles = Titles(
        symbol=name, header_name="m.h", section=section, lines={"model": model, model: "value"}
    )
    return emit(content, flatbuffer.read(content), titles), name


def compiled(folder: Path, source: CSource, *command: str, language: str = "c") -> None:
    (folder / "m.h").write_bytes(source.header)
    path = folder / f"m.{language}"
    path.write_bytes(source.source)
    subprocess.run([*command, *WARNINGS, str(path)], check=True, cwd=folder, timeout=60)


def test_the_header_tells_the_contract(dense: Dense) -> None:
    """A program needs index, name, type, scale and zero point without reading a report."""
    source, _ = emitted(dense(weights="int8", activations="int8", names=("image", "digit")))
    text = source.header.decode()
    for line in (
        "#define G_DIGITS_INT8_INPUT_COUNT 1",
        "#define G_DIGITS_INT8_INPUT_0_INDEX 0",
        '#define G_DIGITS_INT8_INPUT_0_NAME "image"',
        '#define G_DIGITS_INT8_INPUT_0_DTYPE "int8"',
        "#define G_DIGITS_INT8_INPUT_0_SHAPE {-1, 4}",
        "#define G_DIGITS_INT8_INPUT_0_SCALE 0.5f",
        "#define G_DIGITS_INT8_INPUT_0_ZERO_POINT (-3)",
        '#define G_DIGITS_INT8_OUTPUT_0_NAME "digit"',
    ):
        assert line in text.splitlines()


def test_the_text_depends_on_nothing_else(dense: Dense) -> None:
    """No timestamp and no path: equal input, equal text."""
    assert emitted(dense())[0] == emitted(dense())[0]


@pytest.mark.requires_program("gcc", "apt-get install gcc")
def test_c_compiles_and_gives_the_bytes_back(dense: Dense, tmp_path: Path) -> None:
    """C11 without a warning; the array at run time is the file, at an aligned address."""
    content = dense(elements=20)
    source, name = emitted(content)
    compiled(tmp_path, source, "gcc", "-std=c11", "-shared", "-fPIC", "-o", "m.so")
    library = ctypes.CDLL(str(tmp_path / "m.so"))
    length = ctypes.c_uint.in_dll(library, f"{name}_len").value
    array = (ctypes.c_ubyte * length).in_dll(library, name)
    assert bytes(array) == content
    assert ctypes.addressof(array) % 16 == 0


@pytest.mark.requires_program("g++", "apt-get install g++")
def test_the_same_file_compiles_as_cpp(dense: Dense, tmp_path: Path) -> None:
    """C++17 without a warning; the names are C's, not mangled."""
    content = dense(elements=20)
    source, name = emitted(content)
    compiled(
        tmp_path, source, "g++", "-std=c++17", "-shared", "-fPIC", "-o", "m.so", language="cpp"
    )
    library = ctypes.CDLL(str(tmp_path / "m.so"))
    length = ctypes.c_uint.in_dll(library, f"{name}_len").value
    assert bytes((ctypes.c_ubyte * length).in_dll(library, name)) == content


@pytest.mark.requires_program("g++", "apt-get install g++")
@pytest.mark.requires_program("gcc", "apt-get install gcc")
def test_a_cpp_program_links_the_c_file(dense: Dense, tmp_path: Path) -> None:
    """The usual case on a device: the array in C, the program in C++."""
    content = dense(elements=20)
    source, name = emitted(content)
    compiled(tmp_path, source, "gcc", "-std=c11", "-c", "-o", "m.o")
    (tmp_path / "main.cpp").write_text(
        f'#include <cstdio>\n#include "m.h"\n#include "m.h"\nint main() {{ '
        f'static_assert({name.upper()}_SIZE == {len(content)}u, "size"); '
        f"return std::fwrite({name}, 1, {name}_len, stdout) == {name}_len ? 0 : 1; }}\n"
    )
    command = ["g++", "-std=c++17", *WARNINGS, "main.cpp", "m.o", "-o", "main"]
    subprocess.run(command, check=True, cwd=tmp_path, timeout=60)
    program = subprocess.run([tmp_path / "main"], check=True, capture_output=True, timeout=60)
    assert program.stdout == content


@pytest.mark.requires_program("gcc", "apt-get install gcc")
def test_hostile_names_stay_text(dense: Dense, tmp_path: Path) -> None:
    """A model or tensor named like code ends no comment and no string; trigraphs are on."""
    source, _ = emitted(dense(names=(HOSTILE, "y")), model=HOSTILE)
    compiled(tmp_path, source, "gcc", "-std=c11", "-trigraphs", "-c", "-o", "m.o")


@pytest.mark.requires_program("gcc", "apt-get install gcc")
@pytest.mark.requires_program("objdump", "apt-get install binutils")
def test_a_section_is_honoured(dense: Dense, tmp_path: Path) -> None:
    """The linker section of the policy holds the array."""
    source, _ = emitted(dense(), section=".model_flash")
    compiled(tmp_path, source, "gcc", "-std=c11", "-c", "-o", "m.o")
    command = ["objdump", "-h", "m.o"]
    listing = subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, timeout=60)
    assert b".model_flash" in listing.stdout


@pytest.mark.requires_program("gcc", "apt-get install gcc")
@pytest.mark.requires_program("objdump", "apt-get install binutils")
def test_the_array_is_read_only(dense: Dense, tmp_path: Path) -> None:
    """Constant data stays in flash; anything else would be copied to memory."""
    source, name = emitted(dense())
    compiled(tmp_path, source, "gcc", "-std=c11", "-c", "-o", "m.o")
    command = ["objdump", "-t", "m.o"]
    listing = subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, timeout=60)
    line = next(line for line in listing.stdout.decode().splitlines() if line.endswith(f" {name}"))
    assert ".rodata" in line
