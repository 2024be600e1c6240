"""Which kind of data a set of files is, told by their endings."""

import re
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Final

from tflited.convert.data.checks import wrong


class Kind(StrEnum):
    """What the files of a set hold."""

    NPZ = ".npz"
    NPY = ".npy"
    IMAGE = "images"
    WAV = ".wav"
    RECORD = "TFRecord"


_ENDINGS: Final = {
    Kind.NPZ: r"\.npz",
    Kind.NPY: r"\.npy",
    Kind.IMAGE: r"\.(jpe?g|png|bmp)",
    Kind.WAV: r"\.(wav|wave)",
    Kind.RECORD: r"\.(tfrecords?|tfrec)(-[0-9]+-of-[0-9]+)?",
}
ALLOWED: Final = ".npz, .npy, .jpg, .jpeg, .png, .bmp, .wav, .tfrecord"
_HINT: Final = "narrow the pattern of calibration.data or evaluation.data, as in calibration/*.png"


def kind_of(files: Sequence[str]) -> Kind:
    """The kind of all files.

    Args:
        files: paths; at least one.

    Raises:
        ConversionError: a file is of no known kind, or of another one than the first.
    """
    first = _kind(files[0])
    for file in files[1:]:
        if (other := _kind(file)) is not first:
            observed = f"{other} beside {Path(files[0]).name}, which is {first}"
            raise wrong(Path(file).name, observed, "files of one kind in a set", hint=_HINT)
    return first


def _kind(file: str) -> Kind:
    name = Path(file).name
    for kind, ending in _ENDINGS.items():
        if re.search(ending + "$", name, re.IGNORECASE):
            return kind
    ending = Path(file).suffix or "no ending"
    raise wrong(name, f"files of this kind ({ending}) are not read", ALLOWED, hint=_HINT)
