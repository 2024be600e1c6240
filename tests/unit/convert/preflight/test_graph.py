"""Walking graphs that were never run."""

from typing import Any

import pytest
import tensorflow as tf
from tensorflow.core.framework import graph_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from tflited.convert.preflight.graph import Finding, findings

MOST_BYTES = 2**30


def meta_graph(graph: tf.Graph, restore_hook: str = "", **assets: str) -> Any:
    """A meta graph of a graph, with a restore hook and assets by the constants of their paths."""
    made = meta_graph_pb2.MetaGraphDef(graph_def=graph.as_graph_def())
    made.saver_def.restore_op_name = restore_hook
    for name, file in assets.items():
        entry = made.asset_file_def.add()
        entry.tensor_info.name, entry.filename = f"{name}:0", file
    return made


def found(made: Any) -> list[Finding]:
    return list(findings(made, MOST_BYTES))


def test_a_file_operator_is_named_with_its_place() -> None:
    """The node's name is what the author of the model can look for."""
    with tf.Graph().as_default() as graph:
        tf.io.read_file(tf.constant("/etc/passwd"), name="steal")
    (entry,) = found(meta_graph(graph))
    assert (entry.what, entry.where) == ("ReadFile", "node 'steal' in the graph")


def test_functions_are_walked_too() -> None:
    """A function may be called from nowhere, until a signature does."""

    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])  # type: ignore[untyped-decorator]  # tensorflow
    def hidden(text: Any) -> Any:
        tf.io.write_file("/tmp/x", text)
        return text

    graph = tf.Graph()
    definition = graph_pb2.GraphDef()
    definition.library.CopyFrom(hidden.get_concrete_function().graph.as_graph_def().library)
    concrete = hidden.get_concrete_function()
    definition.library.function.append(concrete.function_def)
    made = meta_graph(graph)
    made.graph_def.CopyFrom(definition)
    assert {entry.what for entry in found(made)} == {"WriteFile"}
    assert "the function" in found(made)[0].where


@pytest.mark.parametrize(
    ("path", "is_refused"),
    [("placeholder", False), ("default", False), ("constant", True), ("joined", True)],
)
def test_checkpoints_come_from_the_loader(path: str, *, is_refused: bool) -> None:
    """A path that is written into the graph reads a file of the machine."""
    with tf.Graph().as_default() as graph:
        given = tf.compat.v1.placeholder(tf.string, [])
        prefix = {
            "placeholder": given,
            "default": tf.compat.v1.placeholder_with_default("model", []),
            "constant": tf.constant("/srv/model"),
            "joined": tf.strings.join([tf.constant("/srv/"), given]),
        }[path]
        tf.raw_ops.RestoreV2(
            prefix=prefix, tensor_names=["w"], shape_and_slices=[""], dtypes=[tf.float32]
        )
    assert bool(found(meta_graph(graph))) is is_refused


@pytest.mark.parametrize(("is_asset", "is_refused"), [(True, False), (False, True)])
def test_a_vocabulary_is_an_asset(*, is_asset: bool, is_refused: bool) -> None:
    """Tables of text files are legitimate, and read the model's own files only."""
    with tf.Graph().as_default() as graph:
        table = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)
        file = tf.constant("vocabulary.txt", name="file")
        tf.raw_ops.InitializeTableFromTextFileV2(
            table_handle=table, filename=file, key_index=-2, value_index=-1
        )
    assets = {"file": "vocabulary.txt"} if is_asset else {}
    assert bool(found(meta_graph(graph, **assets))) is is_refused


@pytest.mark.parametrize("name", ["/etc/passwd", "../../secret", "a/../../b"])
def test_an_asset_stays_in_the_model(name: str) -> None:
    """TensorFlow joins the name to the folder and looks no further."""
    (entry,) = found(meta_graph(tf.Graph(), file=name))
    assert name in entry.where


def test_the_restore_hook_only_restores() -> None:
    """It runs while the model loads: what it reaches is looked at more closely."""
    with tf.Graph().as_default() as graph:
        value = tf.compat.v1.get_variable("v", [2])
        with tf.control_dependencies([tf.compat.v1.assign(value, tf.random.uniform([2]))]):
            tf.no_op(name="hook")
    assert not found(meta_graph(graph))
    assert {entry.what for entry in found(meta_graph(graph, "hook"))} >= {"RandomUniform"}


@pytest.mark.parametrize("kind", ["fill", "broadcast", "constant", "repeated"])
def test_absurd_sizes_are_found(kind: str) -> None:
    """16 GB in a graph of two kilobytes."""
    with tf.Graph().as_default() as graph:
        one = tf.constant(1.0)
        if kind == "fill":
            tf.raw_ops.Fill(dims=[1000, 4_000_000], value=one)
        elif kind == "broadcast":
            tf.raw_ops.BroadcastTo(input=one, shape=[1000, 4_000_000])
        elif kind == "repeated":
            tf.raw_ops.Fill(dims=tf.constant(70_000, shape=[2]), value=one)
    made = meta_graph(graph)
    if kind == "constant":
        node = made.graph_def.node.add(name="c", op="Const")
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        tensor = node.attr["value"].tensor
        tensor.dtype = tf.float32.as_datatype_enum
        tensor.tensor_shape.dim.add(size=4_000_000_000)
        tensor.float_val.append(0.0)
    (entry,) = found(made)
    assert entry.is_size
    assert "allowed 1073741824" in entry.why


def test_a_loop_in_the_inputs_ends() -> None:
    """A broken graph is walked once."""
    made = meta_graph(tf.Graph())
    made.graph_def.node.add(name="a", op="Identity", input=["b"])
    made.graph_def.node.add(name="b", op="Identity", input=["a"])
    made.graph_def.node.add(name="r", op="RestoreV2", input=["a"])
    made.graph_def.node.add(name="s", op="SaveV2")
    assert {entry.what for entry in found(made)} == {"RestoreV2", "SaveV2"}
