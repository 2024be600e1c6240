"""What is refused of a data file, and by which words."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tflited.convert.data import samples
from tflited.domain.figures import TensorSpec
from tflited.errors import ConversionError

IMAGE = TensorSpec(index=0, name="image", shape=(-1, 4, 2), dtype="float32")
LENGTH = TensorSpec(index=1, name="length", shape=(-1,), dtype="int32")


def npz(folder: Path, name: str = "a.npz", **arrays: Any) -> str:
    np.savez(folder / name, **arrays)
    return str(folder / name)


def refusal(file: str, *inputs: TensorSpec) -> str:
    with pytest.raises(ConversionError) as caught:
        samples.read([file], inputs or (IMAGE,), limit=10)
    assert caught.value.code == "data"
    assert caught.value.hint
    return caught.value.message


def test_a_sample_has_batch_one(tmp_path: Path) -> None:
    """Each sample is fed alone."""
    found = samples.read([npz(tmp_path, image=np.zeros((3, 4, 2), "f4"))], (IMAGE,), limit=10)
    assert len(found) == 3
    assert found[2]["image"].shape == (1, 4, 2)


def test_an_only_input_may_be_called_x(tmp_path: Path) -> None:
    """The short key works where there is no doubt."""
    found = samples.read([npz(tmp_path, x=np.ones((1, 4, 2), "f4"))], (IMAGE,), limit=10)
    assert found[0]["image"].sum() == 8


def test_x_is_not_guessed_for_two_inputs(tmp_path: Path) -> None:
    """With two inputs the key would be a guess."""
    message = refusal(npz(tmp_path, x=np.zeros((1, 4, 2), "f4")), IMAGE, LENGTH)
    assert "'x'" in message
    assert "'image'" in message


def test_double_precision_is_cast(tmp_path: Path) -> None:
    """NumPy's default type is no mistake of the user."""
    found = samples.read([npz(tmp_path, x=np.zeros((1, 4, 2)))], (IMAGE,), limit=10)
    assert found[0]["image"].dtype == np.float32


def test_floats_for_an_integer_input_are_refused(tmp_path: Path) -> None:
    """Rounding indices in silence would calibrate on something else."""
    assert "a.npz: x" in refusal(npz(tmp_path, x=np.zeros(3)), LENGTH)


@pytest.mark.parametrize("shape", [(4, 2), (3, 2, 4), (3, 4, 2, 1), (3, 4, 3)])
def test_a_wrong_shape_is_refused(tmp_path: Path, shape: tuple[int, ...]) -> None:
    """TensorFlow accepts a wrong rank and resizes its input; nothing gets that far."""
    message = refusal(npz(tmp_path, image=np.zeros(shape, "f4")))
    assert "a.npz: image" in message
    assert str(list(shape)) in message
    assert "[samples, 4, 2]" in message


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_value_that_is_not_finite_is_refused(tmp_path: Path, bad: float) -> None:
    """All-NaN calibration gives a float model and no error (so the message names the file)."""
    array = np.zeros((2, 4, 2), "f4")
    array[1, 2, 0] = bad
    assert "1 of 16" in refusal(npz(tmp_path, image=array))


def test_an_empty_array_is_refused(tmp_path: Path) -> None:
    """Empty calibration gives a float model and no error."""
    assert "0 samples" in refusal(npz(tmp_path, image=np.zeros((0, 4, 2), "f4")))


def test_unequal_counts_are_refused(tmp_path: Path) -> None:
    """Samples of several inputs belong together."""
    file = npz(tmp_path, image=np.zeros((3, 4, 2), "f4"), length=np.zeros(2, "i4"))
    assert "counts" in refusal(file, IMAGE, LENGTH)


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    """A text file by that name has a message of its own."""
    path = tmp_path / "broken.npz"
    path.write_text("no archive")
    assert "broken.npz" in refusal(str(path))


def test_an_npy_by_another_name_is_refused(tmp_path: Path) -> None:
    """A bare array opens, but has no keys."""
    path = tmp_path / "array.npz"
    with path.open("wb") as stream:
        np.save(stream, np.zeros(3))
    assert "array.npz" in refusal(str(path))


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    """An object array would run code on loading."""
    objects = np.array([{"a": 1}], dtype=object)
    assert "cannot be read" in refusal(npz(tmp_path, image=objects))


def test_strings_have_no_samples(tmp_path: Path) -> None:
    """A string input is refused by name, not with a traceback."""
    text = TensorSpec(index=0, name="text", shape=(-1,), dtype="string")
    assert "string" in refusal(npz(tmp_path, text=np.array(["a"])), text)


def test_the_limit_spreads_over_all_files(tmp_path: Path) -> None:
    """Files are often sorted by class: the first samples alone would be one class."""
    files = [npz(tmp_path, f"{n}.npz", x=np.full((10, 4, 2), n, dtype="f4")) for n in range(3)]
    found = samples.read(files, (IMAGE,), limit=4)
    values = [float(found[index]["image"][0, 0, 0]) for index in range(len(found))]
    assert len(values) == 4
    assert set(values) == {0.0, 1.0, 2.0}


def test_a_fixed_batch_takes_rows_together(tmp_path: Path) -> None:
    """A model exported with batch 2 is fed two rows at a time; a rest is left over."""
    fixed = TensorSpec(index=0, name="image", shape=(2, 3), dtype="float32")
    found = samples.read([npz(tmp_path, x=np.arange(15.0).reshape(5, 3))], (fixed,), limit=10)
    assert len(found) == 2
    assert found[1]["image"].tolist() == [[6, 7, 8], [9, 10, 11]]


def test_a_scalar_input_takes_one_value(tmp_path: Path) -> None:
    """An input without any dimension has no batch."""
    scalar = TensorSpec(index=0, name="rate", shape=(), dtype="float32")
    found = samples.read([npz(tmp_path, x=np.array([0.5, 0.7]))], (scalar,), limit=10)
    assert found[1]["rate"].shape == ()
