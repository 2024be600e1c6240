"""What the report tells of the data: which folder is which class, and what was left as it stood."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tflited.domain.attempt import AttemptRequest
from tflited.domain.preprocess import Preprocess

MOST_CLASSES: Final = 200
_ARRAYS: Final = frozenset({".npz", ".npy"})


def data_notes(request: AttemptRequest, classes: Sequence[str]) -> tuple[str, ...]:
    """Notes for the report.

    Args:
        request: names the files and the policy.
        classes: names of the judged classes, in the order of their numbers.
    """
    return (*_mapping(classes), *_untouched(request))


def _mapping(classes: Sequence[str]) -> tuple[str, ...]:
    if not classes:
        return ()
    pairs = [f"{number} = {name}" for number, name in enumerate(classes[:MOST_CLASSES])]
    if more := len(classes) - len(pairs):
        pairs.append(f"and {more} more")
    return (f"Class folders of the evaluation data: {', '.join(pairs)}.",)


def _untouched(request: AttemptRequest) -> tuple[str, ...]:
    files = (*request.calibration, *request.evaluation)
    if request.policy.preprocess == Preprocess():
        return ()
    if not any(Path(file).suffix.lower() in _ARRAYS for file in files):
        return ()
    return ("[preprocess] does not touch .npz and .npy files: their arrays are used as they are.",)
