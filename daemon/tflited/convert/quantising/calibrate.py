"""The representative data of integer variants, and the ranges that are taken from it once.

The statistics come from TensorFlow's calibrator over the float32 file, so that every integer
variant of a build shares one pass over the data.
"""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.convert.data import samples
from tflited.convert.data.samples import Samples
from tflited.convert.faults.foreign import explained
from tflited.convert.internals import CALIBRATING, require
from tflited.convert.opening.source import Source
from tflited.convert.tflite.layout import taken_apart
from tflited.domain.attempt import AttemptRequest
from tflited.errors import ConversionError

DEFAULT_SAMPLES: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Representative:
    """Checked calibration data: for each signature its samples.

    Attributes:
        sets: signature name to samples.
    """

    sets: tuple[tuple[str, Samples], ...]

    def __call__(self) -> Iterator[tuple[str, dict[str, Array]]]:
        """A fresh walk over the data: some quantisers take more than one.

        Yields:
            Signature name, and input name to an array with batch 1.
        """
        for name, entries in self.sets:
            for index in range(len(entries)):
                yield name, entries[index]

    def by_signature(self) -> dict[str, list[dict[str, Array]]]:
        """Every sample, by signature name."""
        return {
            name: [entries[index] for index in range(len(entries))] for name, entries in self.sets
        }


def representative(request: AttemptRequest, source: Source) -> Representative:
    """Checks the calibration data of a request against a source.

    Args:
        request: names the files; the policy limits the number of samples.
        source: whose signatures the data must feed.

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
    return Representative(
        sets=tuple(
            (entry.name, samples.read(request.calibration, entry.inputs, limit=limit))
            for entry in source.signatures
        )
    )


@dataclass(frozen=True)
class Statistics:
    """The ranges of every tensor of a float32 file over a data set, gathered at the first use.

    Attributes:
        content: the float32 file.
        data: gives the samples; asked once.
    """

    content: bytes
    data: Callable[[], Representative]

    @cached_property
    def representative(self) -> Representative:
        """The data itself.

        Raises:
            ConversionError: there is none, or it does not fit.
        """
        return self.data()

    @cached_property
    def _calibrator(self) -> Any:
        walk = self.representative
        require(CALIBRATING)
        from tensorflow.lite.python.optimize import calibrator

        with explained("Calibrating"), warnings.catch_warnings():
            # The calibrator asks TensorFlow's own, deprecated interpreter for its signatures.
            warnings.simplefilter("ignore", UserWarning)
            apart = calibrator.add_intermediate_tensors(taken_apart(self.content))
            made = calibrator.Calibrator(apart)
            made._feed_tensors(walk, resize_input=True)  # noqa: SLF001 - its doors feed each time
        return made

    @cached_property
    def with_ranges(self) -> bytes:
        """The float32 file with the range of every tensor written into it.

        Raises:
            ConversionError: the data does not fit, or the file does not run on it.
        """
        with explained("Calibrating"):
            return bytes(self._calibrator._calibrator.Calibrate())  # noqa: SLF001

    def with_int16(self, *, allows_float: bool, is_per_channel: bool) -> bytes:
        """The file with 16-bit activations and 8-bit weights, and floats at its edges.

        Args:
            allows_float: leave operators in float that have no such form.
            is_per_channel: a scale for each output channel of the weights.

        Raises:
            ConversionError: as ``with_ranges``, or an operator has no such form.
        """
        edge, activations, bias = (np.dtype(kind).num for kind in (np.float32, np.int16, np.int64))
        quantise = self._calibrator._calibrator.QuantizeModel  # noqa: SLF001
        with explained("Making int16x8"):
            return bytes(
                quantise(edge, edge, allows_float, activations, bias, not is_per_channel, False)
            )
