"""A model with code of its own through the real child: trusted, copied, proven."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import zoo
from tflited import once
from tflited.domain.report import VariantState
from tflited.errors import ConversionError
from tflited.settings.load import load
from tflited.settings.model import Settings

Place = Callable[[str], Settings]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A root with the model, its module and a folder policy; and a main file around it."""

    def placed(root_keys: str) -> Settings:
        models = tmp_path / "models"
        models.mkdir()
        for name in ("custom_layers.keras", "layers.py"):
            shutil.copyfile(zoo.small(name), models / name)
        (models / ".tflited.toml").write_text(
            'variants = ["float32"]\ncustom_objects = "layers.py"\n'
        )
        (tmp_path / "tflited.toml").write_text(f'[[root]]\npath = "models"\n{root_keys}\n')
        return load(path=tmp_path / "tflited.toml")

    return placed


def test_a_trusted_root_gives_its_models_their_classes(place: Place) -> None:
    """The child reads its copy of the module and nothing else."""
    settings = place("trusted = true")
    model = settings.roots[0].path / "custom_layers.keras"
    ended = once.convert(model, settings, lambda _stage, _detail: None)
    assert ended.failure is None
    assert ended.report is not None
    assert [entry.state for entry in ended.report.variants] == [VariantState.PROVEN]


def test_another_root_is_refused_before_any_child(place: Place) -> None:
    """With the key and what would allow it."""
    settings = place("")
    model = settings.roots[0].path / "custom_layers.keras"
    with pytest.raises(ConversionError, match="custom_objects") as refused:
        once.convert(model, settings, lambda _stage, _detail: None)
    assert "trusted = true" in refused.value.message
