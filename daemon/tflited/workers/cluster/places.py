"""Owns where an attempt's files are on either machine: the daemon's paths, and the worker's own."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from tflited.domain.attempt import AttemptRequest
from tflited.workers.wire import WireError

Fetch = Callable[[str, Path], Path]
"""Brings the file or folder of a name below a folder, under its own name; gives its path."""
MODEL: Final = "model"
SET_NAME: Final = "set"


def named_files(request: AttemptRequest) -> Mapping[str, Path]:
    """What an attempt reads, each file or folder once, under a name of its own."""
    return {
        MODEL: Path(request.model),
        **{f"code/{n}": Path(path) for n, path in enumerate(request.custom_objects)},
        **{f"data/{n}": Path(path) for n, path in enumerate(_data(request))},
    }


def moved(request: AttemptRequest, place: Path, fetch: Fetch) -> AttemptRequest:
    """The request with every file brought below a folder of this machine.

    Data files keep their folders among each other, for a label may be a folder's name.

    Args:
        request: with the daemon's paths.
        place: an empty folder; gets ``input``, ``code``, ``data`` and the scratch folder ``work``.
        fetch: brings one of ``named_files``.

    Raises:
        WireError: a path is not absolute, or leads upwards.
    """
    for name in ("input", "code", "data", "work"):
        (place / name).mkdir()
    there: dict[str, str] = {}
    for number, path in enumerate(_data(request)):
        folder = place / "data" / _below_root(path).parent
        folder.mkdir(parents=True, exist_ok=True)
        there[path] = str(fetch(f"data/{number}", folder))
    return replace(
        request,
        model=str(fetch(MODEL, place / "input")),
        scratch=str(place / "work"),
        custom_objects=tuple(
            str(fetch(f"code/{n}", place / "code")) for n in range(len(request.custom_objects))
        ),
        calibration=tuple(there[path] for path in request.calibration),
        evaluation=tuple(there[path] for path in request.evaluation),
    )


def _data(request: AttemptRequest) -> list[str]:
    return sorted({*request.calibration, *request.evaluation})


def _below_root(path: str) -> Path:
    absolute = Path(path)
    if not absolute.is_absolute() or ".." in absolute.parts:
        raise WireError(f"a data file at {path[:100]!r}")
    return absolute.relative_to("/")
