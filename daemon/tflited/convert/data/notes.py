"""What the report tells of the data: classes, what preparation made, and what was left alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tflited.convert.data.reference import Reference
from tflited.domain.attempt import AttemptRequest
from tflited.domain.preprocess import Preprocess

MOST_CLASSES: Final = 200
_ARRAYS: Final = frozenset({".npz", ".npy"})


def data_notes(
    request: AttemptRequest, compared: Reference, classes: Sequence[str]
) -> tuple[str, ...]:
    """Notes for the report.

    Args:
        request: names the files and the policy.
        compared: the inputs that variants are compared on.
        classes: names of the judged classes, in the order of their numbers.
    """
    return (*_mapping(classes), *_ranges(request, compared), *_untouched(request))


def _ranges(request: AttemptRequest, compared: Reference) -> Iterator[str]:
    """What preparation made of files: a forgotten scale is right for no check, and seen here."""
    files = {"evaluation": request.evaluation, "calibration": request.calibration}
    used = files.get(compared.origin, ())
    if not used or _is_array(used[0]):
        return
    lows: dict[str, float] = {}
    highs: dict[str, float] = {}
    for pair in (pair for pairs in compared.pairs.values() for pair in pairs):
        for name, array in pair.inputs.items():
            lows[name] = min(lows.get(name, float(array.min())), float(array.min()))
            highs[name] = max(highs.get(name, float(array.max())), float(array.max()))
    told = [f"{name} from {lows[name]:.4g} to {highs[name]:.4g}" for name in lows]
    if told:
        yield f"Prepared {compared.origin} inputs: {', '.join(told)}; [preprocess] decides that."


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
    if not any(map(_is_array, files)):
        return ()
    return ("[preprocess] does not touch .npz and .npy files: their arrays are used as they are.",)


def _is_array(file: str) -> bool:
    return Path(file).suffix.lower() in _ARRAYS
