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

from tflited.convert.faults.explain import explain
from tflited.errors import ConversionError

MODULE_NAME: Final = "tflited_custom_objects"
CODE: Final = "custom_objects_module"


class BroughtCode:
    """The border to code that comes with a model: whatever it raises becomes a ConversionError.

    A context manager, since such code may raise classes of its own that no list can name.

    Args:
        subject: what is being done, on what.
        file: absolute path of the policy's module; empty without one.
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
        """Explains an error by the line of the module that raised it, if it was there."""
        if not isinstance(error, Exception | SystemExit):
            return
        culprit, line = self._culprit(error)
        if line is None and isinstance(error, ConversionError):
            return
        name = Path(self._file).name
        place = f"{name}, line {line}: " if line is not None else ""
        said = explain(culprit, subject=f"{self._subject}: {place}{type(culprit).__name__}")
        raise ConversionError(
            said.message,
            hint=f"correct {name}, which custom_objects names; in it only what is installed with "
            "the service can be imported"
            if name
            else "the Lambda layer raises this; export the model as a SavedModel",
            code=CODE,
        ) from error

    def _culprit(self, error: BaseException) -> tuple[BaseException, int | None]:
        """The error that the module raised, the innermost of those around it, and its line."""
        found: tuple[BaseException, int | None] = (error, None)
        link: BaseException | None = error
        while link is not None:
            frames = traceback.extract_tb(link.__traceback__)
            lines = [frame.lineno for frame in frames if frame.filename == self._file]
            if isinstance(link, SyntaxError) and link.filename == self._file:
                lines = [link.lineno]
            if lines and not isinstance(link, ConversionError):
                found = (link, lines[-1])
            link = link.__cause__ or link.__context__
        return found


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
    module.__file__ = file
    with BroughtCode(f"Importing {path.name}", file):
        code = compile(path.read_bytes(), file, "exec")
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
