"""Where an integer file loses its numbers: the error of each operator, its own and piled up.

An operator's own error is the distance between what it gives and what the float32 file's operator
gives on the same, dequantised inputs. That is what ``tf.lite.experimental.QuantizationDebugger``
measures (tensorflow/lite/tools/optimize/debugging/python/debugger.py), so its rule of thumb holds:
rounding alone costs 1/sqrt(12) = 0.289 steps, more than 0.7 is suspicious. It holds for 8 bits: a
16-bit step is far finer than what the 8-bit weights beside it cost.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.convert.data.reference import Reference
from tflited.convert.faults.foreign import explained
from tflited.convert.layers.counterparts import Counterparts, counterparts
from tflited.convert.layers.severed import Severed, severed
from tflited.convert.layers.tensors import activation_bytes, tensors
from tflited.convert.tflite import flatbuffer
from tflited.convert.tflite.flatbuffer import Flatbuffer, Operator, SignatureDef, Tensor
from tflited.domain.figures import LayerError
from tflited.errors import ConversionError

SAMPLES: Final = 4
SAMPLED_BYTES: Final = 64 * 2**20
"""Of float tensors; a sample more is taken only below it. The kernels without delegates are slow,
and a tensor of a million values tells its error from one sample."""
MOST_LAYERS: Final = 500
"""Of a larger file the operators with the greatest own error are kept."""
LARGEST_ACTIVATIONS_BYTES: Final = 200 * 2**20
"""Of the float32 file for one sample; measuring takes about five times as much memory."""
LONGEST_NAME: Final = 200
"""Characters of a tensor's name; fused operators join the names of everything they hold."""
_CONNECTED: Final = frozenset(
    {"ASSIGN_VARIABLE", "CALL", "CALL_ONCE", "IF", "READ_VARIABLE", "STABLEHLO_COMPOSITE"}
    | {"STABLEHLO_WHILE", "VAR_HANDLE", "WHILE"}
)
"""Operators that mean something only together with others, or run subgraphs of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layers:
    """What was measured, and a word on what was not."""

    entries: tuple[LayerError, ...] = ()
    note: str = ""


def layer_errors(content: bytes, baseline: bytes, reference: Reference) -> Layers:
    """Measures every operator of an integer file against the float32 file it was made from.

    The first signature is run on the first samples of the comparison, in one thread and without
    delegates, which would hide tensors.

    Args:
        content: the integer file.
        baseline: the float32 file.
        reference: the comparison's inputs.

    Returns:
        The operators in the file's order; none, with the reason, where they cannot be measured.
    """
    integer, floats = flatbuffer.read(content), flatbuffer.read(baseline)
    obstacle = _obstacle(integer, floats, reference)
    if obstacle:
        return Layers(note=f"Not measured: {obstacle}.")
    name = integer.signatures[0].name
    samples = [dict(pair.inputs) for pair in reference.pairs[name][:SAMPLES]]
    try:
        with explained("Measuring layers"):
            return _measured(
                _Files(
                    integer=_File(content=content, flatbuffer=integer),
                    floats=_File(content=baseline, flatbuffer=floats),
                    apart=severed(baseline),
                    matches=counterparts(integer, floats),
                ),
                samples,
            )
    except ConversionError as error:
        return Layers(note=f"Not measured: {error.message}")


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file as bytes and as it was read."""

    content: bytes
    flatbuffer: Flatbuffer

    @property
    def signature(self) -> SignatureDef:
        return self.flatbuffer.signatures[0]

    @property
    def specs(self) -> Sequence[Tensor]:
        return self.flatbuffer.subgraphs[0].tensors

    @property
    def operators(self) -> Sequence[Operator]:
        return self.flatbuffer.subgraphs[0].operators


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """The integer file, the float32 file whole and cut apart, and which tensors belong together."""

    integer: _File
    floats: _File
    apart: Severed
    matches: Counterparts


@dataclass(slots=True, kw_only=True)
class _Sums:
    """Running sums over the samples for one operator output."""

    values: int = 0
    own: float = 0.0
    greatest: float = 0.0
    accumulated: float = 0.0

    def add(self, given: Array, wanted: Array, original: Array) -> None:
        """Takes one sample; values that are not finite on any side say nothing."""
        is_finite = np.isfinite(given) & np.isfinite(wanted) & np.isfinite(original)
        if not is_finite.any():
            return
        own = np.abs(given[is_finite].astype(np.float64) - wanted[is_finite])
        total = given[is_finite].astype(np.float64) - original[is_finite]
        self.values += own.size
        self.own += float(np.square(own).sum())
        self.greatest = max(self.greatest, float(own.max()))
        self.accumulated += float(np.square(total).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class _Output:
    """One output of one operator of the integer file, and the sums over it."""

    index: int
    operator: Operator
    tensor: int
    sums: _Sums = field(default_factory=_Sums)


def _obstacle(integer: Flatbuffer, floats: Flatbuffer, reference: Reference) -> str:
    if integer.select_operators:
        return "select operators do not run here"
    connected = sorted(_CONNECTED & integer.operators.keys())
    if connected:
        return f"{', '.join(connected)} cannot be looked at one by one"
    if not _first(integer) or _first(integer) != _first(floats):
        return "the first subgraphs of the two files are not one signature"
    if not reference.pairs.get(integer.signatures[0].name):
        return reference.trouble.removesuffix(".") or "there are no inputs for its signature"
    return ""


def _first(file: Flatbuffer) -> str:
    """The first signature, where it is the first subgraph's; else empty."""
    return next((entry.name for entry in file.signatures[:1] if entry.subgraph == 0), "")


def _measured(files: _Files, samples: Sequence[Mapping[str, Array]]) -> Layers:
    size = activation_bytes(files.floats.content, _by_index(files.floats, samples[0]))
    if size > LARGEST_ACTIVATIONS_BYTES:
        return Layers(
            note=f"Not measured: the tensors of one sample take {size} bytes, at most "
            f"{LARGEST_ACTIVATIONS_BYTES} are held at once."
        )
    outputs = list(_outputs(files))
    count = max(SAMPLED_BYTES // max(size, 1), 1)
    for sample in samples[:count]:
        _add(files, outputs, sample)
    found = [_entry(files, output) for output in outputs if output.sums.values]
    return Layers(entries=_worst(found), note=_note(files, outputs, found))


def _outputs(files: _Files) -> Iterator[_Output]:
    """Every output that is a float in the float32 file."""
    for index, operator in enumerate(files.integer.operators):
        for tensor in operator.outputs:
            match = files.matches.of.get(tensor)
            if match is not None and files.floats.specs[match].dtype == "float32":
                yield _Output(index=index, operator=operator, tensor=tensor)


def _add(files: _Files, outputs: Sequence[_Output], sample: Mapping[str, Array]) -> None:
    """Runs the three files on one sample and adds up the differences."""
    of, whole = files.matches.of, _by_index(files.floats, sample)
    given = tensors(files.integer.content, _by_index(files.integer, sample), of.keys())
    needed = {*of.values(), *files.apart.stand_ins}
    original = tensors(files.floats.content, whole, needed)
    fed = {
        stand_in: _fed(files, tensor, given, original)
        for tensor, stand_in in files.apart.stand_ins.items()
    }
    wanted = tensors(files.apart.content, {**whole, **fed}, set(of.values()))
    for output in outputs:
        match = of[output.tensor]
        source = files.matches.copies.get(output.tensor)
        ideal = given[source] if source in given else wanted[match]
        have = given[output.tensor]
        if have.shape == ideal.shape == original[match].shape:
            output.sums.add(have, ideal, original[match])


def _fed(
    files: _Files, tensor: int, given: Mapping[int, Array], original: Mapping[int, Array]
) -> Array:
    """What the integer file has for a float tensor; the float32 file's own where it has none."""
    value = given.get(files.matches.made.get(tensor, -1))
    expected = original[tensor]
    if value is None or value.shape != expected.shape:
        return expected
    return value.astype(expected.dtype)


def _by_index(file: _File, sample: Mapping[str, Array]) -> dict[int, Array]:
    return {file.signature.inputs[name]: value for name, value in sample.items()}


def _entry(files: _Files, output: _Output) -> LayerError:
    sums, tensor = output.sums, files.integer.specs[output.tensor]
    rmse = math.sqrt(sums.own / sums.values)
    is_float = "float" in tensor.dtype
    return LayerError(
        index=output.index,
        operator=output.operator.name,
        output=_cut(files.floats.specs[files.matches.of[output.tensor]].name),
        dtype=tensor.dtype,
        scale=0.0 if is_float else tensor.scale,
        rmse=rmse,
        max_abs_error=sums.greatest,
        rmse_over_scale=None if is_float or not tensor.scale else rmse / tensor.scale,
        accumulated_rmse=math.sqrt(sums.accumulated / sums.values),
    )


def _cut(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _worst(found: Sequence[LayerError]) -> tuple[LayerError, ...]:
    kept = sorted(found, key=lambda entry: (-(entry.rmse_over_scale or 0.0), entry.index))
    return tuple(sorted(kept[:MOST_LAYERS], key=lambda entry: entry.index))


def _note(files: _Files, outputs: Sequence[_Output], found: Sequence[LayerError]) -> str:
    """What is not in the list although it computes on numbers that the model computes on."""
    unmatched = [
        operator.name
        for operator in files.integer.operators
        if any(tensor not in files.matches.of for tensor in operator.outputs)
    ]
    parts = []
    if unmatched:
        listed = ", ".join(sorted(set(unmatched)))
        parts.append(
            f"{len(unmatched)} operators ({listed}) have no counterpart in the float32 file."
        )
    if len(outputs) > len(found):
        parts.append(
            f"{len(outputs) - len(found)} outputs have another shape there, or no finite value."
        )
    if len(found) > MOST_LAYERS:
        parts.append(f"Of {len(found)} outputs the {MOST_LAYERS} worst are listed.")
    return " ".join(parts)
