"""What a model may look like when it arrives, and what is said where it does not fit."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from tflited.convert.load import load
from tflited.convert.opening.keras_file import refuse_code
from tflited.convert.opening.source import Source
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind
from tflited.domain.policy import Policy, Variant
from tflited.domain.report import BuildReport, VariantState
from tflited.errors import ConversionError

Build = Callable[..., BuildReport]
SaveModel = Callable[..., Path]
ROW = tf.TensorSpec([None, 64], tf.float32)
FLOAT32 = (Variant.FLOAT32,)


@pytest.fixture
def loaded(scratch: Path) -> Callable[..., Source]:
    """Loads a model under a policy."""

    def opened(model: Path, kind: ModelKind = ModelKind.SAVED_MODEL, **policy: Any) -> Source:
        request = AttemptRequest(
            attempt="1.1",
            kind=kind,
            model=str(model),
            stem="model",
            scratch=str(scratch),
            policy=Policy(**policy),
        )
        return load(request)

    return opened


@pytest.fixture
def refusal(loaded: Callable[..., Source]) -> Callable[..., ConversionError]:
    """Loads what must not load, and gives the error."""

    def refused(*arguments: Any, **policy: Any) -> ConversionError:
        with pytest.raises(ConversionError) as caught:
            loaded(*arguments, **policy)
        assert caught.value.hint
        return caught.value

    return refused


def test_the_only_signature_is_used_and_noted(
    loaded: Callable[..., Source], save_model: SaveModel
) -> None:
    """A model exported under another signature name needs no policy."""
    source = loaded(save_model(lambda x: {"y": x}, signature="predict", x=ROW))
    assert [entry.name for entry in source.signatures] == ["predict"]
    assert "'predict'" in source.notes[0]


def test_a_missing_signature_is_answered_with_those_there_are(
    refusal: Callable[..., ConversionError], save_model: SaveModel
) -> None:
    """The reader can copy the right name."""
    error = refusal(save_model(lambda x: {"y": x}, signature="predict", x=ROW), signatures=("p",))
    assert error.code == "signatures"
    assert "'predict'" in error.message


def test_a_missing_tag_set_is_answered_with_those_there_are(
    refusal: Callable[..., ConversionError], save_model: SaveModel
) -> None:
    """Not with TensorFlow's page about saved_model_cli."""
    error = refusal(save_model(lambda x: {"y": x}, x=ROW), tags=("serve", "gpu"))
    assert error.code == "tags"
    assert "['serve']" in error.message


def test_several_signatures_are_converted_together(build: Build, tmp_path: Path) -> None:
    """One file, two entry points, both compared."""
    matrix = tf.Variable(np.eye(64, dtype="f4") * 0.5)
    module = tf.Module()
    module.matrix = matrix
    encode = tf.function(lambda x: {"y": x @ matrix}).get_concrete_function(x=ROW)
    decode = tf.function(lambda x: {"y": x + 1.0}).get_concrete_function(x=ROW)
    signatures = {"encode": encode, "decode": decode}
    tf.saved_model.save(module, str(tmp_path / "two"), signatures=signatures)
    report = build(tmp_path / "two", variants=FLOAT32, signatures=("encode", "decode"))
    (entry,) = report.variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert {fidelity.output for fidelity in entry.fidelity} == {"encode/y", "decode/y"}
    assert {spec.name for spec in entry.inputs} == {"encode/x", "decode/x"}


def test_a_dynamic_dimension_is_fixed_by_the_policy(build: Build, save_model: SaveModel) -> None:
    """The file has the policy's shape and the source's names."""
    model = save_model(lambda image: {"y": image * 2.0}, image=tf.TensorSpec([None, None, 3]))
    report = build(model, variants=FLOAT32, input_shape={"image": (1, 32, 3)})
    (entry,) = report.variants
    assert [(spec.name, spec.shape) for spec in entry.inputs] == [("image", (1, 32, 3))]
    assert entry.state is VariantState.PROVEN, entry.reason


def test_one_shape_stands_for_the_only_input(build: Build, save_model: SaveModel) -> None:
    """A list in the policy needs no name."""
    model = save_model(lambda image: {"y": image * 2.0}, image=tf.TensorSpec([None, 5]))
    report = build(model, variants=FLOAT32, input_shape={"": (2, 5)}, concrete_function=True)
    assert report.variants[0].inputs[0].shape == (2, 5)


@pytest.mark.parametrize(
    ("shape", "part"),
    [
        ({"image": (1, 4)}, "[-1, 5]"),
        ({"image": (1, 5, 1)}, "[-1, 5]"),
        ({"picture": (1, 5)}, "'image'"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(
    refusal: Callable[..., ConversionError],
    save_model: SaveModel,
    shape: dict[str, tuple[int, ...]],
    part: str,
) -> None:
    """Observed against allowed, before TensorFlow sees it."""
    model = save_model(lambda image: {"y": image * 2.0}, image=tf.TensorSpec([None, 5]))
    error = refusal(model, input_shape=shape)
    assert error.code == "input_shape"
    assert part in error.message


def test_a_model_without_signatures_is_called(build: Build, tmp_path: Path) -> None:
    """As Hub modules are: the call is traced with the policy's shape."""

    class Doubler(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
        """A module with a call and no signature."""

        @tf.function(autograph=False)  # type: ignore[untyped-decorator]  # tensorflow is untyped
        def __call__(self, x: Any) -> Any:
            return 2.0 * x

    module = Doubler()
    for rows in (1, 3):  # with one trace tensorflow would make it a signature by itself
        module(tf.zeros([rows, 4]))
    tf.saved_model.save(module, str(tmp_path / "plain"))
    report = build(tmp_path / "plain", variants=FLOAT32, input_shape={"": (1, 4)})
    assert report.variants[0].state is VariantState.PROVEN
    assert "no signature" in report.source.notes[0]


def test_a_model_without_signatures_or_shape_is_refused(
    refusal: Callable[..., ConversionError], tmp_path: Path
) -> None:
    """There is nothing to trace; the hint says how to save it."""
    tf.saved_model.save(tf.Module(), str(tmp_path / "empty"))
    error = refusal(tmp_path / "empty")
    assert error.code == "no_signature"
    assert "signatures=" in error.hint


def test_a_saved_model_that_is_none_is_refused(
    refusal: Callable[..., ConversionError], tmp_path: Path
) -> None:
    """Bytes that are no protobuf, without a traceback."""
    (tmp_path / "saved_model.pb").write_bytes(b"\xff" * 100)
    assert "saved_model.pb" in refusal(tmp_path).message


def test_missing_variables_are_refused(
    refusal: Callable[..., ConversionError], save_model: SaveModel, weights: Any
) -> None:
    """A SavedModel without its weights fails here, not later."""
    matrix = tf.Variable(weights)
    model = save_model(lambda x: {"y": x @ matrix}, x=ROW)
    (model / "variables" / "variables.index").unlink()
    assert str(model) not in refusal(model).message


def test_a_lambda_layer_in_a_keras_archive_is_refused(
    refusal: Callable[..., ConversionError], tmp_path: Path
) -> None:
    """Its code would run in the converter."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Lambda(lambda x: x * 2)])
    model.save(tmp_path / "m.keras")
    error = refusal(tmp_path / "m.keras", ModelKind.KERAS)
    assert error.code == "lambda_layer"
    assert "Lambda" in error.message


def test_a_lambda_layer_in_a_legacy_file_is_never_run(
    refusal: Callable[..., ConversionError], tmp_path: Path
) -> None:
    """tf_keras ignores safe_mode for .h5 files: the scan is all there is."""
    witness = tmp_path / "ran"
    source = f"lambda x: (open({str(witness)!r}, 'w').close(), x)[1]"
    layer = tf_keras.layers.Lambda(eval(source))  # noqa: S307 - the attack itself
    tf_keras.Sequential([tf_keras.Input((3,)), layer]).save(tmp_path / "m.h5")
    witness.unlink()  # building the model ran it
    assert refusal(tmp_path / "m.h5", ModelKind.KERAS_HDF5).code == "lambda_layer"
    assert not witness.exists()


@pytest.mark.parametrize(
    "config",
    [
        {"class_name": "TFSMLayer"},
        {
            "config": {
                "layers": [
                    {"class_name": "Wrapper", "config": {"layer": None}},
                    {"a": [[{"class_name": "__lambda__"}]]},
                ]
            }
        },
        {"registered_name": "Lambda"},
    ],
)
def test_code_is_found_however_deep(config: dict[str, Any]) -> None:
    """Wrappers nest their layers anywhere in the configuration."""
    with pytest.raises(ConversionError, match="would run code"):
        refuse_code(config)


def test_weights_without_a_model_are_refused(
    refusal: Callable[..., ConversionError], tmp_path: Path
) -> None:
    """save_weights() writes a file of the same ending."""
    with h5py.File(tmp_path / "m.h5", "w") as file:
        file.attrs["keras_version"] = "2.15.0"
    error = refusal(tmp_path / "m.h5", ModelKind.KERAS_HDF5)
    assert error.code == "weights_only"
    assert "model.save()" in error.hint


@pytest.mark.parametrize("kind", [ModelKind.KERAS, ModelKind.KERAS_HDF5])
def test_a_file_of_another_kind_is_refused(
    refusal: Callable[..., ConversionError], tmp_path: Path, kind: ModelKind
) -> None:
    """A text file by that name has a message, not a traceback."""
    path = tmp_path / "m.file"
    path.write_text("hello")
    assert "m.file" in refusal(path, kind).message


def test_a_class_of_its_own_is_answered_with_a_way_out(
    refusal: Callable[..., ConversionError], tmp_path: Path
) -> None:
    """A custom layer cannot be loaded without its code."""
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model.save(tmp_path / "a.keras")
    with (
        zipfile.ZipFile(tmp_path / "a.keras") as old,
        zipfile.ZipFile(tmp_path / "b.keras", "w") as new,
    ):
        for name in old.namelist():
            data = old.read(name)
            if name == "config.json":
                text = json.dumps(json.loads(data)).replace('"Dense"', '"Denser"')
                data = text.encode()
            new.writestr(name, data)
    error = refusal(tmp_path / "b.keras", ModelKind.KERAS)
    assert error.code == "custom_objects"
    assert "SavedModel" in error.hint


def test_a_legacy_file_of_keras_3_is_opened_by_keras_3(
    loaded: Callable[..., Source], tmp_path: Path
) -> None:
    """The version attribute decides, not the ending."""
    model = keras.Sequential([keras.Input((3,), name="row"), keras.layers.Dense(2)])
    model.save(tmp_path / "m.h5")
    source = loaded(tmp_path / "m.h5", ModelKind.KERAS_HDF5)
    assert source.loader == "keras"
    assert [spec.name for spec in source.signatures[0].inputs] == ["row"]


def test_integer_inputs_are_kept_in_their_table(
    build: Build, save_model: SaveModel, weights: Any
) -> None:
    """Random indices beyond the table fail in the source: smaller ones are tried."""
    table = tf.Variable(weights[:2])

    def look_up(ids: Any) -> dict[str, Any]:
        tf.debugging.assert_less(ids, 2)
        return {"y": tf.gather(table, ids)}

    model = save_model(look_up, ids=tf.TensorSpec([None], tf.int32))
    (entry,) = build(model, variants=FLOAT32).variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert entry.inputs[0].dtype == "int32"
