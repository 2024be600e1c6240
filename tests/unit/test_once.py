"""The engine composed for one look or one conversion."""

from pathlib import Path

import pytest

import zoo
from tflited import once
from tflited.domain.report import Stage
from tflited.domain.status import Action
from tflited.errors import ModelRefusedError
from tflited.settings.load import load
from tree_copy import copy_tree


def never(stage: Stage, detail: str) -> None:
    """Progress of a build that must not begin."""
    pytest.fail(f"{stage} {detail}")


def test_one_look_changes_nothing(tmp_path: Path) -> None:
    """A model would be built, and neither state nor output appears."""
    copy_tree(zoo.digits().model, tmp_path / "models" / "digits")
    with once.explainer(load(path=None, directory=tmp_path)) as explainer:
        (entry,) = explainer.plan()
    assert (entry.model.path, entry.action) == ("digits", Action.BUILD)
    assert [path.name for path in tmp_path.iterdir()] == ["models"]


def test_a_missing_model(tmp_path: Path) -> None:
    """The path is named before any process is started."""
    settings = load(path=None, directory=tmp_path)
    with pytest.raises(ModelRefusedError, match="nothing: no model there"):
        once.convert(tmp_path / "nothing", settings, never)


def test_a_torn_model(tmp_path: Path) -> None:
    """Admission's reason is the refusal."""
    path = tmp_path / "x.keras"
    path.write_text("not a model")
    with pytest.raises(ModelRefusedError, match=r"x\.keras"):
        once.convert(path, load(path=None, directory=tmp_path), never)
