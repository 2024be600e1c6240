"""How files of calibration and evaluation data become a model's inputs; decides artifacts' bytes.

One table for both: a range measured on inputs that are prepared otherwise than those that are
judged, or than those on the device, is a wrong range.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class ResizeMethod(StrEnum):
    """How an image gets another size; TensorFlow's names (``tf.image.ResizeMethod``)."""

    BILINEAR = "bilinear"
    NEAREST = "nearest"
    BICUBIC = "bicubic"
    AREA = "area"


class Crop(StrEnum):
    """What happens to an image of another aspect ratio."""

    NONE = "none"
    """It is stretched."""
    CENTER = "center"
    """The largest window of the right ratio is cut from its middle."""


class Channels(StrEnum):
    """Which colours the model takes, in which order."""

    AUTO = "auto"
    """Red, green, blue for an input of 3 channels, grey for one of 1."""
    RGB = "rgb"
    BGR = "bgr"
    GRAY = "gray"


class Layout(StrEnum):
    """Order of an image input's axes after the batch."""

    HWC = "hwc"
    """Height, width, channels: TensorFlow's own."""
    CHW = "chw"
    """Channels, height, width: models that came from elsewhere."""


class RawType(StrEnum):
    """Element type of raw bytes in records."""

    AUTO = "auto"
    """An encoded image where the bytes begin as one, else elements of the input's type."""
    UINT8 = "uint8"
    INT8 = "int8"
    INT16 = "int16"
    INT32 = "int32"
    INT64 = "int64"
    FLOAT16 = "float16"
    FLOAT32 = "float32"
    FLOAT64 = "float64"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocess:
    """What is done to images, sound and records; arrays in NumPy files are used as they stand.

    Attributes:
        resize: height and width; empty for the model's input size.
        resize_method: how.
        antialias: whether a smaller image is smoothed first.
        crop: what happens to another aspect ratio.
        scale: factor of pixels (0 to 255) and of sound (-1 to 1); before ``mean`` and ``std``.
        mean: subtracted; one number, or one for each channel.
        std: divided by; one number, or one for each channel.
        channels: colours and their order.
        layout: order of the axes.
        classes: class folders in the order of the class numbers; empty for all, by name.
        sample_rate: of the sound that the model takes, in Hz; 0 for whatever all files have.
        resample: whether sound of another rate is converted; otherwise it is refused.
        length: samples of sound for one input; 0 for the model's input length.
        windows: whether all of a longer file is used, window by window; otherwise its beginning.
        features: input name to the feature of a record that holds it.
        label_feature: the feature of a record that holds its label.
        raw_type: of features that are bytes.
    """

    resize: tuple[int, ...] = ()
    resize_method: ResizeMethod = ResizeMethod.BILINEAR
    antialias: bool = False
    crop: Crop = Crop.NONE
    scale: float = 1.0
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    channels: Channels = Channels.AUTO
    layout: Layout = Layout.HWC
    classes: tuple[str, ...] = ()
    sample_rate: int = 0
    resample: bool = False
    length: int = 0
    windows: bool = False
    features: Mapping[str, str] = field(default_factory=dict)
    label_feature: str = "label"
    raw_type: RawType = RawType.AUTO
