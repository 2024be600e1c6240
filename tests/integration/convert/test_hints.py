"""The failures users meet most, each made for real: its code, its operator, its place, its fix.

The numbers are those of the list that the hints were made from. Where the builds here no longer
run into a failure, TensorFlow's own entry point is called instead, so that its words are the real
ones of this version.
"""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flatbuffers  # type: ignore[import-untyped]  # neither types nor stubs
import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from ai_edge_litert.interpreter import Interpreter
from tensorflow.core.protobuf import saved_model_pb2
from tensorflow.lite.python import lite

from tflited.convert.faults.foreign import explained
from tflited.convert.opening.source import save
from tflited.errors import ConversionError

Fail = Callable[[Path], Any]
ROW = tf.TensorSpec([1, 64], tf.float32)
WEIGHTS = np.random.default_rng(1).standard_normal((64, 64)).astype(np.float32)
INT16X8 = tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8
SELECT = (tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS)


def converter(body: Callable[..., Any], *inputs: tf.TensorSpec) -> Any:
    """TensorFlow's public converter over a function that is traced here."""
    function = tf.function(body, autograph=False).get_concrete_function(*inputs)
    return tf.lite.TFLiteConverter.from_concrete_functions([function], tf.Module())


def product(x: Any) -> Any:
    return x @ tf.constant(WEIGHTS)


def integers(data: Any = None, ops: Any = tf.lite.OpsSet.TFLITE_BUILTINS_INT8) -> Any:
    """A converter for a layer in integers, with whatever calibration data."""
    made = converter(product, ROW)
    made.optimizations = [tf.lite.Optimize.DEFAULT]
    made.target_spec.supported_ops = [ops]
    made.representative_dataset = data
    return made


def row_1(_: Path) -> None:
    converter(tf.linalg.cholesky, tf.TensorSpec([1, 4, 4])).convert()


def row_2(_: Path) -> None:
    made = converter(tf.linalg.cholesky, tf.TensorSpec([1, 4, 4]))
    made.target_spec.supported_ops = list(SELECT)
    Interpreter(model_content=made.convert()).allocate_tensors()


def row_3(_: Path) -> None:
    converter(tf.math.erfinv, tf.TensorSpec([4])).convert()


def row_3_python(_: Path) -> None:
    def body(x: Any) -> Any:
        return tf.numpy_function(lambda value: value, [x], tf.float32)

    converter(body, tf.TensorSpec([4])).convert()


def row_4(folder: Path) -> None:
    model = keras.Sequential([keras.Input((5, 3)), keras.layers.GRU(4)])
    model.export(str(folder / "gru"), verbose=False)
    tf.lite.TFLiteConverter.from_saved_model(str(folder / "gru")).convert()


def row_5(_: Path) -> None:
    made = integers()
    made.inference_input_type = tf.int8
    made.convert()


def row_6(_: Path) -> None:
    integers([WEIGHTS[:1]] for _ in range(2)).convert()


def row_6_tuple(_: Path) -> None:
    integers(lambda: iter([(WEIGHTS[:1],)])).convert()


def row_7(_: Path) -> None:
    integers(lambda: iter([[WEIGHTS[:1].astype(np.float64)]])).convert()


def row_8(_: Path) -> None:
    integers(lambda: iter([]), INT16X8).convert()


def row_9(_: Path) -> None:
    made = converter(lambda x: tf.cos(product(x)), ROW)
    made.optimizations = [tf.lite.Optimize.DEFAULT]
    made.target_spec.supported_ops = [INT16X8]
    made.representative_dataset = lambda: iter([[WEIGHTS[:1]]])
    made.convert()


def row_10(_: Path) -> None:
    made = converter(product, ROW)
    made.inference_input_type = tf.int8
    made.convert()


def row_11(_: Path) -> None:
    """What is no Keras model to this TensorFlow; Keras 3.15 has the attribute for its own again."""

    class Model(tf.Module):  # type: ignore[misc]  # tensorflow is untyped
        def call(self, x: Any) -> Any:
            return x

    lite.TFLiteKerasModelConverterV2(Model())._freeze_keras_model()


def row_13(folder: Path) -> None:
    model = tf_keras.Sequential([tf_keras.Input((8, 8, 3)), tf_keras.layers.DepthwiseConv2D(3)])
    model.save(folder / "two.h5")
    keras.saving.load_model(folder / "two.h5", compile=False)


def row_13_lstm(folder: Path) -> None:
    model = tf_keras.Sequential([tf_keras.Input((8, 3)), tf_keras.layers.LSTM(3)])
    model.save(folder / "two.h5")
    keras.saving.load_model(folder / "two.h5", compile=False)


def row_14(folder: Path) -> None:
    keras.Sequential([keras.Input((8,)), keras.layers.Dense(3)]).save(folder / "three.h5")
    tf_keras.models.load_model(folder / "three.h5", compile=False)


def row_15(folder: Path) -> None:
    model = keras.Sequential([keras.Input((8,)), keras.layers.Lambda(lambda x: x * 2)])
    model.save(folder / "lambda.keras")
    keras.saving.load_model(folder / "lambda.keras", compile=False)


class Own(keras.layers.Layer):  # type: ignore[misc]  # keras is untyped
    """A layer that no other process knows."""

    def call(self, x: Any) -> Any:
        """Doubles."""
        return x * 2


def row_16(folder: Path) -> None:
    keras.Sequential([keras.Input((8,)), Own()]).save(folder / "own.keras")
    keras.saving.load_model(folder / "own.keras", compile=False)


def row_16_h5(folder: Path) -> None:
    keras.Sequential([keras.Input((8,)), Own()]).save(folder / "own.h5")
    keras.saving.load_model(folder / "own.h5", compile=False)


def row_17(folder: Path) -> None:
    tf.saved_model.save(tf.Module(), str(folder / "bare"))
    tf.lite.TFLiteConverter.from_saved_model(str(folder / "bare"))


def row_17_unbuilt(_: Path) -> None:
    tf.lite.TFLiteConverter.from_keras_model(keras.Sequential([keras.layers.Dense(3)])).convert()


def row_18(folder: Path) -> None:
    tf.saved_model.save(tf.Module(), str(folder / "bare"))
    tf.saved_model.load(str(folder / "bare"), tags={"gpu"})


def row_18_version_1(folder: Path) -> None:
    tf.saved_model.save(tf.Module(), str(folder / "bare"))
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        tf.compat.v1.saved_model.load(session, ["gpu"], str(folder / "bare"))


def row_19(_: Path) -> None:
    keras.Sequential([keras.Input((8,)), tf_keras.layers.Dense(3)])


def row_20(_: Path) -> None:
    """The limit is lowered; what is above it is real."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flatbuffers.builder.Builder, "MAX_BUFFER_SIZE", 2000)
        converter(product, ROW).convert()


def version_1_loop(folder: Path) -> None:
    """A frame without a condition, as graphs have it that were cut apart."""
    old = tf.compat.v1
    with tf.Graph().as_default() as graph, old.Session(graph=graph) as session:
        x = old.placeholder(tf.float32, [4], name="x")
        entered = tf.raw_ops.Enter(data=x, frame_name="loop")
        y = tf.raw_ops.Exit(data=tf.raw_ops.NextIteration(data=entered))
        signature = old.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder = old.saved_model.Builder(str(folder / "old"))
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()
    tf.lite.TFLiteConverter.from_saved_model(str(folder / "old")).convert()


def unknown_operator(folder: Path) -> None:
    module = tf.Module()
    module.call = tf.function(lambda x: {"y": tf.nn.elu(x)})
    signature = module.call.get_concrete_function(tf.TensorSpec([4], name="x"))
    tf.saved_model.save(module, str(folder / "odd"), signatures=signature)
    graph = folder / "odd" / "saved_model.pb"
    graph.write_bytes(graph.read_bytes().replace(b"\x03Elu", b"\x03Elv"))
    tf.saved_model.load(str(folder / "odd"))


def half_hdf5(folder: Path) -> None:
    tf_keras.Sequential([tf_keras.Input((8,)), tf_keras.layers.Dense(300)]).save(folder / "a.h5")
    content = (folder / "a.h5").read_bytes()
    (folder / "a.h5").write_bytes(content[: len(content) // 2])
    h5py.File(folder / "a.h5", "r")


def no_hdf5(folder: Path) -> None:
    (folder / "a.h5").write_bytes(b"text" * 500)
    h5py.File(folder / "a.h5", "r")


def no_graph(_: Path) -> None:
    saved_model_pb2.SavedModel().ParseFromString(b"\x0a\xff\xff\xffjunk")


def short_variables(folder: Path) -> None:
    data = with_variables(folder) / "variables.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:100])
    tf.saved_model.load(str(folder / "variables"))


def no_variables(folder: Path) -> None:
    (with_variables(folder) / "variables.index").unlink()
    tf.saved_model.load(str(folder / "variables"))


def with_variables(folder: Path) -> Path:
    module = tf.Module()
    module.v = tf.Variable(np.zeros(5000, np.float32))
    tf.saved_model.save(module, str(folder / "variables"))
    return folder / "variables" / "variables"


def no_flatbuffer(_: Path) -> None:
    Interpreter(model_content=b"\0" * 64)


CASES: tuple[tuple[Fail, str, str, str], ...] = (
    (row_1, "needs_select_ops", "'tf.Cholesky' op", '"SELECT_TF_OPS"'),
    (row_2, "not_runnable_here", "FlexCholesky", "since TensorFlow 2.20"),
    (row_3, "needs_custom_ops", "'tf.Erfinv' op", "tf.Erfinv: neither"),
    (row_3_python, "python_function", "tf.PyFunc", "tf.numpy_function"),
    (row_4, "tensor_list_dynamic", "'tf.TensorListReserve' op", "input_shape = [1, ...]"),
    (row_5, "needs_calibration", "representative_dataset", 'data = "FOLDER/*.npz"'),
    (row_6, "calibration_source", "generator", "[calibration]"),
    (row_6_tuple, "calibration_source", "tuple index", "[calibration]"),
    (row_7, "calibration_type", "FLOAT64", "element type"),
    (row_8, "calibration_incomplete", "Max and min", "empty"),
    (row_9, "no_int16x8_kernel", "'COS'", 'COS: has no 16x8 form; set ops = ["TFLITE_BUILTINS"]'),
    (row_10, "integer_io", "must be tf.float32", 'input_type = "float32"'),
    (row_11, "save_spec", "_get_save_spec", "model.export("),
    (row_13, "keras2_file", "DepthwiseConv2D: {'groups': 1}", "keras_version"),
    (row_13_lstm, "keras2_file", "time_major", "keras_version"),
    (row_14, "keras3_file", "['batch_shape']", ".keras"),
    (row_15, "lambda_layer", "Lambda", "SavedModel"),
    (row_16, "custom_objects", "Could not locate class 'Own'", "SavedModel"),
    (row_16_h5, "custom_objects", "Unknown layer: 'Own'", "SavedModel"),
    (row_17, "no_signature", "signature key", "input_shape = [1, ...]"),
    (row_17_unbuilt, "no_signature", "input shapes", "call the model once"),
    (row_18, "tags", "['serve']", 'tags = ["TAG"]'),
    (row_18_version_1, "tags", "MetaGraphDef", 'tags = ["TAG"]'),
    (row_19, "hub_layer", "keras.Layer", "SavedModel"),
    (row_20, "too_large", "2 gigabytes", "split"),
    (version_1_loop, "control_flow_v1", "LoopCond", "enable_control_flow_v2"),
    (unknown_operator, "missing_custom_op", "'Elv'", "operator library"),
    (half_hdf5, "damaged_file", "truncated file", "copy the whole model again"),
    (no_hdf5, "damaged_file", "signature not found", "copy the whole model again"),
    (no_graph, "damaged_file", "SavedModel", "copy the whole model again"),
    (short_variables, "damaged_file", "less bytes", "copy the whole model again"),
    (no_variables, "damaged_file", "matching files", "copy the whole model again"),
    (no_flatbuffer, "invalid_flatbuffer", "Flatbuffer", "split"),
)


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Keras keeps names and TensorFlow 1 its graphs; the next test starts clean."""
    yield
    keras.backend.clear_session()


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(
    ("fail", "code", "words", "fix"), CASES, ids=[case[0].__name__ for case in CASES]
)
def test_a_real_failure_has_its_code_and_its_fix(
    tmp_path: Path, fail: Fail, code: str, words: str, fix: str
) -> None:
    """One line that says what is wrong, and one that says what to do."""
    with pytest.raises(ConversionError) as caught, explained("Making it", scratch=str(tmp_path)):
        fail(tmp_path)
    error = caught.value
    assert error.code == code, error.message
    assert words in error.message
    assert fix in error.hint
    assert error.message.startswith("Making it: ")
    assert "\n" not in error.message
    assert "Traceback" not in error.message
    assert str(tmp_path) not in error.message
    assert "error: loc(" not in error.message
    assert not re.search(r"Could not translate MLIR", error.message)


def decomposed(x: Any) -> Any:
    return tf.linalg.cholesky(x)  # the line that the message must name


def named_line() -> str:
    text = Path(__file__).read_text(encoding="utf-8")
    before = text.split("  # the line that the message must name", maxsplit=1)[0]
    return f"{__file__}:{len(before.splitlines())}"


def test_the_line_of_the_model_is_named() -> None:
    """The converter's error carries the calls that made the operator; the model's own is told."""
    with pytest.raises(ConversionError) as caught, explained("Lowering"):
        converter(decomposed, tf.TensorSpec([1, 4, 4])).convert()
    assert caught.value.message.endswith(f"(at {named_line()})")


def test_the_line_survives_in_a_saved_model(tmp_path: Path) -> None:
    """Where the model was saved with its debug information."""
    module = tf.Module()
    module.call = tf.function(lambda x: {"y": decomposed(x)}, autograph=False)
    signature = module.call.get_concrete_function(tf.TensorSpec([1, 4, 4], name="x"))
    options = tf.saved_model.SaveOptions(save_debug_info=True)
    tf.saved_model.save(module, str(tmp_path / "m"), signatures=signature, options=options)
    with pytest.raises(ConversionError) as caught, explained("Lowering"):
        tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "m")).convert()
    assert f"(at {named_line()})" in caught.value.message


def test_what_is_saved_for_the_converter_keeps_its_lines(tmp_path: Path) -> None:
    """A Keras file with a layer of its own is traced here and saved: the layer's line is told."""
    function = tf.function(lambda x: {"y": decomposed(x)}, autograph=False)
    traced = function.get_concrete_function(tf.TensorSpec([1, 4, 4], name="x"))
    save({"serving_default": traced}, [], tmp_path / "saved")
    with pytest.raises(ConversionError) as caught, explained("Lowering"):
        tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved")).convert()
    assert f"(at {named_line()})" in caught.value.message


def test_a_fault_in_the_models_own_code_names_its_line() -> None:
    """AutoGraph rewrites the function; the line is still the model's."""

    def wrong(x: Any) -> Any:
        return tf.reshape(x, [3])

    with pytest.raises(ConversionError) as caught, explained("Tracing"):
        tf.function(wrong).get_concrete_function(tf.TensorSpec([4]))
    assert "Cannot reshape a tensor with 4 elements to shape [3]" in caught.value.message
    assert f"{Path(__file__).name}:" in caught.value.message


def test_a_failure_nobody_knows_still_says_what_to_do() -> None:
    """The first line that means something, the general code, a next step, and no traceback."""
    with pytest.raises(ConversionError) as caught, explained("Loading x"):
        keras.layers.Dense(3)(keras.Input((None,)))
    assert caught.value.code == "conversion"
    assert caught.value.hint
    assert "\n" not in caught.value.message
