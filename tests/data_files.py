"""Writes files of every kind of data, with TensorFlow's own writers where it has some."""

import struct
import wave
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

Array = npt.NDArray[Any]


def png(path: Path, pixels: Array) -> Path:
    """A PNG file of ``[height, width, channels]`` bytes."""
    return _written(path, tf.io.encode_png(pixels.astype(np.uint8)).numpy())


def jpeg(path: Path, pixels: Array) -> Path:
    """A JPEG file."""
    return _written(path, tf.io.encode_jpeg(pixels.astype(np.uint8), quality=95).numpy())


def bmp(path: Path, pixels: Array) -> Path:
    """A BMP file of 24 bits; ``[height, width, 3]``, red first."""
    height, width, _ = pixels.shape
    rows = b"".join(
        pixels[row, :, ::-1].astype(np.uint8).tobytes() + bytes(-width * 3 % 4)
        for row in reversed(range(height))
    )
    return _written(path, _bmp_head(pixels, rows) + rows)


def _bmp_head(pixels: Array, rows: bytes) -> bytes:
    height, width, _ = pixels.shape
    file = struct.pack("<2sIII", b"BM", 54 + len(rows), 0, 54)
    return file + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, len(rows), 0, 0, 0, 0)


def wav(path: Path, values: Array, *, rate: int = 8000, width: int = 2) -> Path:
    """A PCM file by Python's own writer; values from -1 to 1, ``[frames]`` or with channels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = values.reshape(len(values), -1)
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(frames.shape[1])
        stream.setsampwidth(width)
        stream.setframerate(rate)
        stream.writeframes(_pcm(frames, width))
    return path


def _pcm(frames: Array, width: int) -> bytes:
    top = 2 ** (8 * width - 1) - 1
    whole = np.rint(np.clip(frames, -1, 1) * top).astype(np.int64)
    if width == 1:
        return bytes((whole + 128).astype(np.uint8).tobytes())
    raw = whole.astype("<i8").reshape(-1, 1).view(np.uint8)
    return bytes(raw[:, :width].tobytes())


def records(path: Path, examples: Sequence[Mapping[str, Any]]) -> Path:
    """A TFRecord file; a feature is bytes, or a list of whole numbers or floats."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for example in examples:
            features = {name: _feature(value) for name, value in example.items()}
            message = tf.train.Example(features=tf.train.Features(feature=features))
            writer.write(message.SerializeToString())
    return path


def _feature(value: Any) -> tf.train.Feature:
    if isinstance(value, bytes):
        return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))
    array = np.asarray(value).reshape(-1)
    if array.dtype.kind in "iu":
        return tf.train.Feature(int64_list=tf.train.Int64List(value=array.tolist()))
    return tf.train.Feature(float_list=tf.train.FloatList(value=array.tolist()))


def _written(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path
