"""Samples from TFRecord files of ``tf.train.Example``: which feature is which input, and the label.

A feature is a list of numbers, which is used as it stands; raw bytes of an element type; or an
encoded image.
"""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any, Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.convert.data import picture
from tflited.convert.data.checks import (
    ONLY_INPUT,
    check_channels,
    check_finite,
    dtype_of,
    prepared,
    wrong,
)
from tflited.convert.data.record_file import MOST_RECORDS, Place, example, places
from tflited.convert.data.sample_set import Column
from tflited.domain.figures import TensorSpec
from tflited.domain.preprocess import Preprocess, RawType

_HINT: Final = (
    'set features = {INPUT = "FEATURE"} and label_feature = "FEATURE" in [preprocess] to the '
    "names that the records use"
)


class Records:
    """One record for each row.

    Args:
        files: sorted paths.
        inputs: what the model takes.
        rules: names of features, and what is done to pixels.

    Raises:
        ConversionError: a file is damaged.
    """

    def __init__(
        self, files: Sequence[str], inputs: Sequence[TensorSpec], rules: Preprocess
    ) -> None:
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        self.title = f"{Path(files[0]).name}{more}"
        self._inputs = inputs
        self._rules = rules
        self._places: list[Place] = []
        for file in files:
            self._places += places(Path(file), most=MOST_RECORDS - len(self._places))

    def __len__(self) -> int:
        """How many records there are."""
        return len(self._places)

    def subject(self, unit: int) -> str:
        """File and number of the record."""
        return self._places[unit].subject

    def load(self, unit: int) -> Mapping[str, Array]:
        """One record as a row of every input.

        Raises:
            ConversionError: it is damaged, or a feature is not what its input takes.
        """
        features = _features(self._places[unit])
        return {spec.name: self._row(self.subject(unit), features, spec) for spec in self._inputs}

    def labels(self, units: Sequence[int]) -> Column:
        """The labels of records: class numbers, or numbers in the output's shape, flattened.

        Raises:
            ConversionError: a record has none, or another number of values than the first.
        """
        name = self._rules.label_feature
        found: list[Array] = []
        for unit in units:
            place = self._places[unit]
            values = _numbers(place.subject, name, _feature(place.subject, _features(place), name))
            if found and len(values) != len(found[0]):
                allowed = f"{len(found[0])}, as the first record has"
                raise wrong(f"{place.subject}: {name}", f"{len(values)} labels", allowed)
            found.append(values)
        made = np.stack(found)
        return Column(
            subject=f"The feature {name!r}", values=made[:, 0] if made.shape[1] == 1 else made
        )

    def _row(self, subject: str, features: Mapping[str, Any], spec: TensorSpec) -> Array:
        name = self._named(features, spec)
        feature = _feature(subject, features, name)
        title = f"{subject}: {name}"
        if feature.WhichOneof("kind") == "bytes_list":
            return self._from_bytes(title, feature.bytes_list.value, spec)
        return _filled(title, _fitting(title, _numbers(subject, name, feature), spec), spec)

    def _named(self, features: Mapping[str, Any], spec: TensorSpec) -> str:
        """The feature of an input: as the rules say, else of its own name, else ``x``."""
        if spec.name in self._rules.features:
            return self._rules.features[spec.name]
        is_short = len(self._inputs) == 1 and spec.name not in features and ONLY_INPUT in features
        return ONLY_INPUT if is_short else spec.name

    def _from_bytes(self, title: str, values: Sequence[bytes], spec: TensorSpec) -> Array:
        if len(values) != 1:
            raise wrong(title, f"{len(values)} byte strings", "1")
        (content,) = values
        rules = self._rules
        if rules.raw_type is RawType.AUTO and picture.is_picture(content):
            return picture.row(title, content, picture.frame(title, spec, rules), rules)
        dtype = dtype_of(title, spec)
        stored = dtype if rules.raw_type is RawType.AUTO else np.dtype(rules.raw_type.value)
        if len(content) % stored.itemsize:
            raise wrong(title, f"{len(content)} bytes", f"whole elements of {stored}", hint=_HINT)
        raw = np.frombuffer(content, stored.newbyteorder("<"))
        check_finite(title, raw)
        if stored == np.uint8 and dtype.kind == "f":
            # Raw bytes for a float input are pixels, prepared as those of image files are.
            pixels = _filled(title, raw, spec)
            check_channels(title, rules, pixels.shape[-1] if pixels.shape else 1)
            return prepared(pixels, rules, dtype)
        return _filled(title, _fitting(title, raw, spec), spec)


def _features(place: Place) -> Mapping[str, Any]:
    found: Mapping[str, Any] = example(place).features.feature
    return found


def _feature(subject: str, features: Mapping[str, Any], name: str) -> Any:
    if name in features:
        return features[name]
    listed = ", ".join(map(repr, sorted(features))) or "nothing"
    raise wrong(subject, f"holds {listed}", f"a feature {name!r}", hint=_HINT)


def _numbers(subject: str, name: str, feature: Any) -> Array:
    title = f"{subject}: {name}"
    match feature.WhichOneof("kind"):
        case "float_list":
            made = np.array(feature.float_list.value, np.float32)
        case "int64_list":
            made = np.array(feature.int64_list.value, np.int64)
        case kind:
            raise wrong(title, f"holds {kind or 'nothing'}", "float_list or int64_list", hint=_HINT)
    if not made.size:
        raise wrong(title, "0 values", "at least 1")
    check_finite(title, made)
    return made


def _fitting(title: str, values: Array, spec: TensorSpec) -> Array:
    """Numbers in the type of an input, where that holds them."""
    dtype = dtype_of(title, spec)
    if dtype.kind in "iu" and values.dtype.kind in "iu":
        limits = np.iinfo(dtype)
        low, high = int(values.min()), int(values.max())
        if low < limits.min or high > limits.max:
            raise wrong(title, f"values from {low} to {high}", f"those of {dtype}")
    elif dtype.kind == "b" and not np.isin(values, (0, 1)).all():
        raise wrong(title, "values beside 0 and 1", "0 or 1, for a bool")
    elif dtype.kind != "b" and not np.can_cast(values.dtype, dtype, casting="same_kind"):
        raise wrong(title, f"element type {values.dtype}", spec.dtype)
    with np.errstate(over="ignore"):
        return values.astype(dtype)


def _filled(title: str, values: Array, spec: TensorSpec) -> Array:
    """Values in the shape of one row; one dynamic dimension follows from their number."""
    wanted = spec.shape[1:]
    known = prod(size for size in wanted if size >= 0)
    dynamic = sum(size < 0 for size in wanted)
    fits = values.size == known if not dynamic else dynamic == 1 and values.size % known == 0
    if not fits or not values.size:
        listed = ", ".join(["1", *map(str, wanted)])
        raise wrong(title, f"{values.size} values", f"those of shape [{listed}] (-1: any)")
    return values.reshape((1, *wanted) if spec.shape else ())
