"""Data of a folder policy through the real child, and what makes a build another one."""

from pathlib import Path

import numpy as np
import pytest

import data_files
import zoo
from tflited import once
from tflited.domain.report import VariantState
from tflited.settings.load import load
from tflited.settings.model import Settings
from tree_copy import copy_tree

POLICY = """
variants = ["float32", "int8"]
[calibration]
data = "calibration/*.png"
[evaluation]
data = "evaluation/*/*.png"
metric = "top1"
max_drop = 0.05
[preprocess]
scale = "1/240"
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A root with the digits, some of them as image files, and the policy that names those."""
    models = tmp_path / "models"
    copy_tree(zoo.digits().model, models / "digits")
    (models / ".tflited.toml").write_text(POLICY)
    with np.load(zoo.digits().evaluation) as arrays:
        pixels, labels = np.rint(arrays["x"] * 240), arrays["y"]
    for number, (image, label) in enumerate(zip(pixels, labels, strict=True)):
        data_files.png(models / "evaluation" / str(label) / f"{number}.png", image)
        if number % 4 == 0:
            data_files.png(models / "calibration" / f"{number}.png", image)
    return load(path=None, directory=tmp_path)


def key(settings: Settings) -> str:
    """The build key of the digits as a look at the root finds it now."""
    with once.explainer(settings) as explainer:
        (entry,) = explainer.models.entries.values()
    assert entry.decision is not None
    assert entry.decision.key is not None
    return entry.decision.key.value


def test_a_folder_of_images_is_used_by_the_child(settings: Settings) -> None:
    """Policy, glob and class folders go all the way: int8 is proven on them."""
    model = settings.roots[0].path / "digits"
    ended = once.convert(model, settings, lambda _stage, _detail: None)
    assert ended.failure is None
    assert ended.report is not None
    assert [entry.state for entry in ended.report.variants] == [VariantState.PROVEN] * 2
    assert any("0 = 0, 1 = 1, 2 = 2" in note for note in ended.report.source.notes)


def test_another_preparation_is_another_build(settings: Settings) -> None:
    """The same files, scaled otherwise, give other ranges."""
    first = key(settings)
    policy = settings.roots[0].path / ".tflited.toml"
    policy.write_text(POLICY.replace("1/240", "1/255"))
    assert key(settings) != first
    policy.write_text(POLICY)
    assert key(settings) == first


def test_another_class_folder_is_another_build(settings: Settings) -> None:
    """A file that moves from one class to another changes what is judged."""
    first = key(settings)
    folder = settings.roots[0].path / "evaluation"
    moved = next(iter(sorted((folder / "3").iterdir())))
    moved.rename(folder / "8" / moved.name)
    assert key(settings) != first
