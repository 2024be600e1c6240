"""Names and literals safe in a file name, in C11 and in C++17, whatever a model is called."""

import re
from typing import Final

_KEYWORDS: Final = frozenset(
    """
    alignas alignof and and_eq asm atomic_cancel auto bitand bitor bool break case catch char
    char8_t char16_t char32_t class co_await co_return co_yield compl concept const const_cast
    consteval constexpr constinit continue decltype default delete do double dynamic_cast else enum
    explicit export extern false float for friend goto if inline int long main mutable namespace new
    noexcept not not_eq nullptr operator or or_eq private protected public register
    reinterpret_cast requires restrict return short signed sizeof static static_assert static_cast
    struct switch template this thread_local throw true try typedef typeid typename union unsigned
    using virtual void volatile wchar_t while xor xor_eq linux unix
    """.split()  # noqa: SIM905 - ninety quoted words read worse
)
"""Keywords of C and C++, ``main``, and the two names GNU C predefines."""
_PRINTABLE: Final = range(0x20, 0x7F)
_FILE_LIMIT: Final = 120
_SYMBOL_LIMIT: Final = 200


def file_stem(stem: str) -> str:
    """A file name's stem made of letters, digits, dot, dash and underscore.

    Args:
        stem: the model's name, from an untrusted file name.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", stem).lstrip(".-_")
    return safe[:_FILE_LIMIT].rstrip(".") or "model"


def symbol(template: str, *, model: str, variant: str) -> str:
    """The C identifier of a model's array.

    Args:
        template: the policy's ``c_array.symbol``; ``{model}`` and ``{variant}`` are replaced.
        model: the model's name.
        variant: the variant's name.
    """
    text = template.replace("{model}", model).replace("{variant}", variant)
    # Two underscores in a row are the implementation's in C++, a leading one is in C.
    name = re.sub(r"_+", "_", re.sub(r"[^A-Za-z0-9]", "_", text)).strip("_")[:_SYMBOL_LIMIT]
    if not name:
        return "model"
    if name[0].isdigit():
        name = f"m{name}"
    return f"{name}_model" if name in _KEYWORDS else name


def comment_text(text: str) -> str:
    """Text that stays inside a C comment, on its line: no end of comment, trigraph or newline.

    Everything but printable ASCII is written as ``<NN>``, so that no reader is misled either.
    """
    encoded = "".join(_visible(byte) for byte in text.encode("utf-8", "surrogateescape"))
    return encoded.replace("*/", "* /").replace("/*", "/ *").replace("??", "? ?")


def string_literal(text: str) -> str:
    """A C string literal of the text's UTF-8 bytes."""
    return '"' + "".join(_escaped(byte) for byte in text.encode("utf-8", "surrogateescape")) + '"'


def float_literal(value: float) -> str:
    """A C ``float`` constant that reads back as the same float32."""
    text = f"{value:.9g}"
    return f"{text}f" if any(mark in text for mark in ".e") else f"{text}.0f"


def _visible(byte: int) -> str:
    # A backslash at the end of a line would join the next one to it.
    is_plain = byte in _PRINTABLE and byte != ord("\\")
    return chr(byte) if is_plain else f"<{byte:02x}>"


def _escaped(byte: int) -> str:
    # Octal escapes end after three digits; hexadecimal ones would swallow what follows.
    is_plain = byte in _PRINTABLE and byte not in b'"\\?'
    return chr(byte) if is_plain else f"\\{byte:03o}"
