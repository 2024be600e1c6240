"""Searches the smallest set of layers that must stay in float for 8 bits to keep the budget.

Every trial starts from the ranges that were gathered once and costs the compiler some milliseconds.
Layers are ranked by measurement: how much noise the outputs have when a layer alone computes in
8 bits. Taking 8 bits away from one layer at a time would not do: a tensor with a wide range stays
coarse as long as one of the layers that write or read it is quantised.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from tflited.convert.data.reference import Pair
from tflited.convert.internals import UnfitError
from tflited.convert.proof.conformance import Measured
from tflited.convert.proof.fidelity import Sums, figures
from tflited.convert.proof.ground import Ground
from tflited.convert.proof.prove import Proof
from tflited.convert.proof.run import compare_all
from tflited.convert.quantising import quantise
from tflited.convert.quantising.order import Order
from tflited.convert.quantising.quantise import Made
from tflited.convert.tflite import flatbuffer
from tflited.domain.choice import AutoLayer
from tflited.domain.figures import Check
from tflited.domain.policy import MixedRule, Policy, Variant
from tflited.domain.report import VariantState
from tflited.errors import ConversionError

Judge = Callable[[Variant, Made, Ground], tuple[Made, Measured, Proof]]
"""Proves a file that claims to be a variant; gives the file that was proven."""

RANK_SAMPLES: Final = 8
"""Samples that layers are ranked on; the budget itself is judged on all."""
_EDGES: Final = frozenset({"QUANTIZE", "DEQUANTIZE"})
_NAME_CHARACTERS: Final = 200
"""A layer's name in the report is cut after this many."""
MOST_LISTED: Final = 200
"""Layers in a report; a child's reply has a limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """An operator that can be left in float, by the name of its first output in the file."""

    name: str
    operator: str

    @property
    def title(self) -> str:
        """What a person calls it: fused operators list every part in their name."""
        return self.name.partition(";")[0][:_NAME_CHARACTERS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a search came to.

    Attributes:
        made: the file inside the budget; None where there is none.
        file: what was read from it.
        proof: its proof.
        kept: the layers that stay in float, in the model's order.
        layers: what was found out of each layer.
        trials: files that were made and judged.
        reason: why there is no file; empty where there is one.
    """

    made: Made | None
    file: Measured | None
    proof: Proof | None
    kept: tuple[Layer, ...]
    layers: tuple[AutoLayer, ...]
    trials: int
    reason: str = ""


@dataclass(slots=True, kw_only=True)
class _Search:
    """One search: what it stands on, and what it has tried."""

    order: Order
    ground: Ground
    judge: Judge
    layers: tuple[Layer, ...]
    most: int
    trials: int = 0
    best: tuple[frozenset[str], Made, Measured, Proof] | None = None
    known: dict[frozenset[str], bool] = field(default_factory=dict)

    @property
    def is_spent(self) -> bool:
        return self.trials >= self.most

    def holds(self, names: frozenset[str]) -> bool:
        """Whether the file with these layers in float keeps the budget."""
        if names not in self.known:
            self.known[names] = self._judged(names)
        return self.known[names]

    def _judged(self, names: frozenset[str]) -> bool:
        self.trials += 1
        try:
            made = quantise.with_float_layers(self.order, sorted(names))
        except ConversionError:
            return False
        ground = replace(self.ground, policy=_keeping(self.ground, self.layers, names))
        made, file, proof = _proof(self.judge, made, ground)
        if proof.state is not VariantState.PROVEN:
            return False
        if self.best is None or _cost(names, file) < _cost(self.best[0], self.best[2]):
            self.best = (names, made, file, replace(proof, checks=_without_rules(proof)))
        return True


def _cost(names: frozenset[str], file: Measured) -> tuple[int, int]:
    """Fewer layers in float first: what lies at an edge may save a few bytes by being in float."""
    return len(names), file.size_bytes


def search(order: Order, ground: Ground, judge: Judge, *, most: int) -> Found:
    """Finds which layers must stay in float.

    Half of the trials rank the layers, in groups of neighbours where there are more; the smallest
    beginning of the ranking that keeps the budget is found by bisection, and what trials are left
    give its layers back to 8 bits one by one, the least harmful first.

    Args:
        order: for ``int8_float_fallback``, with the shared ranges.
        ground: what trials are proven on.
        judge: proves a trial.
        most: trials at most.
    """
    try:
        layers = _layers(order.statistics.with_ranges)
    except (ConversionError, UnfitError) as error:
        # The other quantiser may have made the file that missed the budget.
        return _not_possible(str(error.args[0]).rstrip("."))
    hunt = _Search(order=order, ground=ground, judge=judge, layers=layers, most=most)
    if len(layers) < 2 or most < 2:  # noqa: PLR2004 - nothing to choose from, nothing to try
        return _ended(hunt, {}, "there are no layers to choose among")
    groups = _grouped(layers, max(most // 2, 1))
    noise = {name: value for group in groups for name, value in _noise(hunt, group).items()}
    ranked = sorted(groups, key=lambda group: -noise[group[0].name])
    kept = _smallest_beginning(hunt, ranked)
    if kept is not None:
        _give_back(hunt, ranked, kept)
    reason = "no beginning of the ranked layers keeps the budget unless all stay in float"
    return _ended(hunt, noise, reason)


def _layers(content: bytes) -> tuple[Layer, ...]:
    found = {
        graph.tensors[entry.outputs[0]].name: entry.name
        for graph in flatbuffer.read(content).subgraphs
        for entry in graph.operators
        if entry.outputs
        and entry.name not in _EDGES
        and graph.tensors[entry.outputs[0]].dtype == "float32"
    }
    return tuple(Layer(name=name, operator=operator) for name, operator in found.items())


def _grouped(layers: Sequence[Layer], count: int) -> list[tuple[Layer, ...]]:
    size = math.ceil(len(layers) / count)
    return [tuple(layers[start : start + size]) for start in range(0, len(layers), size)]


def _noise(hunt: _Search, group: tuple[Layer, ...]) -> dict[str, float]:
    """Noise power over signal power of the worst output, when the group alone has 8 bits."""
    names = {layer.name for layer in group}
    hunt.trials += 1
    try:
        others = sorted(layer.name for layer in hunt.layers if layer.name not in names)
        made = quantise.with_float_layers(hunt.order, others)
        worst = _worst(made.content, hunt.ground)
    except ConversionError:
        worst = math.inf
    return dict.fromkeys(names, worst)


def _proof(judge: Judge, made: Made, ground: Ground) -> tuple[Made, Measured, Proof]:
    """The proof of a trial; what fails without its labels does not run on all of them."""
    found = judge(Variant.INT8_FLOAT_FALLBACK, made, replace(ground, task=None))
    if ground.task is None or found[-1].state is not VariantState.PROVEN:
        return found
    return judge(Variant.INT8_FLOAT_FALLBACK, made, ground)


def _without_rules(proof: Proof) -> tuple[Check, ...]:
    """The checks but for those of rules that nobody wrote: one for each layer in float."""
    return tuple(check for check in proof.checks if check.name != "mixed_rule")


def _worst(content: bytes, ground: Ground) -> float:
    pairs: Mapping[str, Sequence[Pair]] = {
        name: entries[:RANK_SAMPLES] for name, entries in ground.reference.pairs.items()
    }
    sums = compare_all(content, pairs, threads=ground.threads)
    return max(
        (_ratio(parts) for outputs in sums.values() for parts in outputs.values()), default=0.0
    )


def _ratio(parts: Sequence[Sums]) -> float:
    if any(part.non_finite_mismatches for part in parts):
        return math.inf
    decibels = figures("", parts).snr_db
    return 0.0 if decibels is None else 10.0 ** (-decibels / 10.0)


def _smallest_beginning(
    hunt: _Search, ranked: Sequence[tuple[Layer, ...]]
) -> frozenset[str] | None:
    """The shortest beginning of the ranking that keeps the budget, by bisection."""
    low, high = 0, len(ranked)
    while high - low > 1 and not hunt.is_spent:
        middle = (low + high) // 2
        if hunt.holds(_names(ranked[:middle])):
            high = middle
        else:
            low = middle
    return _names(ranked[:high]) if high < len(ranked) else None


def _names(groups: Sequence[tuple[Layer, ...]]) -> frozenset[str]:
    return frozenset(layer.name for group in groups for layer in group)


def _give_back(hunt: _Search, ranked: Sequence[tuple[Layer, ...]], kept: frozenset[str]) -> None:
    """Takes layers out of the set again, the least harmful first, as NNCF does."""
    for group in reversed(ranked):
        for layer in group:
            if layer.name not in kept or len(kept) == 1:
                continue
            if hunt.is_spent:
                return
            if hunt.holds(kept - {layer.name}):
                kept -= {layer.name}


def _keeping(ground: Ground, layers: Sequence[Layer], names: frozenset[str]) -> Policy:
    """The policy that says which layers are left in float, so that conformance expects them."""
    rules = tuple(
        MixedRule(form=Variant.FLOAT32, scope=f"{re.escape(layer.name)}$", operator=layer.operator)
        for layer in layers
        if layer.name in names
    )
    return replace(ground.policy, mixed=rules)


def _not_possible(why: str) -> Found:
    reason = f"layers cannot be searched: {why}"
    return Found(made=None, file=None, proof=None, kept=(), layers=(), trials=0, reason=reason)


def _ended(hunt: _Search, noise: Mapping[str, float], reason: str) -> Found:
    names = hunt.best[0] if hunt.best else frozenset()
    kept = tuple(layer for layer in hunt.layers if layer.name in names)
    told = tuple(
        AutoLayer(
            name=layer.title,
            operator=layer.operator,
            snr_db=_decibels(noise[layer.name]),
            is_float=layer.name in names,
        )
        for layer in hunt.layers[:MOST_LISTED]
        if layer.name in noise
    )
    if hunt.best is None:
        return Found(
            made=None, file=None, proof=None, kept=(), layers=told, trials=hunt.trials,
            reason=reason,
        )  # fmt: skip
    _, made, file, proof = hunt.best
    return Found(made=made, file=file, proof=proof, kept=kept, layers=told, trials=hunt.trials)


def _decibels(noise: float) -> float | None:
    if noise == 0.0:
        return None
    return -300.0 if math.isinf(noise) else -10.0 * math.log10(noise)
