"""The four styles of C sources: their names, and that compilers give the bytes back."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

import linked
from tflited.convert.c_source.c_text import is_string
from tflited.domain.figures import MicroFigures
from tflited.domain.policy import CStyle, Target

Styled = Callable[..., dict[str, bytes]]
Published = Callable[[int], bytes]
FIGURES = MicroFigures(
    tflite_micro="0.dev1", samples=8, max_quanta=0, max_relative_error=0.0, arena_bytes=5136
)
SMALL, LARGE = 4096, 80_000
GCC = pytest.mark.requires_program("gcc", "apt-get install gcc")
GPP = pytest.mark.requires_program("g++", "apt-get install g++")
NAMES = {
    CStyle.C: ("g_digits_int8", "digits.c", "digits.h"),
    CStyle.TFLM: ("g_digits_int8_model_data", "digits_model_data.cc", "digits_model_data.h"),
    CStyle.ARDUINO: ("g_model", "digits.cpp", "digits.h"),
    CStyle.INCBIN: ("g_digits_int8", "digits.S", "digits.h"),
}
COMPILERS = [
    pytest.param(CStyle.C, linked.C, id="c-gcc", marks=GCC),
    pytest.param(CStyle.C, (*linked.CPP, "-x", "c++"), id="c-g++", marks=GPP),
    pytest.param(CStyle.TFLM, linked.CPP, id="tflm", marks=GPP),
    pytest.param(CStyle.ARDUINO, linked.CPP, id="arduino", marks=GPP),
    pytest.param(CStyle.INCBIN, ("gcc",), id="incbin-gcc", marks=GCC),
    pytest.param(CStyle.INCBIN, ("g++",), id="incbin-g++", marks=GPP),
]


@pytest.mark.parametrize("elements", [SMALL, LARGE])
@pytest.mark.parametrize(("style", "command"), COMPILERS)
def test_the_linked_bytes_are_the_file(
    styled: Styled,
    published: Published,
    tmp_path: Path,
    style: CStyle,
    command: tuple[str, ...],
    elements: int,
) -> None:
    """Every style, small and large, without a warning, at an address that 16 divides."""
    content = published(elements)
    array, text, _ = NAMES[style]
    linked.write(tmp_path, {**styled(content, style), "digits.tflite": content})
    found = linked.linked(tmp_path, array, len(content), *command, text)
    assert found.content == content
    assert found.address % 16 == 0


def test_a_large_file_is_a_string(published: Published) -> None:
    """The layout ends in zeros, so that every large file has the form that compiles fast."""
    assert is_string(published(LARGE))
    assert not is_string(published(SMALL))


@pytest.mark.parametrize("style", list(CStyle))
def test_each_style_has_its_files(styled: Styled, published: Published, style: CStyle) -> None:
    """No more and no fewer; TFLM's has the resolver, the others have it for a micro target."""
    _, text, header = NAMES[style]
    resolver = {"digits_resolver.h"}
    names = set(styled(published(SMALL), style))
    assert names == {text, header} | (resolver if style is CStyle.TFLM else set())
    assert set(styled(published(SMALL), style, target=Target.MICRO)) == {text, header} | resolver


USES = {
    CStyle.C: "{array}_len == {macro}_SIZE && sizeof({array}) == {macro}_SIZE",
    CStyle.TFLM: "{array}_size == {macro}_SIZE",
    CStyle.ARDUINO: "{array}_len == int({macro}_SIZE)",
    CStyle.INCBIN: "{array}_len == {macro}_SIZE && sizeof({array}) == {macro}_SIZE",
}


@GPP
@pytest.mark.parametrize("style", list(CStyle))
def test_a_cpp_program_uses_the_header(
    styled: Styled, published: Published, tmp_path: Path, style: CStyle
) -> None:
    """The names of the header are those that the source defines, included twice or not."""
    content = published(SMALL)
    array, text, header = NAMES[style]
    macro = "G_MODEL" if style is CStyle.ARDUINO else "G_DIGITS_INT8"
    linked.write(tmp_path, {**styled(content, style), "digits.tflite": content})
    (tmp_path / "main.cpp").write_text(
        f'#include <cstdio>\n#include "{header}"\n#include "{header}"\nint main() {{\n'
        f"  std::fwrite({array}, 1, {macro}_SIZE, stdout);\n"
        f"  return {USES[style].format(array=array, macro=macro)} ? 0 : 1;\n}}\n"
    )
    language = "c" if style is CStyle.C else "none"
    linked.compiled(tmp_path, "gcc", *("-x", language), "-c", text, "-o", "array.o")
    linked.compiled(tmp_path, *linked.CPP, "main.cpp", "array.o", "-o", "program")
    assert linked.printed(tmp_path) == content


@GCC
def test_another_file_beside_the_assembler_is_noticed(
    styled: Styled, published: Published, tmp_path: Path
) -> None:
    """A ``.tflite`` of another build has another size more often than not."""
    linked.write(tmp_path, styled(published(SMALL), CStyle.INCBIN))
    (tmp_path / "digits.tflite").write_bytes(b"other")
    with pytest.raises(subprocess.CalledProcessError):
        linked.compiled(tmp_path, "gcc", "-c", "digits.S", "-o", "array.o")


@GCC
def test_the_assembler_finds_a_file_elsewhere(
    styled: Styled, published: Published, tmp_path: Path
) -> None:
    """Build systems compile in folders of their own: -I leads to the file, or a macro does."""
    content = published(SMALL)
    (tmp_path / "set").mkdir()
    linked.write(tmp_path / "set", {**styled(content, CStyle.INCBIN), "digits.tflite": content})
    name = "g_digits_int8"
    found = linked.linked(tmp_path, name, len(content), "gcc", "-Iset", "set/digits.S")
    assert found.content == content
    macro = f'-DG_DIGITS_INT8_FILE="{tmp_path}/set/digits.tflite"'
    assert linked.linked(tmp_path, name, len(content), "gcc", macro, "set/digits.S") == found


@pytest.mark.parametrize("style", list(CStyle))
def test_the_arena_is_a_constant_with_its_caveat(
    styled: Styled, published: Published, style: CStyle
) -> None:
    """Whoever reads the number reads in the same place what it was measured with."""
    *_, header = NAMES[style]
    text = styled(published(SMALL), style, micro=FIGURES)[header].decode()
    assert "_ARENA_SIZE 5136u\n" in text
    caveat = text[: text.index("_ARENA_SIZE")].rpartition("/*")[2]
    for word in ("0.dev1", "x86-64", "CMSIS-NN", "margin"):
        assert word in caveat
    assert "_ARENA_SIZE" not in styled(published(SMALL), style)[header].decode()


@pytest.mark.parametrize("style", list(CStyle))
def test_the_contract_is_the_same_in_every_style(
    styled: Styled, published: Published, style: CStyle
) -> None:
    """Inputs and outputs are constants, whatever the array is called."""
    *_, header = NAMES[style]
    text = styled(published(SMALL), style)[header].decode()
    assert "_INPUT_COUNT 1\n" in text
    assert '_OUTPUT_0_NAME "y"\n' in text


@pytest.mark.parametrize("style", [CStyle.C, CStyle.ARDUINO, CStyle.INCBIN])
def test_a_symbol_of_ones_own(styled: Styled, published: Published, style: CStyle) -> None:
    """With several models in one program, also in Arduino's style."""
    _, text, header = NAMES[style]
    made = styled(published(SMALL), style, symbol="own_{variant}")
    assert b"own_int8" in made[text]
    assert b"OWN_INT8_SIZE" in made[header]


@GCC
@pytest.mark.requires_program("objdump", "apt-get install binutils")
@pytest.mark.parametrize("style", list(CStyle))
def test_a_section_is_honoured(
    styled: Styled, published: Published, tmp_path: Path, style: CStyle
) -> None:
    """The linker section of the policy holds the array, in every style."""
    content = published(SMALL)
    made = styled(content, style, section=".model_flash")
    linked.write(tmp_path, {**made, "digits.tflite": content})
    array, text, _ = NAMES[style]
    linked.compiled(tmp_path, "gcc", "-c", text, "-o", "array.o")
    command = ["objdump", "-t", "array.o"]
    listing = subprocess.run(command, check=True, capture_output=True, cwd=tmp_path)
    (line,) = [line for line in listing.stdout.decode().splitlines() if line.endswith(f" {array}")]
    assert ".model_flash" in line
