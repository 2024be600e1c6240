"""The representative data set that integer variants take their ranges from."""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from tflited.convert import samples
from tflited.convert.arrays import Array
from tflited.convert.samples import Samples
from tflited.convert.source import Source
from tflited.domain.attempt import AttemptRequest
from tflited.errors import ConversionError

Representative = Callable[[], Iterator[tuple[str, dict[str, Array]]]]
"""Gives a fresh iterator at each call: 16x8 quantisation walks the data twice."""

DEFAULT_SAMPLES: Final = 200


def representative(request: AttemptRequest, source: Source) -> Representative:
    """Checks the calibration data of a request against a source.

    Args:
        request: names the files; the policy limits the number of samples.
        source: whose signatures the data must feed.

    Returns:
        A function that yields (signature, input name to array with batch 1).

    Raises:
        ConversionError: there is no data, or it does not fit.
    """
    if not request.calibration:
        raise ConversionError(
            "Integer quantisation needs calibration data; the policy names none that exists.",
            hint='add [calibration] with data = "FOLDER/*.npz" (100 to 500 unlabelled samples)',
            code="needs_calibration",
        )
    rules = request.policy.calibration
    limit = rules.samples if rules else DEFAULT_SAMPLES
    sets = [
        (entry.name, samples.read(request.calibration, entry.inputs, limit=limit))
        for entry in source.signatures
    ]
    return lambda: _walk(sets)


def _walk(sets: Sequence[tuple[str, Samples]]) -> Iterator[tuple[str, dict[str, Array]]]:
    for name, entries in sets:
        for index in range(len(entries)):
            yield name, entries[index]
