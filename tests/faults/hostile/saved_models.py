"""Hostile SavedModels of TensorFlow 2 and 1."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from faults.hostile.bait import SECRET, SMALL, Bait, Case, Layer

Serve = Callable[[Any], Any]
FLOATS: Final = len(SECRET) // 4
REFUSED: Final = frozenset({"refused_operator"})
ABSURD: Final = frozenset({"absurd_size"})
HUGE: Final = 4_000_000_000


def saved(path: Path, serve: Serve, *, extra: Serve | None = None) -> None:
    """A SavedModel whose signature computes ``serve``; ``extra`` is a function beside it."""
    spec = tf.TensorSpec([1, 4], tf.float32, name="x")
    module = tf.Module()
    module.w = tf.Variable(np.eye(4, dtype=np.float32))
    module.serve = tf.function(lambda x: {"y": serve(x @ module.w)}, input_signature=[spec])
    if extra is not None:
        module.extra = tf.function(extra, input_signature=[spec])
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})


def edited(path: Path, edit: Callable[[Any], None]) -> None:
    """Changes the first meta graph of a SavedModel."""
    file = path / "saved_model.pb"
    definition = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    edit(definition.meta_graphs[0])
    file.write_bytes(definition.SerializeToString())


def number(text: Any) -> Any:
    """A float of a string, so that the operator that made it is needed."""
    return tf.cast(tf.strings.length(text), tf.float32)


def write_in_serving(path: Path, bait: Bait) -> None:
    def serve(x: Any) -> Any:
        with tf.control_dependencies([tf.io.write_file(bait.canary("serving"), "x")]):
            return tf.identity(x)

    saved(path, serve)


def read_in_serving(path: Path, bait: Bait) -> None:
    saved(path, lambda x: x + number(tf.io.read_file(bait.secret)))


def print_to_file(path: Path, bait: Bait) -> None:
    def serve(x: Any) -> Any:
        tf.print("x", output_stream=f"file://{bait.canary('print')}")
        return x

    saved(path, serve)


def matching_files(path: Path, bait: Bait) -> None:
    def serve(x: Any) -> Any:
        found = tf.io.matching_files(f"{bait.folder}/*")
        return x + tf.cast(tf.size(found), tf.float32)

    saved(path, serve)


def text_lines(path: Path, bait: Bait) -> None:
    def serve(x: Any) -> Any:
        lines = tf.data.TextLineDataset(bait.secret)
        return x + lines.reduce(0.0, lambda total, line: total + number(line))

    saved(path, serve)


def remote_read(path: Path, bait: Bait) -> None:
    saved(path, lambda x: x + number(tf.io.read_file("gs://metadata.invalid/token")))


def restore_in_serving(path: Path, bait: Bait) -> None:
    def serve(x: Any) -> Any:
        (w,) = tf.raw_ops.RestoreV2(
            prefix=bait.secret, tensor_names=["w"], shape_and_slices=[""], dtypes=[tf.float32]
        )
        return x + tf.reduce_sum(w)

    saved(path, serve)


def hidden_function(path: Path, bait: Bait) -> None:
    def extra(x: Any) -> Any:
        tf.io.write_file(bait.canary("hidden"), "x")
        return x

    saved(path, tf.identity, extra=extra)


def nested_function(path: Path, bait: Bait) -> None:
    @tf.function  # type: ignore[untyped-decorator]  # tensorflow is untyped
    def inner(x: Any) -> Any:
        return tf.cond(
            tf.reduce_sum(x) > -1e9, lambda: number(tf.io.read_file(bait.secret)), lambda: 0.0
        )

    saved(path, lambda x: x + inner(x))


def initialiser(path: Path, bait: Bait) -> None:
    """A resource that writes when it is made, which is when the model loads."""

    class Resource(tf.saved_model.experimental.TrackableResource):  # type: ignore[misc]  # untyped
        def _create_resource(self) -> Any:
            return tf.raw_ops.VarHandleOp(dtype=tf.float32, shape=[], shared_name="r")

        def _initialize(self) -> None:
            tf.io.write_file(bait.canary("initialiser"), "x")

        def _destroy_resource(self) -> None:
            """Nothing to let go."""

    module = tf.Module()
    module.resource = Resource()
    spec = tf.TensorSpec([1, 4], tf.float32, name="x")

    def serve(x: Any) -> Any:
        with tf.control_dependencies(
            [tf.raw_ops.VarIsInitializedOp(resource=module.resource.resource_handle)]
        ):
            return {"y": x + 1.0}

    module.serve = tf.function(serve, input_signature=[spec])
    tf.saved_model.save(module, str(path), signatures={"serving_default": module.serve})


def v1(path: Path, build: Callable[[Any], Any | None]) -> None:
    """A SavedModel of TF1 that computes ``x + v``; ``build`` may add operators and a main_op."""
    v1_api = tf.compat.v1
    graph = tf.Graph()
    with graph.as_default(), v1_api.Session(graph=graph) as session:
        x = v1_api.placeholder(tf.float32, [1, FLOATS], name="x")
        v = v1_api.get_variable("v", [FLOATS], initializer=v1_api.zeros_initializer())
        y = tf.add(x, v, name="y")
        main_op = build(v)
        session.run(v1_api.global_variables_initializer())
        builder = v1_api.saved_model.Builder(str(path))
        signature = v1_api.saved_model.predict_signature_def({"x": x}, {"y": y})
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, main_op=main_op
        )
        builder.save()


def v1_restore_exfil(path: Path, bait: Bait) -> None:
    """The restore hook reads the secret into the weights, and writes a file."""

    def build(v: Any) -> None:
        content = tf.io.read_file(bait.secret)
        floats = tf.reshape(tf.io.decode_raw(content, tf.float32), [FLOATS])
        write = tf.io.write_file(bait.canary("restore"), "x")
        with tf.control_dependencies([tf.compat.v1.assign(v, floats), write]):
            tf.no_op(name="hook")

    v1(path, build)

    def edit(meta_graph: Any) -> None:
        meta_graph.saver_def.restore_op_name = "hook"

    edited(path, edit)


def v1_main_op(path: Path, bait: Bait) -> None:
    v1(path, lambda _: tf.io.write_file(bait.canary("main_op"), "x"))


def v1_table(path: Path, bait: Bait) -> None:
    """A vocabulary that is no asset of the model."""

    def build(_: Any) -> Any:
        table = tf.raw_ops.HashTableV2(key_dtype=tf.string, value_dtype=tf.int64)
        return tf.raw_ops.InitializeTableFromTextFileV2(
            table_handle=table, filename=bait.secret, key_index=-2, value_index=-1
        )

    v1(path, build)


def asset_elsewhere(path: Path, bait: Bait) -> None:
    saved(path, tf.identity)

    def edit(meta_graph: Any) -> None:
        entry = meta_graph.asset_file_def.add()
        entry.filename, entry.tensor_info.name = "../../../../secret.txt", "asset:0"

    edited(path, edit)


def fill(path: Path, bait: Bait) -> None:
    saved(path, lambda x: x + tf.reduce_sum(tf.fill([HUGE], 1.0)))


def broadcast(path: Path, bait: Bait) -> None:
    saved(path, lambda x: x + tf.reduce_sum(tf.broadcast_to(x[0, :1], [1000, 4_000_000])))


def huge_constant(path: Path, bait: Bait) -> None:
    saved(path, lambda x: x + 1.0)

    def edit(meta_graph: Any) -> None:
        node = meta_graph.graph_def.node.add(name="huge", op="Const")
        node.attr["dtype"].type = tf.float32.as_datatype_enum
        tensor = node.attr["value"].tensor
        tensor.dtype = tf.float32.as_datatype_enum
        tensor.tensor_shape.dim.add(size=HUGE)
        tensor.float_val.append(1.0)

    edited(path, edit)


def grown_fill(path: Path, bait: Bait) -> None:
    """The size is computed, so that no look finds it."""

    def serve(x: Any) -> Any:
        rows = 30_000 + tf.cast(tf.math.floor(tf.abs(x[0, 0]) * 0.0), tf.int32)
        return x + tf.reduce_sum(tf.fill([rows, 30_000], 1.0))

    saved(path, serve)


def grown_tile(path: Path, bait: Bait) -> None:
    def serve(x: Any) -> Any:
        times = 100_000_000 + tf.cast(tf.math.floor(tf.abs(x[0, 0]) * 0.0), tf.int32)
        return x + tf.reduce_sum(tf.tile(x, [times, 1]))

    saved(path, serve)


def endless(path: Path, bait: Bait) -> None:
    def serve(x: Any) -> Any:
        (result,) = tf.while_loop(lambda n: tf.reduce_sum(n) > -1e30, lambda n: (n * 0.5,), (x,))
        return result

    saved(path, serve)


def many_files(path: Path, bait: Bait) -> None:
    saved(path, lambda x: x + 1.0)
    for number_of in range(50):
        (path / "assets" / f"{number_of}.txt").parent.mkdir(exist_ok=True)
        (path / "assets" / f"{number_of}.txt").touch()


def deep(path: Path, bait: Bait) -> None:
    """A value inside a value inside a value: 400 messages of protocol buffers."""
    saved(path, lambda x: x + 1.0)

    def edit(meta_graph: Any) -> None:
        value = meta_graph.graph_def.node[0].attr["deep"]
        for _ in range(200):
            value = value.func.attr["deep"]
        value.i = 1

    edited(path, edit)


def no_graph(path: Path, bait: Bait) -> None:
    path.mkdir()
    (path / "saved_model.pb").write_bytes(bytes(range(256)) * 40)


def two_graphs(path: Path, bait: Bait) -> None:
    saved(path, lambda x: x + 1.0)
    (path / "saved_model.cpb").write_bytes(b"\x00" * 100)


def large_set(path: Path, bait: Bait) -> None:
    saved(path, lambda x: x + 1.0)


LOOKED_AT: Final = (
    write_in_serving, read_in_serving, print_to_file, matching_files, text_lines, remote_read,
    restore_in_serving, hidden_function, nested_function, initialiser, v1_restore_exfil, v1_main_op,
    v1_table,
)  # fmt: skip
"""Those that reach out: the look names their operator, the sandbox holds without it."""

CASES: Final = (
    Case(
        name="asset_elsewhere",
        make=asset_elsewhere,
        layer=Layer.FORMAT,  # admission: no file of the model has that name
        codes=frozenset({"refused"}),
    ),
    *(
        Case(name=make.__name__, make=make, layer=Layer.PREFLIGHT, codes=REFUSED)
        for make in LOOKED_AT
    ),
    *(
        Case(name=make.__name__, make=make, layer=Layer.PREFLIGHT, codes=ABSURD)
        for make in (fill, broadcast, huge_constant)
    ),
    *(
        Case(name=make.__name__, make=make, layer=Layer.LIMITS, codes=frozenset(codes))
        for make, codes in (
            (grown_fill, {"memory_limit"}),
            (grown_tile, {"memory_limit"}),
            (endless, {"cpu_limit", "wall_limit"}),
        )
    ),
    Case(
        name="many_files",
        make=many_files,
        layer=Layer.LIMITS,
        codes=frozenset({"refused"}),
        policy=f"{SMALL}model_files = 20\n",
    ),
    Case(
        name="large_set",
        make=large_set,
        layer=Layer.LIMITS,
        codes=frozenset({"output_limit"}),
        policy=f"{SMALL}output_bytes = 1000\n",
    ),
    Case(name="deep", make=deep, layer=Layer.FORMAT, codes=frozenset({"damaged_file"})),
    Case(name="no_graph", make=no_graph, layer=Layer.FORMAT, codes=frozenset({"refused"})),
    Case(
        name="two_graphs",
        make=two_graphs,
        layer=Layer.PREFLIGHT,
        codes=frozenset({"refused_storage"}),
    ),
)
