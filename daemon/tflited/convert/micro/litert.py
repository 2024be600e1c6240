"""Runs LiteRT on raw tensors, in the file's own types: what TFLM's outputs are compared with."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from tflited.convert.arrays import Array
from tflited.convert.faults.foreign import explained
from tflited.convert.proof.run import quantised
from tflited.domain.figures import TensorSpec


def raw_inputs(sample: Mapping[str, Array], specs: Sequence[TensorSpec]) -> list[Array]:
    """A sample's values in the interpreter's order and the file's types.

    Args:
        sample: in the source's types, by signature name.
        specs: the file's inputs.
    """
    return [
        quantised(
            sample[spec.name],
            {"quantization": (spec.scale, spec.zero_point), "dtype": np.dtype(spec.dtype)},
        )
        for spec in specs
    ]


def raw_outputs(
    content: bytes, samples: Sequence[Sequence[Array]], *, threads: int, is_plain: bool = False
) -> list[list[Array]]:
    """The outputs for each sample, in the interpreter's order.

    Args:
        content: the flatbuffer.
        samples: as ``raw_inputs`` makes them.
        threads: processor threads to use.
        is_plain: with LiteRT's reference kernels, which round as TFLM's do, and are slow.

    Raises:
        ConversionError: the file does not run.
    """
    with explained("Running the file with LiteRT"):
        return [
            _run(_interpreter(content, threads, is_plain=is_plain), inputs) for inputs in samples
        ]


def _interpreter(content: bytes, threads: int, *, is_plain: bool) -> Any:
    kind = OpResolverType.BUILTIN_REF if is_plain else OpResolverType.AUTO
    return Interpreter(
        model_content=content, num_threads=threads, experimental_op_resolver_type=kind
    )


def _run(interpreter: Any, inputs: Sequence[Array]) -> list[Array]:
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        if tuple(detail["shape"]) != value.shape:
            interpreter.resize_tensor_input(detail["index"], value.shape)
    interpreter.allocate_tensors()
    for detail, value in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], value)
    interpreter.invoke()
    return [
        np.asarray(interpreter.get_tensor(detail["index"]))
        for detail in interpreter.get_output_details()
    ]
