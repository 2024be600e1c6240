"""Where sets are, and which places may be taken."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes.samples import MODEL, a_job, a_left_set, a_publish_key
from tflited.domain.model import ModelId
from tflited.domain.policy import Policy
from tflited.errors import OutputError
from tflited.output.layout import Layout, is_set, remove_empty_parents
from tflited.output.tree import OutputTree


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "output")
    layout.make()
    return layout


def test_the_tree_mirrors_the_roots(layout: Layout) -> None:
    """A model's set is where the model is, below its root's name."""
    assert layout.directory(MODEL, None) == layout.root / "models" / "vision" / "mobilenet"


def test_a_root_may_be_a_model_itself(layout: Layout) -> None:
    """A root whose own directory is the model has its set at its name."""
    assert layout.directory(ModelId(root="models", path=""), None) == layout.root / "models"


@pytest.mark.parametrize("path", ["a/../b", "..", "a\0b", "b\udce9", "a//b"])
def test_a_model_that_cannot_be_mirrored_is_refused(layout: Layout, path: str) -> None:
    """Such a name would leave the tree or could not stand in a manifest."""
    with pytest.raises(OutputError) as caught:
        layout.directory(ModelId(root="models", path=path), None)
    assert caught.value.hint == "rename the model"


components = st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1)


@given(st.lists(components.filter(lambda part: part.strip(".")), min_size=1), st.data())
def test_keys_are_file_names_of_one_place_each(parts: list[str], data: st.DataObject) -> None:
    """Two places never share a row of kept sets, and a key is always a legal file name."""
    layout = Layout(Path("/output"))
    here = Path("/output", *parts)
    there = here.parent / data.draw(st.sampled_from(["x", "x%2Fy", "~", here.name]))
    key = layout.key(here)
    assert len(key.encode()) <= 255
    assert "/" not in key
    assert (key == layout.key(there)) == (here == there)


def test_a_free_place_is_free(layout: Layout) -> None:
    """Nothing is made by looking."""
    target = layout.root / "models" / "a"
    layout.check_free(target, MODEL)
    assert not target.parent.exists()


def test_an_empty_folder_gives_way(layout: Layout) -> None:
    """A folder left over from models that moved is no obstacle."""
    target = layout.root / "a"
    target.mkdir()
    layout.check_free(target, MODEL)
    assert not target.exists()


def strange_file(target: Path) -> None:
    target.write_text("mine")


def strange_folder(target: Path) -> None:
    target.mkdir()
    (target / "notes.txt").write_text("mine")


def strange_manifest(target: Path) -> None:
    target.mkdir()
    (target / "manifest.json").write_text('{"name": "a web application"}')


def strange_link(target: Path) -> None:
    target.symlink_to("/")


@pytest.mark.parametrize("strange", [strange_file, strange_folder, strange_manifest, strange_link])
def test_a_strangers_place_is_named_and_left_alone(layout: Layout, strange: object) -> None:
    """Nothing is overwritten that this service did not publish."""
    target = layout.root / "a"
    assert callable(strange)
    strange(target)
    before = target.lstat()
    with pytest.raises(OutputError, match=f"{target} exists and is no set of ours"):
        layout.check_free(target, MODEL)
    assert target.lstat() == before


@pytest.mark.parametrize("way", ["file", "link"])
def test_a_place_below_no_folder_is_refused(layout: Layout, tmp_path: Path, way: str) -> None:
    """A link inside the tree could lead a publication out of it."""
    above = layout.root / "models"
    if way == "file":
        above.write_text("mine")
    else:
        above.symlink_to(tmp_path)
    with pytest.raises(OutputError, match=f"{above} is in the way"):
        layout.check_free(above / "a" / "b", MODEL)


def test_sets_are_found_wherever_they_are(layout: Layout, tmp_path: Path) -> None:
    """Deep ones and shallow ones, but nothing private, linked or strange."""
    tree = OutputTree(layout.root, reserve_bytes=0)
    for number, path in enumerate(("a", "b/c/d", "b/e"), start=1):
        scratch = tmp_path / f"scratch{number}"
        tree.publish(a_job(number, path), Policy(), a_publish_key(), a_left_set(scratch), scratch)
    (layout.root / "link").symlink_to(layout.root / "models")
    strange_folder(layout.root / "strange")
    found = sorted(str(path.relative_to(layout.root)) for path in layout.sets())
    assert found == ["models/a", "models/b/c/d", "models/b/e"]


def test_a_tree_that_is_not_there_has_no_sets(tmp_path: Path) -> None:
    """Asking before the first publication is no error."""
    assert list(Layout(tmp_path / "none").sets()) == []


def test_a_set_has_both_records(tmp_path: Path) -> None:
    """A manifest alone may be anybody's."""
    (tmp_path / "manifest.json").touch()
    assert not is_set(tmp_path)
    (tmp_path / "report.json").touch()
    assert is_set(tmp_path)


def test_empty_parents_go_and_others_stay(tmp_path: Path) -> None:
    """A withdrawn model leaves no skeleton behind, and takes nothing with it."""
    (tmp_path / "a" / "b" / "c").mkdir(parents=True)
    (tmp_path / "a" / "keep").touch()
    remove_empty_parents(tmp_path / "a" / "b" / "c" / "gone", tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "keep"]


def test_a_place_too_deep_for_its_files_is_refused(layout: Layout) -> None:
    """Told before anything is built; the message stays short, and says what is allowed."""
    fits = ModelId(root="models", path="/".join(["d" * 200] * 17))
    assert layout.directory(fits, None).name == "d" * 200
    with pytest.raises(OutputError, match="cannot be a place") as caught:
        layout.directory(ModelId(root="models", path="/".join(["d" * 200] * 20)), None)
    assert "3895" in caught.value.message
    assert len(caught.value.message) < 400


def test_a_name_too_long_for_a_file_system_is_refused(layout: Layout) -> None:
    """A model's own name never is; a trigger's place may be, counted in bytes."""
    assert layout.directory(MODEL, "ä" * 127).name == "ä" * 127
    with pytest.raises(OutputError, match="longest name 256") as caught:
        layout.directory(MODEL, "ä" * 128)
    assert caught.value.hint == "correct save_to"
