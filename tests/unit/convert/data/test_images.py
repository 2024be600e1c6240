"""Image files as samples: every rule has its effect, and every bad file its words."""

import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sklearn
import tensorflow as tf

import data_files
from tflited.convert.data import samples
from tflited.convert.data.picture import MOST_PIXELS
from tflited.domain.figures import TensorSpec
from tflited.domain.preprocess import Channels, Crop, Layout, Preprocess, ResizeMethod

Refusal = Callable[..., str]
COLOUR = TensorSpec(index=0, name="image", shape=(-1, 4, 6, 3), dtype="float32")
GREY = TensorSpec(index=0, name="image", shape=(-1, 4, 6, 1), dtype="float32")
PIXELS = np.random.default_rng(1).integers(0, 256, (4, 6, 3)).astype(np.uint8)


def only(file: Path, spec: TensorSpec = COLOUR, **rules: Any) -> Any:
    found = samples.read([str(file)], (spec,), limit=10, rules=Preprocess(**rules))
    return found[0][spec.name]


@pytest.mark.parametrize("kind", ["png", "bmp"])
def test_pixels_come_as_they_are(tmp_path: Path, kind: str) -> None:
    """Without rules an image of the model's size is its bytes as floats."""
    file = getattr(data_files, kind)(tmp_path / f"a.{kind}", PIXELS)
    made = only(file)
    assert made.shape == (1, 4, 6, 3)
    assert made.dtype == np.float32
    assert np.array_equal(made[0], PIXELS)


def test_a_photograph_is_decoded_and_resized_as_in_training() -> None:
    """The same pixels as the calls of TensorFlow that training pipelines make."""
    file = Path(sklearn.__file__).parent / "datasets" / "images" / "flower.jpg"
    spec = TensorSpec(index=0, name="image", shape=(-1, 96, 96, 3), dtype="float32")
    decoded = tf.io.decode_image(file.read_bytes(), channels=3)
    expected = tf.image.resize(decoded, (96, 96), "bicubic", antialias=True) / 255.0
    made = only(file, spec, resize_method=ResizeMethod.BICUBIC, antialias=True, scale=1 / 255)
    assert np.allclose(made[0], expected, atol=1e-6)


def test_scale_mean_and_std_in_this_order(tmp_path: Path) -> None:
    """One number for each channel, in the model's order."""
    file = data_files.png(tmp_path / "a.png", PIXELS)
    made = only(file, scale=1 / 255, mean=(0.1, 0.2, 0.3), std=(0.5, 1.0, 2.0))
    assert np.allclose(made[0], (PIXELS / 255 - [0.1, 0.2, 0.3]) / [0.5, 1.0, 2.0], atol=1e-6)


def test_blue_may_come_first(tmp_path: Path) -> None:
    """As models take it that were trained with OpenCV."""
    file = data_files.png(tmp_path / "a.png", PIXELS)
    assert np.array_equal(only(file, channels=Channels.BGR)[0], PIXELS[:, :, ::-1])


@pytest.mark.parametrize("kind", ["png", "bmp"])
def test_colours_become_grey_for_one_channel(tmp_path: Path, kind: str) -> None:
    """By the usual weights, without being asked: there is one way only."""
    file = getattr(data_files, kind)(tmp_path / f"a.{kind}", PIXELS)
    assert np.abs(only(file, GREY)[0, :, :, 0] - PIXELS @ [0.299, 0.587, 0.114]).max() <= 1


def test_a_grey_image_feeds_three_channels(tmp_path: Path) -> None:
    """A photograph without colours is no mistake."""
    file = data_files.png(tmp_path / "a.png", PIXELS[:, :, :1])
    assert np.array_equal(only(file)[0], np.repeat(PIXELS[:, :, :1], 3, axis=2))


def test_transparency_is_left_out(tmp_path: Path) -> None:
    """A fourth channel is no colour."""
    opaque = np.concatenate([PIXELS, np.full((4, 6, 1), 9, np.uint8)], axis=2)
    assert np.array_equal(only(data_files.png(tmp_path / "a.png", opaque))[0], PIXELS)


def test_an_input_may_have_no_axis_for_channels(tmp_path: Path) -> None:
    """Small models of grey images often have none."""
    spec = TensorSpec(index=0, name="image", shape=(-1, 4, 6), dtype="float32")
    file = data_files.png(tmp_path / "a.png", PIXELS[:, :, :1])
    assert np.array_equal(only(file, spec)[0], PIXELS[:, :, 0])


def test_channels_may_come_first(tmp_path: Path) -> None:
    """As in models that were not made for TensorFlow."""
    spec = TensorSpec(index=0, name="image", shape=(1, 3, 4, 6), dtype="float32")
    file = data_files.png(tmp_path / "a.png", PIXELS)
    assert np.array_equal(only(file, spec, layout=Layout.CHW)[0], PIXELS.transpose(2, 0, 1))


def test_integers_are_rounded_and_limited(tmp_path: Path) -> None:
    """A model that takes bytes takes no fractions."""
    spec = TensorSpec(index=0, name="image", shape=(-1, 4, 6, 3), dtype="int8")
    made = only(data_files.png(tmp_path / "a.png", PIXELS), spec, mean=(127.6,))
    assert made.dtype == np.int8
    assert np.array_equal(made[0], np.clip(np.rint(PIXELS - 127.6), -128, 127))


def test_the_middle_is_cut_to_the_ratio(tmp_path: Path) -> None:
    """Of a wide image the sides go; nothing is stretched."""
    wide = np.random.default_rng(2).integers(0, 256, (4, 20, 3)).astype(np.uint8)
    file = data_files.png(tmp_path / "a.png", wide)
    assert np.array_equal(only(file, crop=Crop.CENTER)[0], wide[:, 7:13])


def test_the_middle_is_cut_after_a_larger_size(tmp_path: Path) -> None:
    """Resize to 6 x 8, take the middle: what ImageNet models are evaluated with."""
    large = np.random.default_rng(2).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    file = data_files.png(tmp_path / "a.png", large)
    made = only(file, crop=Crop.CENTER, resize=(6, 8))
    assert np.array_equal(made[0], large[1:5, 1:7])


def test_a_fixed_batch_takes_images_together(tmp_path: Path) -> None:
    """A model of batch 2 is fed two files at a time; labels follow."""
    files = [
        str(data_files.png(tmp_path / name / "a.png", np.full((4, 6, 3), n)))
        for n, name in enumerate("abcde")
    ]
    spec = TensorSpec(index=0, name="image", shape=(2, 4, 6, 3), dtype="float32")
    found = samples.read(files, (spec,), limit=10)
    assert [found[n]["image"][:, 0, 0, 0].tolist() for n in range(len(found))] == [[0, 1], [2, 3]]
    assert found.labels is not None
    assert found.labels().values.tolist() == [0, 1, 2, 3]


def test_only_chosen_files_are_decoded(tmp_path: Path) -> None:
    """Files are chosen evenly over the list first: the others may even be damaged."""
    files = [data_files.png(tmp_path / f"{n}.png", np.full((4, 6, 3), n)) for n in range(9)]
    files[3].write_text("damaged")
    found = samples.read(list(map(str, files)), (COLOUR,), limit=3)
    assert [found[n]["image"][0, 0, 0, 0] for n in range(3)] == [0, 4, 8]


def test_a_set_larger_than_memory_is_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not fit is made anew, the same each time."""
    monkeypatch.setattr("tflited.convert.data.sample_set.KEPT_BYTES", 4 * 6 * 3 * 4 * 2)
    files = [data_files.png(tmp_path / f"{n}.png", np.full((4, 6, 3), n)) for n in range(4)]
    found = samples.read(list(map(str, files)), (COLOUR,), limit=10)
    assert found[0]["image"] is found[0]["image"]
    assert found[3]["image"] is not found[3]["image"]
    assert np.array_equal(found[3]["image"], np.full((1, 4, 6, 3), 3))


def test_a_text_by_the_name_of_an_image_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    """By folder and file, with what it begins with."""
    (tmp_path / "a.jpg").write_text("hello there")
    message = refusal(tmp_path / "a.jpg", COLOUR)
    assert f"{tmp_path.name}/a.jpg: is no JPEG, PNG or BMP image; it begins with 68 65" in message


@pytest.mark.parametrize("kind", ["png", "jpeg", "bmp"])
def test_a_truncated_image_is_refused(tmp_path: Path, refusal: Refusal, kind: str) -> None:
    """Half an image would calibrate on grey."""
    noise = np.random.default_rng(3).integers(0, 256, (64, 64, 3))
    file = getattr(data_files, kind)(tmp_path / f"a.{kind}", noise)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    message = refusal(file, COLOUR)
    assert f"a.{kind}: cannot be decoded" in message
    assert "function_node" not in message


def test_an_empty_image_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    """What a failed download leaves."""
    (tmp_path / "a.png").touch()
    assert "a.png: 0 bytes" in refusal(tmp_path / "a.png", COLOUR)


def test_a_decompression_bomb_is_refused_by_its_header(tmp_path: Path, refusal: Refusal) -> None:
    """A hundred kilobytes that unpack to gigabytes are never unpacked."""
    side = 60_000
    head = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    parts = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(2**26), 9)), (b"IEND", b""))
    chunks = b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in parts
    )
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    began = time.monotonic()
    message = refusal(tmp_path / "bomb.png", COLOUR)
    assert f"60000 x 60000 pixels; allowed: at most {MOST_PIXELS}" in message
    assert time.monotonic() - began < 2


def test_a_jpeg_that_claims_too_much_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    """Its size stands behind segments of any length."""
    file = data_files.jpeg(tmp_path / "a.jpg", np.zeros((16, 16, 3)))
    content = bytearray(file.read_bytes())
    place = content.index(b"\xff\xc0") + 5
    content[place : place + 4] = b"\xff\xff\xff\xff"
    file.write_bytes(content)
    assert "65535 x 65535 pixels" in refusal(file, COLOUR)


def test_a_jpeg_of_countless_scans_is_refused(tmp_path: Path, refusal: Refusal) -> None:
    """Each scan of a progressive image costs a pass over all of it."""
    file = data_files.jpeg(tmp_path / "a.jpg", np.zeros((16, 16, 3)))
    file.write_bytes(file.read_bytes() + b"\xff\xda\x00\x02" * 5000)
    assert "5001 scans; allowed: at most 100" in refusal(file, COLOUR)


@pytest.mark.parametrize(
    ("shape", "rules", "words"),
    [
        ((-1, 10), {}, "input 'image' has shape [-1, 10]; allowed: [n, height, width, channels]"),
        ((-1, 4, 6, 5), {}, "has 5 channels; allowed: 1 or 3"),
        ((-1, 3, 4, 6), {}, "has 6 channels; allowed: 1 or 3, in this place"),
        ((-1, 4, 6, 1), {"channels": Channels.RGB}, 'allowed: 3 for channels = "rgb"'),
        ((-1, -1, -1, 3), {}, "takes any size"),
        ((-1, 4, 6, 3), {"mean": (1.0, 2.0)}, "preprocess.mean: 2 numbers; allowed: 1, or 3"),
        ((-1, 4, 6, 3), {"resize": (8, 8)}, "preprocess.resize: [8, 8], input 'image' has [4, 6]"),
        ((-1, 4, 6, 3), {"resize": (2, 8), "crop": Crop.CENTER}, "preprocess.resize: [2, 8]"),
    ],
)
def test_rules_that_do_not_fit_the_model_are_refused(
    tmp_path: Path, refusal: Refusal, shape: tuple[int, ...], rules: dict[str, Any], words: str
) -> None:
    """Observed against allowed, before any file is decoded."""
    file = data_files.png(tmp_path / "a.png", PIXELS)
    spec = TensorSpec(index=0, name="image", shape=shape, dtype="float32")
    assert words in refusal(file, spec, **rules)


def test_a_dynamic_size_takes_what_resize_says(tmp_path: Path) -> None:
    """A fully convolutional model has no size of its own."""
    spec = TensorSpec(index=0, name="image", shape=(-1, -1, -1, 3), dtype="float32")
    file = data_files.png(tmp_path / "a.png", PIXELS)
    assert only(file, spec, resize=(8, 12)).shape == (1, 8, 12, 3)


def test_images_feed_one_input_only(tmp_path: Path, refusal: Refusal) -> None:
    """Which of two inputs an image is would be a guess."""
    other = TensorSpec(index=1, name="size", shape=(-1, 2), dtype="float32")
    message = refusal(data_files.png(tmp_path / "a.png", PIXELS), COLOUR, other)
    assert "the model has 2 inputs ('image', 'size')" in message
