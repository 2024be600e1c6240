"""The four styles of C sources, and which files each of them has.

The names of ``tflm`` are those of tflite-micro's generate_cc_arrays.py, those of ``arduino`` what
the examples of TFLM's libraries for Arduino and ESP32 include.
"""

from dataclasses import replace
from typing import Final, assert_never

from tflited.convert.c_source.c_names import symbol
from tflited.convert.c_source.emit_c import (
    ALIGNMENT,
    Titles,
    emit,
    head,
    header,
    in_c,
    section,
    source,
)
from tflited.convert.micro.resolver import resolver
from tflited.convert.tflite.flatbuffer import Flatbuffer
from tflited.domain.policy import CArray, CStyle, Policy, Target

_ARDUINO_SYMBOL: Final = "g_model"


def sources(
    content: bytes, file: Flatbuffer, policy: Policy, titles: Titles, stem: str
) -> dict[str, bytes]:
    """File name to text of a variant's C sources.

    Args:
        content: the bytes of the ``.tflite``.
        file: what was read from them.
        policy: the style, and whether a resolver goes with it.
        titles: names and head lines; the header's name is set here.
        stem: of the ``.tflite``'s name.
    """
    rules = policy.c_array
    match rules.style:
        case CStyle.C:
            found = _plain(content, file, titles, stem)
        case CStyle.TFLM:
            found = _tflm(content, file, titles, stem)
        case CStyle.ARDUINO:
            found = _arduino(content, file, titles, stem)
        case CStyle.INCBIN:
            found = _incbin(content, file, titles, stem)
        case _:
            assert_never(rules.style)
    if policy.target is Target.MICRO or rules.style is CStyle.TFLM:
        text = resolver(file, titles)
        found |= {f"{stem}_resolver.h": text} if text is not None else {}
    return found


def symbol_of(rules: CArray, *, model: str, variant: str) -> str:
    """The identifier that the macros and, but for ``tflm``, the array have.

    Arduino's examples know one name only; who sets ``symbol`` has several models.

    Args:
        rules: style and template.
        model: the model's name.
        variant: the variant's name.
    """
    if rules.style is CStyle.ARDUINO and rules.symbol == CArray().symbol:
        return _ARDUINO_SYMBOL
    return symbol(rules.symbol, model=model, variant=variant)


def _plain(content: bytes, file: Flatbuffer, titles: Titles, stem: str) -> dict[str, bytes]:
    emitted = emit(content, file, replace(titles, header_name=f"{stem}.h"))
    return {f"{stem}.c": emitted.source, f"{stem}.h": emitted.header}


def _tflm(content: bytes, file: Flatbuffer, titles: Titles, stem: str) -> dict[str, bytes]:
    titles = replace(titles, header_name=f"{stem}_model_data.h")
    macro, array = titles.macro, f"{titles.symbol}_model_data"
    declared = (
        f"constexpr unsigned int {array}_size = {macro}_SIZE;",
        f"extern const unsigned char {array}[];",
    )
    begin = f"alignas({ALIGNMENT}) {macro}_SECTION const unsigned char {array}[{macro}_SIZE] ="
    return {
        f"{stem}_model_data.cc": source(content, titles, section(macro, titles.section), begin),
        f"{stem}_model_data.h": header(len(content), file, titles, declared),
    }


def _arduino(content: bytes, file: Flatbuffer, titles: Titles, stem: str) -> dict[str, bytes]:
    titles = replace(titles, header_name=f"{stem}.h")
    macro, array = titles.macro, titles.symbol
    declared = (f"extern const unsigned char {array}[];", f"extern const int {array}_len;")
    opening = (*section(macro, titles.section), f"const int {array}_len = {macro}_SIZE;", "")
    begin = f"alignas({ALIGNMENT}) {macro}_SECTION const unsigned char {array}[{macro}_SIZE] ="
    return {
        f"{stem}.cpp": source(content, titles, opening, begin),
        f"{stem}.h": header(len(content), file, titles, declared),
    }


def _incbin(content: bytes, file: Flatbuffer, titles: Titles, stem: str) -> dict[str, bytes]:
    titles = replace(titles, header_name=f"{stem}.h")
    symbol, macro, size = titles.symbol, titles.macro, len(content)
    declared = (
        f"extern const unsigned char {symbol}[{macro}_SIZE];",
        f"extern const unsigned int {symbol}_len;",
    )
    lines = (
        *head(titles, None),
        f"#ifndef {macro}_FILE",
        f'#define {macro}_FILE "{stem}.tflite"',
        "#endif",
        "",
        f'    .section {titles.section or f".rodata.{symbol}"},"a",%progbits',
        *_object(symbol, ALIGNMENT, f".incbin {macro}_FILE"),
        f"    .if (. - {symbol}) - {size}",
        f'    .error "the .tflite is not the one of this file: {size} bytes are expected"',
        "    .endif",
        *_object(f"{symbol}_len", 4, f".4byte {size}"),
        '    .section .note.GNU-stack,"",%progbits',
        "",
    )
    return {
        f"{stem}.S": "\n".join(lines).encode("ascii"),
        f"{stem}.h": header(size, file, titles, in_c(declared)),
    }


def _object(symbol: str, alignment: int, value: str) -> tuple[str, ...]:
    """Lines of assembler that define a symbol with a size, as a linker and a debugger expect."""
    return (
        f"    .balign {alignment}",
        f"    .global {symbol}",
        f"    .type {symbol}, %object",
        f"{symbol}:",
        f"    {value}",
        f"    .size {symbol}, . - {symbol}",
    )
