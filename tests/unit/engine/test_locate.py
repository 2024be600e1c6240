"""Which root and model a path means; nothing on disk is asked."""

from pathlib import Path

import pytest

from fakes.samples import MODEL
from tflited.domain.model import ModelId
from tflited.domain.ports import Root
from tflited.engine.locate import Place, owner, places

ROOT = Root(name="models", path=Path("/srv/models"))
OTHER = Root(name="zoo", path=Path("/srv/zoo"))


@pytest.mark.parametrize("text", ["/srv/models/a/b", "models/a/b", "a/b"])
def test_every_way_to_write_a_path_leads_to_its_place(text: str) -> None:
    """Absolute, with the root's name, or below any root."""
    assert Place(ROOT, "a/b") in places(text, [ROOT, OTHER])


def test_a_root_that_is_named_comes_first() -> None:
    """``models/a`` in root ``models`` is likelier than a folder of that name in another."""
    assert places("zoo/a", [ROOT, OTHER])[0] == Place(OTHER, "a")


@pytest.mark.parametrize(
    "text", ["../a", "models/../../etc/passwd", "/srv/models/../zoo/a", "/etc/passwd", "a\0b"]
)
def test_a_path_out_of_every_root_has_no_place(text: str) -> None:
    """``..`` is never resolved, not even where it would lead back."""
    assert places(text, [ROOT]) == ()


def test_a_root_reached_by_a_link_is_known_by_both_names(tmp_path: Path) -> None:
    """Operators write either."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    linked = Root(name="linked", path=tmp_path / "link")
    for folder in ("real", "link"):
        assert places(str(tmp_path / folder / "a"), [linked]) == (Place(linked, "a"),)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        (MODEL.path, MODEL),
        (f"{MODEL.path}/variables/index", MODEL),
        ("vision", None),
        ("vision/mobilenet2", None),
    ],
)
def test_a_model_owns_what_lies_in_it(path: str, expected: ModelId | None) -> None:
    """Its parts, but no neighbour whose name begins alike."""
    assert owner(Place(ROOT, path), [MODEL]) == expected


def test_a_model_of_another_root_owns_nothing() -> None:
    """Equal paths in two roots are two models."""
    assert owner(Place(OTHER, MODEL.path), [MODEL]) is None
