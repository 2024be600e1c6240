"""Reads WAV files: the header with its lies, and any range of frames as floats from -1 to 1.

Python's ``wave`` refuses the extensible form, in which 24 bits are usually written, before 3.12,
and floats always; TensorFlow's decoder reads 16 bits only. The format is RIFF, "Multimedia
Programming Interface and Data Specifications 1.0" (Microsoft, 1991), and RFC 2361 for the codes.
"""

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.convert.data.checks import readable, size_of, wrong

LARGEST_BYTES: Final = 2**32
MOST_CHUNKS: Final = 256
MOST_CHANNELS: Final = 64
LARGEST_RATE: Final = 768_000
_PCM: Final = 1
_FLOAT: Final = 3
_EXTENSIBLE: Final = 0xFFFE
_ELEMENTS: Final[dict[tuple[int, int], np.dtype[Any]]] = {
    (_PCM, 8): np.dtype("u1"),
    (_PCM, 16): np.dtype("<i2"),
    (_PCM, 24): np.dtype("u1"),
    (_PCM, 32): np.dtype("<i4"),
    (_FLOAT, 32): np.dtype("<f4"),
    (_FLOAT, 64): np.dtype("<f8"),
}
_ALLOWED: Final = "PCM of 8, 16, 24 or 32 bits, or floats of 32 or 64"
_WHOLE: Final = "a whole RIFF WAVE file"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wav:
    """What the header of a file says, checked against its size.

    Attributes:
        file: the file.
        code: PCM or floats.
        bits: of one value.
        channels: values of one frame.
        rate: frames in a second.
        start: byte at which the frames begin.
        frames: how many there are.
    """

    file: Path
    code: int
    bits: int
    channels: int
    rate: int
    start: int
    frames: int


def opened(file: Path) -> Wav:
    """Reads and checks the header of a WAV file.

    Raises:
        ConversionError: it is no WAV file that is understood, or shorter than it says.
    """
    size = size_of(file, largest=LARGEST_BYTES)
    try:
        with file.open("rb") as stream:
            return _header(file, stream, size)
    except (OSError, struct.error) as error:
        raise wrong(file.name, f"cannot be read: {error}", _WHOLE) from error


def frames(wav: Wav, start: int, stop: int) -> Array:
    """Frames as floats ``[stop - start, channels]``; silence where the file has none.

    Args:
        wav: the opened file.
        start: first frame; may be negative.
        stop: behind the last frame.

    Raises:
        ConversionError: the file became shorter.
    """
    begin, end = max(start, 0), min(stop, wav.frames)
    made = np.zeros((stop - start, wav.channels), np.float32)
    if begin < end:
        width = wav.channels * wav.bits // 8
        with readable(wav.file), wav.file.open("rb") as stream:
            stream.seek(wav.start + begin * width)
            content = stream.read((end - begin) * width)
        if len(content) != (end - begin) * width:
            raise wrong(wav.file.name, "became shorter while it was read", _WHOLE)
        made[begin - start : end - start] = _values(wav, content).reshape(-1, wav.channels)
    return made


def _values(wav: Wav, content: bytes) -> Array:
    raw = np.frombuffer(content, _ELEMENTS[wav.code, wav.bits])
    if wav.code == _FLOAT:
        return raw.astype(np.float32)
    match wav.bits:
        case 8:  # the only unsigned form
            return (raw.astype(np.float32) - 128.0) / np.float32(128.0)
        case 24:
            wide = np.zeros((len(raw) // 3, 4), np.uint8)
            wide[:, 1:] = raw.reshape(-1, 3)
            return (wide.view("<i4")[:, 0] / 2.0**31).astype(np.float32)
        case _:
            return (raw / 2.0 ** (wav.bits - 1)).astype(np.float32)


def _header(file: Path, stream: IO[bytes], size: int) -> Wav:
    riff, _, form = struct.unpack("<4sI4s", stream.read(12))
    if riff != b"RIFF" or form != b"WAVE":
        raise wrong(file.name, f"is no WAV file; it begins with {riff.hex(' ')}", _WHOLE)
    form_chunk = b""
    for _ in range(MOST_CHUNKS):
        name, length = struct.unpack("<4sI", stream.read(8))
        if name == b"data":
            return _checked(file, form_chunk, stream.tell(), length, size)
        if name == b"fmt ":
            form_chunk = stream.read(min(length, 40))
            length -= len(form_chunk)
        stream.seek(length + length % 2, 1)
    raise wrong(file.name, f"no sound in its first {MOST_CHUNKS} chunks", _WHOLE)


def _checked(file: Path, form: bytes, start: int, length: int, size: int) -> Wav:
    if len(form) < 16:  # noqa: PLR2004 - the shortest form of the format chunk
        raise wrong(file.name, "has sound but no format before it", _WHOLE)
    code, channels, rate, _, block, bits = struct.unpack("<HHIIHH", form[:16])
    if code == _EXTENSIBLE and len(form) >= 26:  # noqa: PLR2004 - where the real code stands
        code = int.from_bytes(form[24:26], "little")
    if (code, bits) not in _ELEMENTS:
        raise wrong(file.name, f"format {code} with {bits} bits", _ALLOWED)
    if not 1 <= channels <= MOST_CHANNELS or block != channels * bits // 8:
        observed = f"{channels} channels of {bits} bits in {block} bytes"
        raise wrong(file.name, observed, f"1 to {MOST_CHANNELS} channels that fill a frame")
    if not 1 <= rate <= LARGEST_RATE:
        raise wrong(file.name, f"{rate} Hz", f"1 to {LARGEST_RATE} Hz")
    if length > size - start:
        raise wrong(file.name, f"claims {length} bytes of sound, {size - start} are there", _WHOLE)
    if length < block:
        raise wrong(file.name, "holds no sound", "at least 1 frame")
    return Wav(
        file=file,
        code=code,
        bits=bits,
        channels=channels,
        rate=rate,
        start=start,
        frames=length // block,
    )
