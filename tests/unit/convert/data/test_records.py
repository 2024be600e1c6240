"""TFRecord files as samples: features of every form, labels, and damage."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

import data_files
from tflited.convert.data import samples
from tflited.convert.proof import labels
from tflited.domain.figures import TensorSpec
from tflited.domain.policy import Metric
from tflited.domain.preprocess import Preprocess, RawType
from tflited.errors import ConversionError

Refusal = Callable[..., str]
VECTOR = TensorSpec(index=0, name="x", shape=(-1, 4), dtype="float32")
IMAGE = TensorSpec(index=0, name="image", shape=(-1, 2, 2, 3), dtype="float32")
PIXELS = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)


def only(file: Path, spec: TensorSpec, **rules: Any) -> Any:
    found = samples.read([str(file)], (spec,), limit=10, rules=Preprocess(**rules))
    return found[0][spec.name]


def written(folder: Path, *examples: dict[str, Any]) -> Path:
    return data_files.records(folder / "a.tfrecord", examples)


@pytest.mark.parametrize("values", [[1.0, 2.0, 3.0, 4.0], [1, 2, 3, 4]])
def test_lists_of_numbers_are_taken_as_they_stand(tmp_path: Path, values: list[Any]) -> None:
    """Whoever wrote numbers has prepared them: scale does not touch them."""
    made = only(written(tmp_path, {"x": values}), VECTOR, scale=0.5)
    assert made.tolist() == [[1, 2, 3, 4]]
    assert made.dtype == np.float32


def test_raw_bytes_have_the_inputs_type(tmp_path: Path) -> None:
    """What ``tobytes`` gave is read back."""
    file = written(tmp_path, {"x": np.arange(4, dtype="<f4").tobytes()})
    assert only(file, VECTOR).tolist() == [[0, 1, 2, 3]]


def test_raw_pixels_are_prepared(tmp_path: Path) -> None:
    """Bytes for a float input are pixels, as in an image file."""
    file = written(tmp_path, {"image": PIXELS.tobytes()})
    made = only(file, IMAGE, raw_type=RawType.UINT8, scale=0.5, mean=(1.0, 2.0, 3.0))
    assert np.allclose(made[0], PIXELS * 0.5 - [1, 2, 3])


def test_an_encoded_image_is_decoded(tmp_path: Path) -> None:
    """PNG or JPEG in a feature is what most image sets hold."""
    encoded = bytes(tf.io.encode_png(PIXELS).numpy())
    file = written(tmp_path, {"image/encoded": encoded})
    made = only(file, IMAGE, features={"image": "image/encoded"}, scale=0.5)
    assert np.allclose(made[0], PIXELS * 0.5)


def test_several_inputs_have_a_feature_each(tmp_path: Path) -> None:
    """By their names, or by the names that the policy gives."""
    count = TensorSpec(index=1, name="count", shape=(-1,), dtype="int32")
    file = written(tmp_path, {"image": PIXELS.tobytes(), "n": [7]})
    rules = Preprocess(features={"count": "n"}, raw_type=RawType.UINT8)
    sample = samples.read([str(file)], (IMAGE, count), limit=1, rules=rules)[0]
    assert sample["count"].tolist() == [7]
    assert sample["image"].shape == (1, 2, 2, 3)


def test_an_only_input_may_be_called_x(tmp_path: Path) -> None:
    """As in arrays."""
    spec = TensorSpec(index=0, name="keras_tensor", shape=(-1, 4), dtype="float32")
    assert only(written(tmp_path, {"x": [1, 2, 3, 4]}), spec).sum() == 10


def test_a_dynamic_dimension_follows_from_the_count(tmp_path: Path) -> None:
    """One only; every record must have the same."""
    spec = TensorSpec(index=0, name="x", shape=(-1, -1, 2), dtype="float32")
    assert only(written(tmp_path, {"x": [1.0] * 6}), spec).shape == (1, 3, 2)


def test_labels_come_from_a_feature(tmp_path: Path) -> None:
    """Whole numbers are classes, several values an output."""
    rows = [{"x": [0.0] * 4, "class": [n % 3], "out": [n, n / 2]} for n in range(9)]
    file = str(written(tmp_path, *rows))
    for name, metric, shape, expected in (
        ("class", Metric.TOP1, (3,), [0, 1, 2]),
        ("out", Metric.MAE, (2,), [[0, 0], [4, 2], [8, 4]]),
    ):
        rules = Preprocess(label_feature=name)
        found = samples.read([file], (VECTOR,), limit=3, rules=rules)
        made = labels.targets(metric, labels.read([file], found), found, shape)
        assert made.tolist() == expected


def test_a_record_without_its_label_is_told(tmp_path: Path) -> None:
    """By number, with the features that it has."""
    file = str(written(tmp_path, {"x": [0.0] * 4, "label": [1]}, {"x": [0.0] * 4}))
    found = samples.read([file], (VECTOR,), limit=3)
    with pytest.raises(ConversionError, match=r"a.tfrecord: record 1: holds 'x'; .*'label'"):
        labels.read([file], found)


def test_records_of_several_shards_are_chosen_evenly(tmp_path: Path) -> None:
    """Shards as TensorFlow Datasets names them; only chosen records are read."""
    files = [
        data_files.records(
            tmp_path / f"set.tfrecord-0000{shard}-of-00003",
            [{"x": [float(10 * shard + n)] * 4} for n in range(4)],
        )
        for shard in range(3)
    ]
    found = samples.read(list(map(str, files)), (VECTOR,), limit=3)
    assert len(found) == 3
    assert found[0]["x"][0, 0] == 0
    assert found[2]["x"][0, 0] == 23


@pytest.mark.parametrize(
    ("example", "words"),
    [
        ({"y": [1.0]}, "record 0: holds 'y'; allowed: a feature 'x'"),
        ({"x": [1.0, 2.0]}, "record 0: x: 2 values; allowed: those of shape [1, 4]"),
        ({"x": [1.0, np.nan, 2.0, 3.0]}, "record 0: x: 1 of 4 values are NaN"),
        ({"x": b"123"}, "record 0: x: 3 bytes; allowed: whole elements of float32"),
        ({"x": np.full(4, np.inf, "<f4").tobytes()}, "record 0: x: 4 of 4 values are NaN"),
        ({"x": []}, "record 0: x: 0 values"),
    ],
)
def test_what_does_not_fit_is_refused_by_record(
    tmp_path: Path, refusal: Refusal, example: dict[str, Any], words: str
) -> None:
    """File, number of the record, feature."""
    message = refusal(written(tmp_path, example), VECTOR)
    assert message.startswith("a.tfrecord: ")
    assert words in message


def test_integers_must_fit_their_input(tmp_path: Path, refusal: Refusal) -> None:
    """300 is no byte; 255 is."""
    spec = TensorSpec(index=0, name="x", shape=(-1, 2), dtype="uint8")
    assert only(written(tmp_path, {"x": [0, 255]}), spec).tolist() == [[0, 255]]
    assert "values from 0 to 300" in refusal(written(tmp_path, {"x": [0, 300]}), spec)
    assert "element type float32" in refusal(written(tmp_path, {"x": [0.5, 1.5]}), spec)


def test_another_shape_than_the_first_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    """Samples of one set go together."""
    spec = TensorSpec(index=0, name="x", shape=(-1, -1), dtype="float32")
    file = written(tmp_path, {"x": [1.0] * 2}, {"x": [1.0] * 3})
    assert "record 1: shape [1, 3]; allowed: [1, 2]" in refusal(file, spec)


def damaged(file: Path, place: int, content: bytes) -> Path:
    whole = bytearray(file.read_bytes())
    whole[place : place + len(content)] = content
    file.write_bytes(whole)
    return file


def test_a_damaged_record_is_refused_by_number(tmp_path: Path, refusal: Refusal) -> None:
    """Its checksum does not hold."""
    file = written(tmp_path, {"x": [1.0] * 4}, {"x": [2.0] * 4})
    second = file.stat().st_size // 2
    message = refusal(damaged(file, second + 20, b"!!!"), VECTOR)
    assert "a.tfrecord: record 1: is damaged: corrupted record" in message


def test_a_length_that_lies_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    """Memory is never taken for what the file does not hold."""
    file = written(tmp_path, {"x": [1.0] * 4})
    message = refusal(damaged(file, 0, struct.pack("<Q", 2**62)), VECTOR)
    assert f"record 0: claims {2**62} bytes" in message


def test_an_encoded_bomb_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    """An image in a record is held to the bounds of image files."""
    bomb = bytearray(tf.io.encode_png(PIXELS).numpy())
    bomb[16:24] = struct.pack(">II", 60_000, 60_000)
    message = refusal(written(tmp_path, {"image": bytes(bomb)}), IMAGE)
    assert "a.tfrecord: record 0: image: 60000 x 60000 pixels" in message


def test_a_truncated_file_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    """The last record of a copy that broke off."""
    file = written(tmp_path, {"x": [1.0] * 4}, {"x": [2.0] * 4})
    file.write_bytes(file.read_bytes()[:-7])
    assert "record 1: claims" in refusal(file, VECTOR)


def test_what_is_no_example_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    """A record of something else has right checksums and no features."""
    with tf.io.TFRecordWriter(str(tmp_path / "a.tfrecord")) as writer:
        writer.write(b"\xff\xff\xff")
    assert "record 0: is damaged" in refusal(tmp_path / "a.tfrecord", VECTOR)


@pytest.mark.parametrize("content", [b"", b"hello, this is text"])
def test_what_holds_no_record_is_refused(tmp_path: Path, refusal: Refusal, content: bytes) -> None:
    """Empty files and texts."""
    (tmp_path / "a.tfrecord").write_bytes(content)
    words = "claims" if content else "0 samples; allowed: at least 1"
    assert words in refusal(tmp_path / "a.tfrecord", VECTOR)
