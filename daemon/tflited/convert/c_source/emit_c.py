"""Writes a file's bytes as a C array with a header that carries its contract.

Valid as C11 and as C++17, aligned to 16 bytes (what TensorFlow Lite for Microcontrollers asks of a
model's address), constant so that it stays in flash, and without a timestamp: equal input, equal
text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tflited.convert.c_source.c_names import comment_text, float_literal, string_literal
from tflited.convert.tflite.flatbuffer import Flatbuffer
from tflited.domain.report import TensorSpec

_PER_LINE: Final = 16
_ALIGNMENT: Final = 16
_DIGITS: Final = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)


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
    """

    symbol: str
    header_name: str
    section: str = ""
    lines: Mapping[str, str] = field(default_factory=dict)


def emit(content: bytes, file: Flatbuffer, titles: Titles) -> CSource:
    """The header and the source of a C array.

    Args:
        content: the bytes.
        file: what was read from them: inputs and outputs.
        titles: names and head lines.
    """
    return CSource(
        header=_header(len(content), file, titles).encode("ascii"),
        source=b"".join((_before(titles).encode("ascii"), hexadecimal(content), b"\n};\n")),
    )


def hexadecimal(content: bytes) -> bytes:
    """Bytes as ``0x1c,`` sixteen to a line; the last is followed by a comma too, as C allows.

    Args:
        content: at least one byte.
    """
    data = np.frombuffer(content, dtype=np.uint8)
    cells = np.empty((data.size, 5), dtype=np.uint8)
    cells[:] = np.frombuffer(b"0x00,", dtype=np.uint8)
    cells[:, 2] = _DIGITS[data >> 4]
    cells[:, 3] = _DIGITS[data & 15]
    whole = data.size - data.size % _PER_LINE
    lines = np.full((whole // _PER_LINE, 5 * _PER_LINE + 1), ord("\n"), dtype=np.uint8)
    lines[:, :-1] = cells[:whole].reshape(-1, 5 * _PER_LINE)
    return bytes(lines.tobytes() + cells[whole:].tobytes()).rstrip(b"\n")


def _header(size: int, file: Flatbuffer, titles: Titles) -> str:
    symbol, macro = titles.symbol, titles.symbol.upper()
    guard = f"{macro}_H_INCLUDED"
    contract = [
        *_contract(macro, "INPUT", file.inputs),
        *_contract(macro, "OUTPUT", file.outputs),
    ]
    return "\n".join(
        (
            *_head(titles, file),
            f"#ifndef {guard}",
            f"#define {guard}",
            "",
            f"#define {macro}_SIZE {size}u",
            f"#define {macro}_ALIGNMENT {_ALIGNMENT}u",
            "",
            *contract,
            "",
            "#ifdef __cplusplus",
            'extern "C" {',
            "#endif",
            "",
            f"extern const unsigned char {symbol}[{macro}_SIZE];",
            f"extern const unsigned int {symbol}_len;",
            "",
            "#ifdef __cplusplus",
            "}",
            "#endif",
            "",
            f"#endif /* {guard} */",
            "",
        )
    )


def _before(titles: Titles) -> str:
    """Everything in the source file that stands before the bytes."""
    symbol, macro = titles.symbol, titles.symbol.upper()
    return "\n".join(
        (
            *_head(titles, None),
            f'#include "{titles.header_name}"',
            "",
            "#if defined(__cplusplus)",
            f"#define {macro}_ALIGNED alignas({macro}_ALIGNMENT)",
            "#else",
            f"#define {macro}_ALIGNED _Alignas({macro}_ALIGNMENT)",
            "#endif",
            "",
            *_section(macro, titles.section),
            f"const unsigned int {symbol}_len = {macro}_SIZE;",
            "",
            f"{macro}_ALIGNED {macro}_SECTION const unsigned char {symbol}[{macro}_SIZE] = {{",
            "",
        )
    )


def _section(macro: str, section: str) -> tuple[str, ...]:
    """A build can set the macro itself; the policy's section is the default."""
    value = f" __attribute__((section({string_literal(section)})))" if section else ""
    return (f"#ifndef {macro}_SECTION", f"#define {macro}_SECTION{value}", "#endif", "")


def _head(titles: Titles, file: Flatbuffer | None) -> list[str]:
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
