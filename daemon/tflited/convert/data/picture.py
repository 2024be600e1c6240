"""One encoded picture becomes pixels of a model's input.

TensorFlow's own decoders are used: they are there, they are what training pipelines use, and the
same file gives the same pixels as in training. GIF is left out, since its decoder takes memory for
every frame of the file before the first is shown.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import tensorflow as tf

from tflited.convert.arrays import Array
from tflited.convert.data.checks import check_channels, dtype_of, prepared, reason_of, wrong
from tflited.domain.figures import TensorSpec
from tflited.domain.preprocess import Channels, Crop, Layout, Preprocess

LARGEST_BYTES: Final = 64 * 2**20
MOST_PIXELS: Final = 2**25
"""About 33 million: a frame of 8K video. Three bytes each, then three floats each."""
MOST_SCANS: Final = 100
"""Of a progressive JPEG, each of which costs a pass over all pixels; ten are usual."""
ENDINGS: Final = "JPEG, PNG or BMP"
_JPEG: Final = b"\xff\xd8\xff"
_PNG: Final = b"\x89PNG\r\n\x1a\n"
_BMP: Final = b"BM"
_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LUMA: Final = np.array([0.299, 0.587, 0.114], dtype=np.float32)
"""Of red, green and blue: ITU-R BT.601, as in JPEG."""
_COLOURS: Final = 3
_IMAGE_AXES: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The form that a model's input gives an image.

    Attributes:
        spec: the input.
        height: rows; -1 where the model takes any.
        width: columns; -1 where the model takes any.
        channels: 1 or 3.
        is_flat: there is no axis for the channels.
    """

    spec: TensorSpec
    height: int
    width: int
    channels: int
    is_flat: bool


def frame(title: str, spec: TensorSpec, rules: Preprocess) -> Frame:
    """How images feed an input.

    Args:
        title: what the images are, for messages.
        spec: the input.
        rules: the order of its axes, and its colours.

    Raises:
        ConversionError: the input takes no images, or the rules do not fit it.
    """
    dtype_of(title, spec)
    axes = list(spec.shape[1:])
    is_flat = len(spec.shape) == _IMAGE_AXES - 1
    if is_flat:
        axes.append(1)
    if len(axes) != _COLOURS:
        hint = "feed such an input from .npz files, or from numbers in TFRecord files"
        observed = f"input {spec.name!r} has shape {list(spec.shape)}"
        raise wrong(title, observed, "[n, height, width, channels]", hint=hint)
    if rules.layout is Layout.CHW and not is_flat:
        axes = [axes[1], axes[2], axes[0]]
    made = Frame(
        spec=spec,
        height=rules.resize[0] if rules.resize else axes[0],
        width=rules.resize[1] if rules.resize else axes[1],
        channels=_channels(title, spec, axes[2], rules),
        is_flat=is_flat,
    )
    _check_rules(title, made, axes, rules)
    return made


def _channels(title: str, spec: TensorSpec, count: int, rules: Preprocess) -> int:
    asked = _COLOURS
    if rules.channels is Channels.GRAY:
        asked = 1
    elif rules.channels is Channels.AUTO and count >= 0:
        asked = count
    if asked not in {1, _COLOURS} or count not in {-1, asked}:
        observed = f"input {spec.name!r}, shape {list(spec.shape)}, has {count} channels"
        hint = "set channels and layout in [preprocess]"
        allowed = f'{asked} for channels = "{rules.channels}"'
        if rules.channels is Channels.AUTO:
            allowed = f'1 or 3, in this place for layout = "{rules.layout}"'
        raise wrong(title, observed, allowed, hint=hint)
    return asked


def _check_rules(title: str, made: Frame, axes: list[int], rules: Preprocess) -> None:
    check_channels(title, rules, made.channels)
    if made.height < 0 or made.width < 0:
        hint = "set resize = [height, width] in [preprocess], or input_shape in the policy"
        observed = f"input {made.spec.name!r} takes any size: {list(made.spec.shape)}"
        raise wrong(title, observed, "a known height and width", hint=hint)
    for have, want in zip((made.height, made.width), axes, strict=False):
        if have != want and want >= 0 and (rules.crop is not Crop.CENTER or have < want):
            observed = f"[{made.height}, {made.width}], input {made.spec.name!r} has {axes[:2]}"
            allowed = f'this size, or a larger one with crop = "{Crop.CENTER}"'
            raise wrong("preprocess.resize", observed, allowed)


def is_picture(content: bytes) -> bool:
    """Whether bytes begin as a picture that is decoded here."""
    return content.startswith((_JPEG, _PNG, _BMP))


def row(subject: str, content: bytes, made: Frame, rules: Preprocess) -> Array:
    """One picture as a row of the model's input.

    Args:
        subject: the file, for messages.
        content: the encoded picture.
        made: the form of the input.
        rules: what is done to the pixels.

    Raises:
        ConversionError: it is no whole picture, or larger than is decoded.
    """
    _check_size(subject, content)
    pixels = _decoded(subject, content, made.channels)
    if rules.crop is Crop.CENTER:
        pixels = _window(pixels, made.height, made.width)
    resized = tf.image.resize(
        pixels, (made.height, made.width), rules.resize_method.value, antialias=rules.antialias
    )
    return shaped(_cut(np.asarray(resized), made, rules), made, rules)


def shaped(pixels: Array, made: Frame, rules: Preprocess) -> Array:
    """Pixels of the right size, red first, as a row of the model's input."""
    if rules.channels is Channels.BGR:
        pixels = pixels[:, :, ::-1]
    values = prepared(pixels, rules, dtype_of(made.spec.name, made.spec))
    if made.is_flat:
        values = values[:, :, 0]
    elif rules.layout is Layout.CHW:
        values = values.transpose(2, 0, 1)
    return np.ascontiguousarray(values)[np.newaxis]


def _check_size(subject: str, content: bytes) -> None:
    """Before anything is decoded: a file of some hundred bytes can claim gigabytes of pixels."""
    width, height = _claimed(content)
    if width < 1 or height < 1:
        begins = content[:8].hex(" ") or "nothing"
        raise wrong(subject, f"is no {ENDINGS} image; it begins with {begins}", "a whole image")
    if width * height > MOST_PIXELS:
        raise wrong(subject, f"{width} x {height} pixels", f"at most {MOST_PIXELS} in all")
    if content.startswith(_JPEG) and (scans := content.count(b"\xff\xda")) > MOST_SCANS:
        raise wrong(subject, f"{scans} scans", f"at most {MOST_SCANS}")


def _claimed(content: bytes) -> tuple[int, int]:
    """Width and height as the header has them; zeros where it is none."""
    if content.startswith(_PNG) and content[12:16] == b"IHDR":
        return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])
    if content.startswith(_BMP):
        sides = (content[18:22], content[22:26])
        width, height = (int.from_bytes(side, "little", signed=True) for side in sides)
        return width, abs(height)  # a picture stored from the top has a negative height
    return _claimed_by_jpeg(content) if content.startswith(_JPEG) else (0, 0)


def _claimed_by_jpeg(content: bytes) -> tuple[int, int]:
    """The largest frame header: which one a decoder believes is not ours to know."""
    largest, place = (0, 0), 2
    while place + 9 <= len(content):
        if content[place] != 0xFF:  # noqa: PLR2004 - every marker begins with it (ITU-T T.81)
            place += 1
            continue
        marker = content[place + 1]
        if marker in _START_OF_FRAME:
            height, width = (int.from_bytes(content[place + n : place + n + 2]) for n in (5, 7))
            largest = max(largest, (width, height), key=lambda sides: sides[0] * sides[1])
        has_length = 0xC0 <= marker <= 0xFE and not 0xD0 <= marker <= 0xD9  # noqa: PLR2004 - markers
        place += 2 + int.from_bytes(content[place + 2 : place + 4]) if has_length else 1
        if marker == 0xDA:  # noqa: PLR2004 - start of scan: pixels follow
            break
    return largest


def _decoded(subject: str, content: bytes, channels: int) -> Any:
    try:
        if content.startswith(_BMP):
            return _recoloured(np.asarray(tf.io.decode_bmp(content)), channels)
        decode = tf.io.decode_png if content.startswith(_PNG) else tf.io.decode_jpeg
        return decode(content, channels=channels)
    except (tf.errors.OpError, ValueError) as error:
        observed = f"cannot be decoded: {reason_of(error)}"
        raise wrong(subject, observed, f"a whole {ENDINGS} image") from error


def _recoloured(pixels: Array, channels: int) -> Array:
    if channels == 1 and pixels.shape[2] >= _COLOURS:
        return np.asarray(pixels[:, :, :_COLOURS] @ _LUMA)[:, :, np.newaxis]
    if channels == _COLOURS and pixels.shape[2] == 1:
        return np.repeat(pixels, _COLOURS, axis=2)
    return pixels[:, :, :channels]


def _window(pixels: Any, height: int, width: int) -> Any:
    """The largest window of the wanted ratio in the middle."""
    have_height, have_width = pixels.shape[0], pixels.shape[1]
    rows = min(have_height, max(1, round(have_width * height / width)))
    columns = min(have_width, max(1, round(have_height * width / height)))
    return _middle(pixels, rows, columns)


def _cut(pixels: Array, made: Frame, rules: Preprocess) -> Array:
    """The middle, where ``resize`` is larger than the model's input."""
    axes = made.spec.shape[1:]
    if rules.layout is Layout.CHW and not made.is_flat:
        axes = axes[1:]
    height = axes[0] if axes[0] > 0 else made.height
    width = axes[1] if axes[1] > 0 else made.width
    return np.asarray(_middle(pixels, height, width))


def _middle(pixels: Any, rows: int, columns: int) -> Any:
    top, left = (pixels.shape[0] - rows) // 2, (pixels.shape[1] - columns) // 2
    return pixels[top : top + rows, left : left + columns]
