"""Writes a file's bytes as a C array with a header that carries its contract.

Valid as C11 and as C++17, aligned to 16 bytes (what TensorFlow Lite for Microcontrollers asks of a
model's address), constant so that it stays in flash, and without a timestamp: equal input, equal
text.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from tflited.convert.c_source.c_names import comment_text, float_literal, string_literal
from tflited.convert.c_source.c_text import initialiser, is_string
from tflited.convert.tflite.flatbuffer import Flatbuffer
from tflited.domain.figures import MicroFigures, TensorSpec

ALIGNMENT: Final = 16
_OVERLENGTH: Final = (
    "#if defined(__GNUC__)",
    "#pragma GCC diagnostic push",
    '#pragma GCC diagnostic ignored "-Woverlength-strings"',
    "#endif",
    "",
)
"""ISO C only promises strings of 4095 bytes; GCC and Clang take any and warn with -pedantic."""
_OVERLENGTH_END: Final = b"\n#if defined(__GNUC__)\n#pragma GCC diagnostic pop\n#endif\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class CSource:
    """The two texts of a C array."""

    header: bytes
    source: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Titles:
    """What the C sources are called and what stands at their head.

    Attributes:
        symbol: a safe identifier.
        header_name: file name of the header.
        section: linker section; empty for the default.
        lines: name to value, written into the head comment.
        micro: of the run in TFLM, for the arena; None where nothing ran.
    """

    symbol: str
    header_name: str
    section: str = ""
    lines: Mapping[str, str] = field(default_factory=dict)
    micro: MicroFigures | None = None

    @property
    def macro(self) -> str:
        """What the macros begin with."""
        return self.symbol.upper()


def emit(content: bytes, file: Flatbuffer, titles: Titles) -> CSource:
    """The header and the source of a C array.

    Args:
        content: the bytes.
        file: what was read from them: inputs and outputs.
        titles: names and head lines.
    """
    symbol, macro = titles.symbol, titles.macro
    declared = (
        f"extern const unsigned char {symbol}[{macro}_SIZE];",
        f"extern const unsigned int {symbol}_len;",
    )
    opening = (
        "#if defined(__cplusplus)",
        f"#define {macro}_ALIGNED alignas({macro}_ALIGNMENT)",
        "#else",
        f"#define {macro}_ALIGNED _Alignas({macro}_ALIGNMENT)",
        "#endif",
        "",
        *section(macro, titles.section),
        f"const unsigned int {symbol}_len = {macro}_SIZE;",
        "",
    )
    array = f"{macro}_ALIGNED {macro}_SECTION const unsigned char {symbol}[{macro}_SIZE] ="
    return CSource(
        header=header(len(content), file, titles, in_c(declared)),
        source=source(content, titles, opening, array),
    )


def in_c(lines: Sequence[str]) -> tuple[str, ...]:
    """Declarations whose names are C's, also for a C++ compiler."""
    return ("#ifdef __cplusplus", 'extern "C" {', "#endif", "", *lines, "", *_END_OF_C)


_END_OF_C: Final = ("#ifdef __cplusplus", "}", "#endif")


def header(size: int, file: Flatbuffer, titles: Titles, declared: Sequence[str]) -> bytes:
    """The text of a header: guard, size, arena, contract, and what is declared.

    Args:
        size: bytes of the model.
        file: inputs, outputs and operators.
        titles: names and head lines.
        declared: lines that declare the array and its length.
    """
    macro = titles.macro
    guard = f"{macro}_H_INCLUDED"
    lines = (
        *head(titles, file),
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        f"#define {macro}_SIZE {size}u",
        f"#define {macro}_ALIGNMENT {ALIGNMENT}u",
        *_arena(macro, titles.micro),
        "",
        *_contract(macro, "INPUT", file.inputs),
        *_contract(macro, "OUTPUT", file.outputs),
        "",
        *declared,
        "",
        f"#endif /* {guard} */",
        "",
    )
    return "\n".join(lines).encode("ascii")


def source(content: bytes, titles: Titles, opening: Sequence[str], array: str) -> bytes:
    """The text of a source file that defines the array.

    Args:
        content: the bytes.
        titles: names and head lines.
        opening: lines before the array, after the header is included.
        array: its definition up to the equals sign.
    """
    has_string = is_string(content)
    before = (
        *head(titles, None),
        f'#include "{titles.header_name}"',
        "",
        *opening,
        *(_OVERLENGTH if has_string else ()),
        array,
        "",
    )
    after = _OVERLENGTH_END if has_string else b""
    return b"".join(("\n".join(before).encode("ascii"), initialiser(content), b";\n", after))


def _arena(macro: str, micro: MicroFigures | None) -> tuple[str, ...]:
    if micro is None or not micro.arena_bytes:
        return ()
    return (
        "",
        "/*",
        " * The smallest arena that works, to 16 bytes, measured with tflite-micro",
        f" * {comment_text(micro.tflite_micro)}: reference kernels on x86-64, whose pointers",
        " * have 64 bits. Kernels made for a target (CMSIS-NN, esp-nn) need scratch memory on top:",
        " * begin with a margin and measure again on the device.",
        " */",
        f"#define {macro}_ARENA_SIZE {micro.arena_bytes}u",
    )


def section(macro: str, section: str) -> tuple[str, ...]:
    """Lines for the macro of the linker section: the policy's, unless the build sets it."""
    value = f" __attribute__((section({string_literal(section)})))" if section else ""
    return (f"#ifndef {macro}_SECTION", f"#define {macro}_SECTION{value}", "#endif", "")


def head(titles: Titles, file: Flatbuffer | None) -> list[str]:
    """The head comment: where the array comes from, and with ``file`` what it does."""
    lines = [f"{name}: {value}" for name, value in titles.lines.items()]
    if file:
        lines += [f"input {_sentence(spec)}" for spec in file.inputs]
        lines += [f"output {_sentence(spec)}" for spec in file.outputs]
        lines += ["operators: " + ", ".join(f"{k} {v}" for k, v in file.operators.items())]
        if file.keeps_state:
            lines += ["state is kept between invocations: reset it before each new sequence"]
    return ["/*", *(f" * {comment_text(line)}" for line in lines), " */"]


def _sentence(spec: TensorSpec) -> str:
    quantised = f", scale {spec.scale:.9g}, zero point {spec.zero_point}" if spec.scale else ""
    return f"{spec.index} {spec.name!r}: {spec.dtype} {list(spec.shape)}{quantised}"


def _contract(macro: str, side: str, specs: tuple[TensorSpec, ...]) -> list[str]:
    lines = [f"#define {macro}_{side}_COUNT {len(specs)}"]
    for position, spec in enumerate(specs):
        lines += _tensor(f"{macro}_{side}_{position}", spec)
    return lines


def _tensor(name: str, spec: TensorSpec) -> list[str]:
    shape = ", ".join(str(size) for size in spec.shape)
    return [
        f"#define {name}_INDEX {spec.index}",
        f"#define {name}_NAME {string_literal(spec.name)}",
        f"#define {name}_DTYPE {string_literal(spec.dtype)}",
        f"#define {name}_RANK {len(spec.shape)}",
        f"#define {name}_SHAPE {{{shape}}}",
        f"#define {name}_SCALE {float_literal(spec.scale)}",
        f"#define {name}_ZERO_POINT {_parenthesised(spec.zero_point)}",
    ]


def _parenthesised(value: int) -> str:
    return f"({value})" if value < 0 else str(value)
