"""The inputs that source and variants are compared on, and the source's outputs for them.

Evaluation data first, calibration data second, random values from a fixed seed last.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tflited.convert.arrays import Array
from tflited.convert.data import samples
from tflited.convert.data.sample_set import Samples
from tflited.convert.opening.source import Signature, Source
from tflited.domain.attempt import AttemptRequest
from tflited.domain.figures import TensorSpec
from tflited.domain.preprocess import Preprocess
from tflited.errors import ConversionError

SEED: Final = 20_240_501
DATA_SAMPLES: Final = 32
"""At most this many samples of a data set are compared."""
RANDOM_SAMPLES: Final = 4
DYNAMIC_SIZES: Final = (16, 64, 224)
"""Tried in this order for a dynamic dimension that is not the batch."""
INTEGER_BOUNDS: Final = (10, 2, 1)
"""Random integers lie below the bound: an index must stay in its table; 1 leaves zeros."""
UNMOVED: Final = 1e-6
"""Outputs that differ by less than this share of their magnitude are alike: rounding does more."""
_OUTPUT_BYTES: Final = 256 * 2**20
"""The source's outputs are kept for all variants; no more than this of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One sample and what the source makes of it."""

    inputs: Mapping[str, Array]
    outputs: Mapping[str, Array]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """What variants are compared with.

    Attributes:
        origin: ``evaluation``, ``calibration`` or ``random``.
        pairs: for each signature, samples with the source's outputs.
        trouble: why nothing, or not what the policy names, could be compared; empty when fine.
    """

    origin: str
    pairs: Mapping[str, tuple[Pair, ...]] = field(default_factory=dict)
    trouble: str = ""

    @property
    def unmoved(self) -> tuple[str, ...]:
        """Signatures that answer every sample alike: what they are compared on tells nothing.

        A file that lost its weights would answer so, too.
        """
        return tuple(name for name, pairs in self.pairs.items() if _is_unmoved(pairs))


def _is_unmoved(pairs: Sequence[Pair]) -> bool:
    first, *others = pairs or (None,)
    return bool(others) and all(
        _is_alike(value, other.outputs[name])
        for name, value in (first.outputs if first else {}).items()
        for other in others
    )


def _is_alike(one: Array, other: Array) -> bool:
    if one.shape != other.shape or one.dtype.kind not in "fiub":
        return False
    scale = max(float(np.abs(one).max(initial=0)), float(np.abs(other).max(initial=0)))
    difference = np.abs(one.astype(np.float64) - other.astype(np.float64))
    return bool(difference.max(initial=0.0) <= UNMOVED * scale)


def reference(request: AttemptRequest, source: Source) -> Reference:
    """Runs the source on the best inputs there are.

    Args:
        request: names evaluation and calibration files.
        source: the loaded model.

    Returns:
        The outputs; with ``trouble`` where data could not be used or the source did not run.
    """
    troubles = [*_unmatched(request)]
    for origin, files in (("evaluation", request.evaluation), ("calibration", request.calibration)):
        if not files:
            continue
        try:
            return Reference(
                origin=origin,
                pairs=_from_data(files, source, request.policy.preprocess),
                trouble=" ".join(troubles),
            )
        except ConversionError as error:
            if origin == "evaluation":
                troubles.append(f"The evaluation data was not used: {error.message}")
    try:
        return Reference(origin="random", pairs=_random(source), trouble=" ".join(troubles))
    except ConversionError as error:
        troubles.append(f"The source did not run on random inputs: {error.message}")
        return Reference(origin="random", trouble=" ".join(troubles))


def _unmatched(request: AttemptRequest) -> Iterator[str]:
    """A pattern that means nothing; where a metric is asked, the accuracy check tells that."""
    rules = request.policy.evaluation
    if rules.data and not request.evaluation and rules.metric is None:
        yield f"evaluation.data = {rules.data!r} matches no file"


def _from_data(
    files: Sequence[str], source: Source, rules: Preprocess
) -> dict[str, tuple[Pair, ...]]:
    return {
        entry.name: _pairs(
            entry, _all(samples.read(files, entry.inputs, limit=DATA_SAMPLES, rules=rules))
        )
        for entry in source.signatures
    }


def _all(found: Samples) -> list[dict[str, Array]]:
    return [found[index] for index in range(len(found))]


def _random(source: Source) -> dict[str, tuple[Pair, ...]]:
    return {entry.name: _random_pairs(entry) for entry in source.signatures}


def _random_pairs(signature: Signature) -> tuple[Pair, ...]:
    """The first choice of sizes and integers that the source can compute."""
    plans = itertools.product(DYNAMIC_SIZES, INTEGER_BOUNDS)
    trouble = ConversionError("nothing was tried")
    for size, bound in plans:
        try:
            made = [random_inputs(signature.inputs, n, size, bound) for n in range(RANDOM_SAMPLES)]
            return _pairs(signature, made)
        except ConversionError as error:
            trouble = error
    raise trouble


def _pairs(signature: Signature, inputs: Sequence[Mapping[str, Array]]) -> tuple[Pair, ...]:
    pairs: list[Pair] = []
    kept = 0
    for sample in inputs:
        outputs = signature.run(sample)
        kept += sum(array.nbytes for array in outputs.values())
        pairs.append(Pair(inputs=sample, outputs=outputs))
        if kept > _OUTPUT_BYTES:
            break
    return tuple(pairs)


def random_inputs(
    inputs: Sequence[TensorSpec], number: int, size: int, bound: int
) -> dict[str, Array]:
    """One sample of plausible values, the same for the same arguments on every machine.

    Args:
        inputs: what the signature takes.
        number: which sample; the kinds of distribution take turns.
        size: for dynamic dimensions other than the first, which becomes 1.
        bound: integers lie in [0, bound).

    Raises:
        ConversionError: an input has a type that has no random values.
    """
    generator = np.random.default_rng((SEED, number))
    return {spec.name: _random_value(generator, spec, number, size, bound) for spec in inputs}


def _random_value(
    generator: np.random.Generator, spec: TensorSpec, number: int, size: int, bound: int
) -> Array:
    shape = tuple(
        (1 if axis == 0 else size) if length < 0 else length
        for axis, length in enumerate(spec.shape)
    )
    if spec.dtype.startswith(("int", "uint")):
        return np.asarray(generator.integers(0, bound, shape)).astype(spec.dtype)
    if spec.dtype == "bool":
        return np.asarray(generator.integers(0, 2, shape)).astype(bool)
    if not spec.dtype.startswith("float"):
        raise ConversionError(
            f"Input {spec.name!r} is {spec.dtype}, which has no random values.",
            hint="give evaluation data in the policy",
            code="data",
        )
    kinds: tuple[Callable[[], Array], ...] = (
        lambda: generator.standard_normal(shape),
        lambda: generator.random(shape),
        lambda: generator.uniform(-1.0, 1.0, shape),
        lambda: 0.1 * generator.standard_normal(shape),
    )
    return np.asarray(kinds[number % len(kinds)]()).astype(spec.dtype)
