"""Pictures of where numbers move: the error of every output, and of every operator."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Final

from tflited.domain.figures import (
    IDEAL_RMSE_OVER_SCALE,
    SUSPICIOUS_RMSE_OVER_SCALE,
    LayerError,
    OutputFidelity,
)
from tflited.domain.policy import Variant
from tflited.domain.report import ReportDocument, VariantReport
from tflited.pages import wording
from tflited.pages.chart import Bar, Caption, Guide, bars
from tflited.pages.elements import table
from tflited.pages.figure import FILLINGS, figure, left_out, listed
from tflited.pages.summary import min_snr_db

MOST_OUTPUTS: Final = 12
"""Outputs that are drawn; the table has them all."""
MOST_OPERATORS: Final = 40
"""Operators that are drawn; the table has them all."""
_GUIDES: Final = (
    Guide(value=IDEAL_RMSE_OVER_SCALE, name="rounding 0.289"),
    Guide(value=SUSPICIOUS_RMSE_OVER_SCALE, name="suspicious 0.7"),
)
_LAYERS_NOTE: Final = (
    "Root mean square of what each operator adds itself, over its output's step, in the file's "
    "order. Rounding alone costs 0.289."
)
_8_BIT_NOTE: Final = "Above 0.7 an operator loses more than rounding explains."
_16_BIT_NOTE: Final = (
    "Steps of 16 bits are far finer than what weights of 8 bits cost: no operator is called "
    "suspicious."
)
_LAYER_COLUMNS: Final = (
    "number",
    "operator",
    "type",
    "step",
    "own RMSE",
    "in steps",
    "verdict",
    "greatest own error",
    "piled up RMSE",
    "output",
)


def outputs(document: ReportDocument) -> ET.Element | None:
    """Error of every output of every variant; None where nothing was compared."""
    found = [(entry, output) for entry in document.variants for output in entry.fidelity]
    if not found:
        return None
    names = list(dict.fromkeys(output.output for _, output in found))
    drawn = sorted(names, key=lambda name: _worst_snr(found, name))[:MOST_OUTPUTS]
    groups = [
        (name, [_output_bar(entry, output) for entry, output in found if output.output == name])
        for name in names
        if name in drawn
    ]
    caption = Caption(
        id="outputs",
        title="Signal-to-noise ratio of every output",
        description=listed(
            f"{name}, {bar.label}: {bar.words}" for name, entries in groups for bar in entries
        ),
    )
    budget = min_snr_db(document)
    guides = () if budget is None else (Guide(value=budget, name=f"budget {budget:g} dB"),)
    remark = left_out(len(drawn), len(names))
    note = (
        "Longer is better; 20 dB is an error of a tenth of the output's size, every 20 dB more a "
        f"tenth of that. Exact outputs and those below 0 dB have no bar. {FILLINGS}{remark}"
    )
    columns = ("output", "variant", "samples", "SNR", "relative error", "greatest error", "RMSE")
    rows = [_output_row(entry, output) for entry, output in found]
    numbers = table("Error of every output", (*columns, "cosine", "same top 1"), rows)
    return figure(bars(caption, groups, guides), note, numbers)


def layers(entry: VariantReport, number: int) -> ET.Element:
    """Error of every operator of one integer variant.

    Args:
        entry: a variant with ``layers``.
        number: tells its picture from that of another variant.
    """
    judged = [layer for layer in entry.layers if layer.rmse_over_scale is not None]
    worst = sorted(judged, key=lambda layer: (-(layer.rmse_over_scale or 0.0), layer.index))
    kept = {id(layer) for layer in worst[:MOST_OPERATORS]}
    drawn = [_layer_bar(entry, layer) for layer in judged if id(layer) in kept]
    suspicious = [layer for layer in judged if layer.is_suspicious]
    caption = Caption(
        id=f"layers-{number}",
        title=f"Own error of every operator of {entry.variant}, in quantisation steps",
        description=f"{len(judged)} operators, {len(suspicious)} of them suspicious. Worst: "
        + listed(f"{layer.index} {layer.operator} {_steps(layer)}" for layer in worst[:3]),
    )
    has_16_bits = any(layer.dtype == "int16" for layer in judged)
    note = f"{_LAYERS_NOTE} {_16_BIT_NOTE if has_16_bits else _8_BIT_NOTE}"
    note += f"{left_out(len(drawn), len(judged))} {entry.layers_note}"
    guides = _GUIDES[:1] if has_16_bits else _GUIDES
    numbers = table(caption.title, _LAYER_COLUMNS, map(_layer_row, entry.layers))
    return figure(bars(caption, (("", drawn),), guides), note.strip(), numbers)


def has_layers(entry: VariantReport) -> bool:
    """Whether there is something to draw of its operators."""
    return any(layer.rmse_over_scale is not None for layer in entry.layers)


def _worst_snr(found: Sequence[tuple[VariantReport, OutputFidelity]], name: str) -> float:
    """The worst ratio of an output over the variants other than float32."""
    ratios = [
        output.snr_db
        for entry, output in found
        if output.output == name and output.snr_db is not None
        if entry.variant is not Variant.FLOAT32
    ]
    return min(ratios, default=float("inf"))


def _output_bar(entry: VariantReport, output: OutputFidelity) -> Bar:
    return Bar(
        label=f"{entry.variant} ({entry.state})",
        length=output.snr_db,
        words=wording.decibels(output.snr_db),
        state=entry.state,
    )


def _output_row(entry: VariantReport, output: OutputFidelity) -> tuple[str, ...]:
    return (
        output.output,
        f"{entry.variant} ({entry.state})",
        str(output.samples),
        wording.decibels(output.snr_db),
        wording.number(output.relative_error),
        wording.number(output.max_abs_error),
        wording.number(output.rmse),
        wording.number(output.cosine, 6),
        wording.percent(output.top1_agreement),
    )


def _layer_bar(entry: VariantReport, layer: LayerError) -> Bar:
    return Bar(
        label=f"{layer.index} {layer.operator} {_short(layer.output)}",
        length=layer.rmse_over_scale,
        words=_steps(layer) + (", suspicious" if layer.is_suspicious else ""),
        state=entry.state,
    )


def _layer_row(layer: LayerError) -> tuple[str, ...]:
    return (
        str(layer.index),
        layer.operator,
        layer.dtype,
        wording.number(layer.scale) if layer.scale else wording.NOTHING,
        wording.number(layer.rmse),
        _steps(layer),
        "suspicious" if layer.is_suspicious else wording.NOTHING,
        wording.number(layer.max_abs_error),
        wording.number(layer.accumulated_rmse),
        layer.output,
    )


def _steps(layer: LayerError) -> str:
    return wording.number(layer.rmse_over_scale)


def _short(name: str) -> str:
    """The part of a fused operator's name that tells most: the first one's last two folders."""
    return "/".join(name.partition(";")[0].split("/")[-2:])
