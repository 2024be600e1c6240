"""Runs a finished flatbuffer by signature, with the source's inputs and in the source's units."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tflited.convert.arrays import Array
from tflited.convert.data.reference import Pair
from tflited.convert.faults.foreign import explained
from tflited.convert.proof.fidelity import Sums, compare
from tflited.errors import ConversionError


def compare_all(
    content: bytes, pairs: Mapping[str, Sequence[Pair]], *, threads: int
) -> dict[str, dict[str, list[Sums]]]:
    """Runs every sample and compares every output by its signature name.

    Every sample gets an interpreter of its own. Fused recurrent layers carry their state over, and
    with ai-edge-litert 2.3 the dynamic range kernels of one process in about thirty give wrong
    outputs from the second invocation on, with or without ``reset_all_variables``.

    Args:
        content: the flatbuffer.
        pairs: for each signature, samples with the source's outputs.
        threads: processor threads to use.

    Returns:
        For each signature, output name to the sums of each sample.

    Raises:
        ConversionError: the file does not run, or its outputs have other names or shapes.
    """
    found: dict[str, dict[str, list[Sums]]] = {}
    for name, entries in pairs.items():
        outputs = found.setdefault(name, {})
        for pair in entries:
            runner = _runner(content, name, threads)
            for output, sums in _compared(runner, pair).items():
                outputs.setdefault(output, []).append(sums)
    return found


def outputs_of(
    content: bytes, signature: str, inputs: Iterable[Mapping[str, Array]], *, threads: int
) -> Iterator[dict[str, Array]]:
    """Runs one signature on many samples, each with an interpreter of its own as above.

    Args:
        content: the flatbuffer.
        signature: its name.
        inputs: samples in the source's types.
        threads: processor threads to use.

    Yields:
        Each sample's outputs by name, in the source's units.

    Raises:
        ConversionError: the file does not run.
    """
    for sample in inputs:
        yield run(_runner(content, signature, threads), sample)


def invocation(
    content: bytes, signature: str, inputs: Mapping[str, Array], *, threads: int
) -> Callable[[], object]:
    """One interpreter, ready to run the same sample again and again.

    Args:
        content: the flatbuffer.
        signature: its name.
        inputs: one sample in the source's types; quantised here, once.
        threads: processor threads to use.

    Returns:
        Hands the inputs over, invokes and takes the outputs; it raises ConversionError where the
        file does not run.

    Raises:
        ConversionError: the file does not load.
    """
    runner = _runner(content, signature, threads)
    with explained("Running the file with LiteRT"):
        details = runner.get_input_details()
        ready = {name: quantised(value, details[name]) for name, value in inputs.items()}

    def invoke() -> object:
        with explained("Running the file with LiteRT"):
            return runner(**ready)

    return invoke


def _runner(content: bytes, signature: str, threads: int) -> Any:
    with explained("Running the file with LiteRT"):
        interpreter = Interpreter(model_content=content, num_threads=threads)
        return interpreter.get_signature_runner(signature)


def _compared(runner: Any, pair: Pair) -> dict[str, Sums]:
    outputs = run(runner, pair.inputs)
    return {
        name: compare(expected, _matching(outputs, name, expected))
        for name, expected in pair.outputs.items()
    }


def run(runner: Any, inputs: Mapping[str, Array]) -> dict[str, Array]:
    """Runs one sample.

    Args:
        runner: LiteRT's signature runner.
        inputs: in the source's types; integer inputs of the file are quantised here.

    Returns:
        Outputs, dequantised where the file gives integers with a scale.

    Raises:
        ConversionError: the file does not run on this sample.
    """
    with explained("Running the file with LiteRT"):
        details = runner.get_input_details()
        outputs = runner(
            **{name: quantised(value, details[name]) for name, value in inputs.items()}
        )
        made = runner.get_output_details()
        return {name: dequantised(value, made[name]) for name, value in outputs.items()}


def quantised(value: Array, detail: Mapping[str, Any]) -> Array:
    """A float value in the type of an integer input; any other is only cast.

    Args:
        value: in the source's units.
        detail: ``dtype`` and ``quantization`` (scale, zero point), as LiteRT tells them.
    """
    scale, zero_point = detail["quantization"]
    dtype = np.dtype(detail["dtype"])
    if dtype.kind not in "iu" or value.dtype.kind != "f" or not scale:
        return value.astype(dtype)
    limits = np.iinfo(dtype)
    steps = np.round(value / scale) + zero_point
    return np.asarray(np.clip(steps, limits.min, limits.max)).astype(dtype)


def dequantised(value: Array, detail: Mapping[str, Any]) -> Array:
    """A tensor's value in the source's units, by LiteRT's details of the tensor."""
    scale, zero_point = detail["quantization"]
    if value.dtype.kind not in "iu" or not scale:
        return value
    return np.asarray((value.astype(np.float64) - zero_point) * scale)


def _matching(outputs: Mapping[str, Array], name: str, expected: Array) -> Array:
    if name not in outputs:
        listed = ", ".join(map(repr, outputs)) or "none"
        raise ConversionError(
            f"The file has no output {name!r}; it has {listed}.",
            hint="report the model: signature names must survive conversion",
            code="signature_lost",
        )
    if outputs[name].shape != expected.shape:
        raise ConversionError(
            f"Output {name!r} has shape {list(outputs[name].shape)}; the source gives "
            f"{list(expected.shape)}.",
            hint="set input_shape in the policy, so that no shape is computed at run time",
            code="output_shape",
        )
    return outputs[name]
