"""Owns the shape of a policy's ``[preprocess]`` table, and what data keys must be to each other."""

import math
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StrictBool,
    StrictInt,
    StrictStr,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from tflited.domain.policy import ResolvedPolicy
from tflited.domain.preprocess import (
    Channels,
    Crop,
    Layout,
    Preprocess,
    RawType,
    ResizeMethod,
)
from tflited.errors import Problem

LARGEST_SIDE: Final = 16_384
MOST_CHANNELS: Final = 1024
LARGEST_LENGTH: Final = 16_777_216
_DEFAULT: Final = Preprocess()
_FRACTION_PATTERN: Final = r"^[0-9]{1,12}(\.[0-9]{1,12})?/[0-9]{1,12}(\.[0-9]{1,12})?$"
_SIDES: Final = 2


def _refuse(allowed: str) -> PydanticCustomError:
    return PydanticCustomError("not_allowed", "{allowed}", {"allowed": allowed})


def _number(value: object) -> float:
    """A number as a float; not a number where it is none or is infinite."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            return float(value) if math.isfinite(value) else math.nan
        except OverflowError:  # a whole number beyond all floats
            return math.nan
    return math.nan


def _scale(value: object) -> float:
    number = _fraction(value) if isinstance(value, str) else _number(value)
    if number > 0:
        return number
    raise _refuse('a number above 0, or a fraction as in "1/255"')


def _fraction(value: str) -> float:
    if not re.fullmatch(_FRACTION_PATTERN, value):
        return math.nan
    above, _, below = value.partition("/")
    try:
        return _number(float(above) / float(below))
    except ZeroDivisionError:
        return math.nan


def _per_channel(value: object, *, allowed: str, least: float) -> tuple[float, ...]:
    items = value if isinstance(value, list | tuple) else [value]
    numbers = tuple(_number(item) for item in items)
    if not 0 < len(numbers) <= MOST_CHANNELS or not all(number > least for number in numbers):
        raise _refuse(f"{allowed}, or a list with one for each channel")
    return numbers


def _mean(value: object) -> tuple[float, ...]:
    return _per_channel(value, allowed="a number", least=-math.inf)


def _std(value: object) -> tuple[float, ...]:
    return _per_channel(value, allowed="a number above 0", least=0.0)


def _resize(value: object) -> tuple[int, ...]:
    if isinstance(value, list | tuple) and len(value) in {0, _SIDES}:
        sizes = tuple(size for size in value if type(size) is int and 1 <= size <= LARGEST_SIDE)
        if len(sizes) == len(value):
            return sizes
    raise _refuse(f"[height, width], each from 1 to {LARGEST_SIDE}, or [] for the model's size")


def _distinct(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(value)) != len(value):
        raise _refuse("folder names, each once")
    return value


def _numbers(item: dict[str, Any]) -> dict[str, Any]:
    listed = {"type": "array", "items": item, "minItems": 1, "maxItems": MOST_CHANNELS}
    return {"anyOf": [item, listed]}


_ABOVE_ZERO: Final[dict[str, Any]] = {"type": "number", "exclusiveMinimum": 0}
Scale = Annotated[
    float,
    PlainValidator(_scale),
    WithJsonSchema({"anyOf": [_ABOVE_ZERO, {"type": "string", "pattern": _FRACTION_PATTERN}]}),
]
# Any, since pydantic checks a tuple again where a default is written into the JSON schema.
Mean = Annotated[Any, PlainValidator(_mean), WithJsonSchema(_numbers({"type": "number"}))]
Std = Annotated[Any, PlainValidator(_std), WithJsonSchema(_numbers(_ABOVE_ZERO))]
Resize = Annotated[
    Any,
    PlainValidator(_resize),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "integer", "minimum": 1, "maximum": LARGEST_SIDE},
            "maxItems": _SIDES,
        }
    ),
]
_Name = Annotated[StrictStr, Field(min_length=1)]


class PreprocessTable(BaseModel):
    """What is done to images, sound and records, for calibration and evaluation alike."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    resize: Resize = _DEFAULT.resize
    resize_method: ResizeMethod = _DEFAULT.resize_method
    antialias: StrictBool = _DEFAULT.antialias
    crop: Crop = _DEFAULT.crop
    scale: Scale = _DEFAULT.scale
    mean: Mean = _DEFAULT.mean
    std: Std = _DEFAULT.std
    channels: Channels = _DEFAULT.channels
    layout: Layout = _DEFAULT.layout
    classes: Annotated[tuple[_Name, ...], AfterValidator(_distinct)] = _DEFAULT.classes
    sample_rate: Annotated[StrictInt, Field(ge=0, le=768_000)] = _DEFAULT.sample_rate
    resample: StrictBool = _DEFAULT.resample
    length: Annotated[StrictInt, Field(ge=0, le=LARGEST_LENGTH)] = _DEFAULT.length
    windows: StrictBool = _DEFAULT.windows
    features: dict[_Name, _Name] = Field(default_factory=dict)
    label_feature: _Name = _DEFAULT.label_feature
    raw_type: RawType = _DEFAULT.raw_type


def data_contradictions(resolved: ResolvedPolicy) -> Iterator[Problem]:
    """Keys on data that cannot hold together, each told at the place that set it."""
    calibration, prepared = resolved.policy.calibration, resolved.policy.preprocess
    if calibration and calibration.synthetic and calibration.data:
        yield Problem(
            file=resolved.origins["calibration.synthetic"],
            key="calibration.synthetic",
            observed=f'true beside calibration.data = "{calibration.data}"',
            allowed='true without data (data = "" takes an inherited one back)',
        )
    if prepared.resample and not prepared.sample_rate:
        yield Problem(
            file=resolved.origins["preprocess.resample"],
            key="preprocess.resample",
            observed="true without a sample_rate",
            allowed="true beside the preprocess.sample_rate that the model takes",
        )
