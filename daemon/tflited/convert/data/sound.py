"""Samples from folders of WAV files; class folders give labels."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.convert.data.checks import check_channels, dtype_of, only_input, prepared, wrong
from tflited.convert.data.classes import class_column
from tflited.convert.data.resample import resampled
from tflited.convert.data.sample_set import Column
from tflited.convert.data.wav_file import Wav, frames, opened
from tflited.domain.figures import TensorSpec
from tflited.domain.preprocess import Preprocess

MOST_WINDOWS: Final = 2_000_000
_LENGTH_ONLY: Final = 2
_WITH_CHANNELS: Final = 3


class Sound:
    """One WAV file, or one window of it, for each row.

    Args:
        files: sorted paths.
        inputs: what the model takes; must be one, of shape [n, length] or [n, length, channels].
        rules: rate, length, windows and scale.

    Raises:
        ConversionError: the model takes no sound, or the rules do not fit it.
    """

    def __init__(
        self, files: Sequence[str], inputs: Sequence[TensorSpec], rules: Preprocess
    ) -> None:
        self.title = "WAV files"
        self._files = files
        self._rules = rules
        self._spec = only_input(self.title, inputs)
        self._length = _length(self.title, self._spec, rules)
        self._rate = rules.sample_rate or opened(Path(files[0])).rate
        self._windows = self._every_window() if rules.windows else None

    def __len__(self) -> int:
        """How many files or windows there are."""
        return len(self._files if self._windows is None else self._windows)

    def subject(self, unit: int) -> str:
        """The file's name with its folder's, and the window where there are several."""
        file, window = self._place(unit)
        path = Path(self._files[file])
        more = f": window {window}" if self._windows is not None else ""
        return f"{path.parent.name}/{path.name}{more}"

    def load(self, unit: int) -> Mapping[str, Array]:
        """One stretch of sound, padded with silence where the file is shorter.

        Raises:
            ConversionError: the file cannot be read, or has another rate or other channels.
        """
        file, window = self._place(unit)
        wav = self._opened(file)
        span = (window * self._length, (window + 1) * self._length)
        read = partial(frames, wav)
        if wav.rate == self._rate:
            made = read(*span)
        else:
            made = resampled(read, span, rate=wav.rate, wanted=self._rate)
        return {self._spec.name: self._shaped(self.subject(unit), made)}

    def labels(self, units: Sequence[int]) -> Column:
        """Class numbers by folder.

        Raises:
            ConversionError: there are no class folders.
        """
        chosen = [self._place(unit)[0] for unit in units]
        return class_column(self._files, chosen, self._rules.classes, "WAV files")

    def _place(self, unit: int) -> tuple[int, int]:
        return (unit, 0) if self._windows is None else self._windows[unit]

    def _opened(self, file: int) -> Wav:
        wav = opened(Path(self._files[file]))
        if wav.rate != self._rate and not self._rules.resample:
            raise wrong(
                wav.file.name,
                f"{wav.rate} Hz",
                f"{self._rate} Hz, as "
                + ("sample_rate says" if self._rules.sample_rate else "the first file has"),
                hint="set sample_rate to what the model takes, and resample = true, in "
                "[preprocess]",
            )
        return wav

    def _every_window(self) -> list[tuple[int, int]]:
        places: list[tuple[int, int]] = []
        for file in range(len(self._files)):
            wav = self._opened(file)
            length = wav.frames * self._rate // wav.rate
            count = max(length // self._length, 1)
            if len(places) + count > MOST_WINDOWS:
                observed = f"more than {MOST_WINDOWS} windows"
                raise wrong(wav.file.name, observed, f"at most {MOST_WINDOWS} in a set")
            places += [(file, window) for window in range(count)]
        return places

    def _shaped(self, subject: str, made: Array) -> Array:
        wanted = self._spec.shape[2] if len(self._spec.shape) == _WITH_CHANNELS else 1
        if wanted == 1:
            made = made.mean(axis=1, keepdims=True)
        elif wanted not in {-1, made.shape[1]}:
            raise wrong(subject, f"{made.shape[1]} channels", f"{wanted}, as the model takes")
        check_channels(self.title, self._rules, made.shape[1])
        values = prepared(made, self._rules, dtype_of(subject, self._spec))
        if len(self._spec.shape) == _LENGTH_ONLY:
            values = values[:, 0]
        return values[np.newaxis]


def _length(title: str, spec: TensorSpec, rules: Preprocess) -> int:
    dtype_of(title, spec)
    if len(spec.shape) not in {_LENGTH_ONLY, _WITH_CHANNELS}:
        hint = "feed such an input (a spectrogram, say) from .npz files"
        observed = f"input {spec.name!r} has shape {list(spec.shape)}"
        raise wrong(title, observed, "[n, length] or [n, length, channels]", hint=hint)
    length = spec.shape[1]
    if length > 0 and rules.length not in {0, length}:
        observed = f"{rules.length}, input {spec.name!r} has {length}"
        raise wrong("preprocess.length", observed, f"{length}, or 0")
    if length < 0 and not rules.length:
        hint = "set length in [preprocess], or input_shape in the policy"
        observed = f"input {spec.name!r} takes any length: {list(spec.shape)}"
        raise wrong(title, observed, "a known length", hint=hint)
    return rules.length or length
