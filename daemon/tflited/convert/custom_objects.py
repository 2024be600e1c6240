"""Imports the Python module that a policy names, for the classes a Keras model needs.

Runs only in the child, and only where the settings found that the policy may name one.
"""

import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final

import keras
import tf_keras

from tflited.errors import ConversionError

MODULE_NAME: Final = "tflited_custom_objects"
CODE: Final = "custom_objects_module"
_MESSAGE_LIMIT: Final = 300


class BroughtCode:
    """The border to code that comes with a model: whatever it raises becomes a ConversionError.

    A context manager, since such code may raise classes of its own that no list can name.
    """

    def __init__(self, subject: str, file: str) -> None:
        self._subject = subject
        self._file = file

    def __enter__(self) -> None:
        """Does nothing yet."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Explains an error by the line of the file that raised it."""
        if isinstance(error, Exception | SystemExit) and not isinstance(error, ConversionError):
            raise ConversionError(
                f"{self._subject}: {self._place(error)}{type(error).__name__}: {_said(error)}",
                hint=f"correct {self._file}, which custom_objects names; "
                "only modules of this installation can be imported in it",
                code=CODE,
            ) from error

    def _place(self, error: BaseException) -> str:
        frames = traceback.extract_tb(error.__traceback__)
        lines = [frame.lineno for frame in frames if frame.filename == self._file]
        if isinstance(error, SyntaxError) and error.filename == self._file:
            lines = [error.lineno]
        return f"{self._file}, line {lines[-1]}: " if lines else ""


def objects_of(file: str) -> dict[str, Any]:
    """The public classes and functions that a module defines, after running it.

    What the module registers with Keras counts without being listed here.

    Args:
        file: absolute path of the module.

    Returns:
        Name to object; imported names are left out.

    Raises:
        ConversionError: the module does not compile or raises, with its line.
    """
    path = Path(file)
    module = ModuleType(MODULE_NAME)
    module.__file__ = path.name
    with BroughtCode(f"Importing {path.name}", path.name):
        code = compile(path.read_bytes(), path.name, "exec")
        sys.modules[MODULE_NAME] = module  # dataclasses and pickling ask for it by name
        exec(code, vars(module))  # noqa: S102 - the policy of a trusted place names it
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__ == MODULE_NAME
    }


def require_same_keras(objects: dict[str, Any], library: Any, file: str) -> None:
    """Refuses layers of the other Keras: they load in neither, with a message about neither.

    Args:
        objects: what the module defines.
        library: ``keras`` or ``tf_keras``, which opens the model.
        file: name of the module.

    Raises:
        ConversionError: a layer or model is derived from the other Keras.
    """
    other = tf_keras if library is keras else keras
    wrong = sorted(
        name
        for name, value in objects.items()
        if inspect.isclass(value) and issubclass(value, other.layers.Layer)
    )
    if wrong:
        raise ConversionError(
            f"{file} derives {', '.join(wrong)} from {other.__name__}; the model is opened with "
            f"{library.__name__}.",
            hint=f"import {library.__name__} in {file} instead of {other.__name__} or tf.keras",
            code=CODE,
        )


def _said(error: BaseException) -> str:
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    first = next((line.strip() for line in text.splitlines() if line.strip()), "no message")
    return first[:_MESSAGE_LIMIT]
