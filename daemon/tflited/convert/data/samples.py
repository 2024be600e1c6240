"""Reads input samples from files of any kind and checks them before anything is fed with them.

TensorFlow accepts a wrong rank in silence and says nothing of NaN; everything is refused here, by
file name and key.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from tflited.convert.data.arrays_read import from_npy, from_npz
from tflited.convert.data.images import Images
from tflited.convert.data.kinds import Kind, kind_of
from tflited.convert.data.records import Records
from tflited.convert.data.sample_set import Samples, Units, sampled
from tflited.convert.data.sound import Sound
from tflited.domain.figures import TensorSpec
from tflited.domain.preprocess import Preprocess

_Opened = Callable[[Sequence[str], Sequence[TensorSpec], Preprocess], Units]
_UNITS: Final[Mapping[Kind, _Opened]] = MappingProxyType(
    {Kind.IMAGE: Images, Kind.WAV: Sound, Kind.RECORD: Records}
)
_AS_THEY_STAND: Final = Preprocess()


def read(
    files: Sequence[str],
    inputs: Sequence[TensorSpec],
    *,
    limit: int,
    rules: Preprocess = _AS_THEY_STAND,
) -> Samples:
    """Reads and checks samples.

    Args:
        files: absolute paths, sorted; all of one kind.
        inputs: what the model takes; the first dimension of each is its batch.
        limit: at most this many samples are used, spread evenly over all.
        rules: what is done to images, sound and records.

    Raises:
        ConversionError: a file does not open, lacks an input, or holds values that do not fit.
    """
    kind = kind_of(files)
    if kind is Kind.NPZ:
        return from_npz(files, inputs, limit=limit)
    if kind is Kind.NPY:
        return from_npy(files, inputs, limit=limit)
    return sampled(_UNITS[kind](files, inputs, rules), inputs, limit=limit)
