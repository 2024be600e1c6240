"""Class folders: their numbers, and the mistakes that would shift them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import data_files
from tflited.convert.data import samples
from tflited.convert.data.classes import class_folders
from tflited.convert.data.notes import data_notes
from tflited.convert.data.reference import Reference
from tflited.convert.data.sample_set import Samples
from tflited.convert.proof import labels
from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import TensorSpec
from tflited.domain.model import ModelKind
from tflited.domain.policy import Metric, Policy
from tflited.domain.preprocess import Preprocess
from tflited.errors import ConversionError

SPEC = TensorSpec(index=0, name="image", shape=(-1, 2, 2, 1), dtype="float32")
Read = Callable[..., tuple[list[str], Samples]]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Samples of grey images at the given places."""

    def found(*places: str, classes: tuple[str, ...] = ()) -> tuple[list[str], Samples]:
        files = [str(data_files.png(tmp_path / p, np.zeros((2, 2, 1)))) for p in sorted(places)]
        rules = Preprocess(classes=classes)
        return files, samples.read(files, (SPEC,), limit=10, rules=rules)

    return found


def refusal(files: list[str], found: Samples, width: int = 2) -> str:
    with pytest.raises(ConversionError) as caught:
        labels.targets(Metric.TOP1, labels.read(files, found), found, (width,))
    assert caught.value.hint
    return caught.value.message


def test_folders_count_by_name(read: Read) -> None:
    """Cat is 0 and dog is 1, whatever else lies in them."""
    files, found = read("dog/1.png", "cat/2.png", "dog/deep/3.png", "cat/1.png")
    known = labels.read(files, found)
    assert known.classes == ("cat", "dog")
    assert labels.targets(Metric.TOP1, known, found, (2,)).tolist() == [0, 0, 1, 1]


def test_folders_count_as_they_are_listed(read: Read) -> None:
    """Who trained with another order says so; a class without files keeps its number."""
    files, found = read("cat/1.png", "dog/1.png", classes=("dog", "bird", "cat"))
    known = labels.read(files, found)
    assert labels.targets(Metric.TOP1, known, found, (3,)).tolist() == [2, 0]


def test_a_missing_class_is_told(read: Read) -> None:
    """Two folders for three outputs would shift every class behind the missing one."""
    message = refusal(*read("cat/1.png", "dog/1.png"), width=3)
    assert "2 classes (cat, dog); allowed: 3, as the output has" in message


def test_a_folder_that_is_not_listed_is_told(read: Read) -> None:
    """A typing error in the list would lose a class."""
    message = refusal(*read("cat/1.png", "dog/1.png", classes=("cat", "dgo")))
    assert "does not name the folder 'dog'" in message


def test_files_without_folders_have_no_labels(read: Read) -> None:
    """They calibrate, and accuracy is refused with the way to lay them out."""
    assert "a.png: lies in no class folder" in refusal(*read("a.png", "b.png"))


def test_a_file_beside_the_folders_is_told(read: Read) -> None:
    """A stray file belongs to no class."""
    assert "stray.png: lies in no class folder" in refusal(*read("cat/1.png", "stray.png"))


def test_one_folder_is_no_classes() -> None:
    """What all files have in common tells nothing apart."""
    assert class_folders(["/d/cat/1.png", "/d/cat/2.png"]) == ["", ""]


def test_the_report_tells_the_mapping() -> None:
    """Which folder is which class is seen without counting."""
    request = AttemptRequest(
        attempt="1.1",
        kind=ModelKind.KERAS,
        model="m",
        stem="m",
        scratch="s",
        policy=Policy(preprocess=Preprocess(scale=0.5)),
        calibration=("a.npz",),
    )
    nothing = Reference(origin="random")
    mapping, untouched = data_notes(request, nothing, ("cat", "dog"))
    assert mapping == "Class folders of the evaluation data: 0 = cat, 1 = dog."
    assert "does not touch .npz" in untouched
    (long,) = data_notes(
        AttemptRequest(
            attempt="1.1", kind=ModelKind.KERAS, model="m", stem="m", scratch="s", policy=Policy()
        ),
        nothing,
        [str(n) for n in range(1000)],
    )
    assert long.endswith("199 = 199, and 800 more.")
