"""Turns what TensorFlow raises into the project's error: a code, the operator, the line, the fix.

Pure: imports no tensorflow. The converter's own error codes and operator names are asked first,
fragments of the message second. Of pages of text one sentence is kept.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from tflited.convert.faults.hints import (
    BY_ERROR_CODE,
    HINTS,
    PYTHON_FUNCTION,
    TENSOR_LIST,
    UNKNOWN_CODE,
    UNKNOWN_HINT,
    Hint,
)
from tflited.errors import ConversionError

_MESSAGE_LIMIT: Final = 400
_PLACE_LIMIT: Final = 200
_MOST_OPERATORS: Final = 8
_FOREIGN_SOURCE: Final = re.compile(
    r"(^|/)(site-packages|dist-packages)/(tensorflow|keras|tf_keras|ai_edge|tflited)"
    r"|^<|(^|/)daemon/tflited/"
)
"""Frames that are nobody's model: the libraries', ours, and text that was never a file."""
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
_USER_FRAME: Final = re.compile(r'File "([^"]+)", line (\d+), in ')
_MLIR_ERROR: Final = re.compile(r"^.*?\berror: (?:loc\(.*?\)+: )?")
_NAMED_OPERATOR: Final = re.compile(
    r"'(tf\.\w+)' op|not yet supported for op: '(\w+)'|\((Flex\w+)\)"
)

_CALLING: Final = "Exception encountered when calling "
_CAUSE: Final = "Exception encountered: "


def explain(error: BaseException, *, subject: str, scratch: str = "") -> ConversionError:
    """The project's error for a foreign one.

    Args:
        error: what TensorFlow, Keras or the quantiser raised.
        subject: what was being done, on what: the beginning of the message.
        scratch: a directory whose name must not appear in the message.

    Returns:
        An error with a stable code, the place in the model's source where it is known, and a hint
        that names the operator where one is known.
    """
    text = str(error)
    known = _by_operator(error) or _by_error_code(error) or _by_fragment(text)
    named = operators(error)
    listed = ", ".join(named[:_MOST_OPERATORS]) or "an operator of the model"
    place = source_line(error)
    message = f"{subject}: {_sentence(error)}"
    if place and place not in message:
        message += f" (at {place})"
    if scratch:
        message = message.replace(scratch, "(private copy)")
    hint = known.text.replace("{operators}", listed) if known else UNKNOWN_HINT
    return ConversionError(message, hint=hint, code=known.code if known else UNKNOWN_CODE)


def operators(error: BaseException) -> tuple[str, ...]:
    """Names of the operators that a converter error blames, without repetition.

    Constants are left out: the converter blames them for what consumes them.
    """
    names = (_operator_name(entry) for entry in _entries(error))
    found = dict.fromkeys(name for name in names if name and name != "tf.Const")
    matches = _NAMED_OPERATOR.findall(str(error))
    return tuple(found) or tuple(dict.fromkeys(next(filter(None, match)) for match in matches))


def source_line(error: BaseException) -> str:
    """``FILE:LINE`` of the model's own source that an error leads to; empty where it tells none.

    The converter's structured errors hold the calls that made the operator, the outermost first,
    then those that made the call of its function, and so on; the innermost one outside the
    libraries is taken. It is there only where the model was traced in this process or saved with
    its debug information. AutoGraph writes the same, also outermost first, into the message.
    """
    for stack in (*_structured_stacks(error), _USER_FRAME.findall(str(error))):
        own = [f"{file}:{line}" for file, line in stack if not _FOREIGN_SOURCE.search(file)]
        if own:
            return _printable(own[-1])[-_PLACE_LIMIT:]
    return ""


def _structured_stacks(error: BaseException) -> Iterator[list[tuple[str, str]]]:
    """One stack of (file, line) for each named node of each location; the operator's own first."""
    for entry in _entries(error):
        stack: list[tuple[str, str]] = []
        for call in getattr(getattr(entry, "location", None), "call", ()):
            if getattr(call, "name", "") and stack:
                yield stack
                stack = []
            source = getattr(call, "source", None)
            if file := str(getattr(source, "filename", "")):
                stack.append((file, str(getattr(source, "line", 0))))
        yield stack


def _entries(error: BaseException) -> Iterable[object]:
    entries = getattr(error, "errors", ())
    return entries if isinstance(entries, Iterable) and not isinstance(entries, str) else ()


def _operator_name(entry: object) -> str:
    return str(getattr(getattr(entry, "operator", None), "name", ""))


def _by_operator(error: BaseException) -> Hint | None:
    """What the operator's name tells and the error code does not."""
    names = operators(error)
    if any(name.startswith("tf.TensorList") for name in names):
        return TENSOR_LIST
    return PYTHON_FUNCTION if set(names) & set(PYTHON_FUNCTION.fragments) else None


def _by_error_code(error: BaseException) -> Hint | None:
    codes = {int(getattr(entry, "error_code", 0)) for entry in _entries(error)}
    return next((hint for code, hint in BY_ERROR_CODE.items() if code in codes), None)


def _by_fragment(message: str) -> Hint | None:
    return next((hint for hint in HINTS if any(part in message for part in hint.fragments)), None)


def _sentence(error: BaseException) -> str:
    """The one sentence of a message that tells what is wrong."""
    text = _COLOUR.sub("", str(error))
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = _printable(_telling(lines)) if lines else ""
    if not found or isinstance(error, LookupError | AssertionError | AttributeError):
        found = f"{type(error).__name__}{': ' if found else ' without a message'}{found}"
    return found if len(found) <= _MESSAGE_LIMIT else f"{found[: _MESSAGE_LIMIT - 1]}…"


def _telling(lines: list[str]) -> str:
    first = lines[0]
    if first == "in user code:":
        # AutoGraph indents the traceback and ends it with the error itself.
        return lines[-1]
    if first.startswith("Exception encountered when calling ") and len(lines) > 1:
        return (
            f"{first.removeprefix('Exception encountered when calling ').rstrip('.')}: {lines[1]}"
        )
    for line in lines:
        # Keras prints a page of configuration before the sentence.
        if line.startswith(_CAUSE):
            cause = line.removeprefix(_CAUSE).split(" Full object config:")[0]
            return f"{first.split(' using config=')[0].split('. ')[0]}: {cause}"
    # MLIR prefixes its call stack; the sentence after it is what a reader needs.
    return _MLIR_ERROR.sub("", first)


def _printable(text: str) -> str:
    return "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
