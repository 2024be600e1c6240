"""The look at models of every kind; the whole zoo passes it."""

from pathlib import Path

import pytest
import tensorflow as tf

import hub_modules
import zoo
from tflited.convert.preflight.look import look, look_at_graphs
from tflited.domain.attempt import AttemptRequest
from tflited.domain.limits import Limits
from tflited.domain.model import ModelKind, kind_of_file
from tflited.domain.policy import Policy
from tflited.errors import ConversionError


def look_at(model: Path, scratch: Path) -> None:
    """The look as a child takes it."""
    request = AttemptRequest(
        attempt="1.1",
        kind=kind_of_file(model.name) or ModelKind.SAVED_MODEL,
        model=str(model),
        stem="m",
        scratch=str(scratch),
        policy=Policy(),
    )
    look(request)


def models_below(folder: Path) -> list[Path]:
    """Every model in a folder of the zoo."""
    graphs = [path.parent for path in folder.rglob("saved_model.pb")]
    files = [path for path in folder.rglob("*") if kind_of_file(path.name) is not None]
    return sorted({*graphs, *files})


MAKERS = {
    "small": lambda: zoo.small("."),
    "applications": lambda: zoo.application("."),
    "tfmot": lambda: zoo.tfmot("."),
    "digits": lambda: zoo.digits().model.parent,
    "digits.keras": lambda: zoo.digits("keras").model.parent,
    "digits.h5": lambda: zoo.digits("h5").model.parent,
    "tumours": lambda: zoo.tumours().model.parent,
    "wide": lambda: zoo.wide().model.parent,
    "motion": lambda: zoo.motion().model.parent,
}


@pytest.mark.parametrize("name", MAKERS)
def test_the_zoo_raises_no_false_alarm(name: str, tmp_path: Path) -> None:
    """Vocabulary tables, loops of TF1, lambdas and wrappers of the training included."""
    models = models_below(MAKERS[name]())
    assert models
    for model in models:
        look_at(model, tmp_path)


@pytest.mark.parametrize(
    "make",
    [hub_modules.with_signature, hub_modules.without_signature, hub_modules.tf1_format],
)
def test_hub_modules_raise_none(make: object, tmp_path: Path) -> None:
    """Both formats of Hub modules are SavedModels."""
    assert callable(make)
    folder = make(tmp_path / "module")
    look_at_graphs(Path(folder), Limits())


def test_a_text_table_raises_none(tmp_path: Path) -> None:
    """The path of its vocabulary comes from the model's assets, captured by the initialiser."""
    vocabulary = tmp_path / "vocabulary.txt"
    vocabulary.write_text("a\nb\n")

    class Lookup(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
        def __init__(self) -> None:
            source = tf.lookup.TextFileInitializer(
                str(vocabulary), tf.string, 0, tf.int64, -1, delimiter=" "
            )
            self.table = tf.lookup.StaticHashTable(source, -1)

        @tf.function(input_signature=[tf.TensorSpec([1], tf.string)])  # type: ignore[untyped-decorator]  # tensorflow
        def __call__(self, text: object) -> object:
            return self.table.lookup(text)

    tf.saved_model.save(Lookup(), str(tmp_path / "model"))
    look_at_graphs(tmp_path / "model", Limits())


def test_a_refusal_names_the_operators_and_the_fix(tmp_path: Path) -> None:
    """Both of them, where they stand, and what to do."""

    class Thief(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])  # type: ignore[untyped-decorator]  # tensorflow
        def serve(self, x: tf.Tensor) -> object:
            text = tf.io.read_file("/etc/passwd")
            tf.io.write_file("/tmp/x", text)
            return x + tf.cast(tf.strings.length(text), tf.float32)

    model = Thief()
    tf.saved_model.save(model, str(tmp_path / "m"), signatures={"serving_default": model.serve})
    with pytest.raises(ConversionError) as refused:
        look_at(tmp_path / "m", tmp_path)
    assert refused.value.code == "refused_operator"
    for word in ("ReadFile", "WriteFile", "the function"):
        assert word in refused.value.message
    assert "export it without" in refused.value.hint


def test_two_graphs_in_one_model_are_refused(tmp_path: Path) -> None:
    """Readers of TensorFlow differ in which one they take."""
    model = hub_modules.with_signature(tmp_path / "m")
    (Path(model) / "saved_model.cpb").touch()
    with pytest.raises(ConversionError, match=r"saved_model\.cpb"):
        look_at_graphs(Path(model), Limits())


def test_an_absurd_constant_has_its_own_code(tmp_path: Path) -> None:
    """The limit that it breaks is told."""

    class Bomb(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
        @tf.function(input_signature=[tf.TensorSpec([], tf.float32)])  # type: ignore[untyped-decorator]  # tensorflow
        def serve(self, x: tf.Tensor) -> object:
            return tf.reduce_sum(tf.fill([4_000_000_000], x))

    model = Bomb()
    tf.saved_model.save(model, str(tmp_path / "m"), signatures={"serving_default": model.serve})
    with pytest.raises(ConversionError) as refused:
        look_at(tmp_path / "m", tmp_path)
    assert refused.value.code == "absurd_size"
    assert "allowed 8589934592" in refused.value.message
