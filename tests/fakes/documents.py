"""Report documents to make pages of."""

from dataclasses import replace
from typing import Any, Final

from fakes.samples import MODEL, a_file, a_publish_key, a_report, a_variant
from tflited.domain.figures import Check, CheckResult, LayerError
from tflited.domain.model import ModelKind
from tflited.domain.policy import Evaluation, Policy, Variant
from tflited.domain.report import REPORT_VERSION, ReportDocument, VariantReport, VariantState

BASELINE_BYTES: Final = 1000


def a_layer(index: int = 0, steps: float | None = 0.3, **changes: Any) -> LayerError:
    """The error of one int8 operator, or of one that stayed in float."""
    is_float = steps is None
    layer = LayerError(
        index=index,
        operator="CONV_2D",
        output=f"block/conv_{index}/Relu;block/conv_{index}/BiasAdd",
        dtype="float32" if is_float else "int8",
        scale=0.0 if is_float else 0.01,
        rmse=(steps or 0.0) * 0.01,
        max_abs_error=0.02,
        rmse_over_scale=steps,
        accumulated_rmse=0.005,
    )
    return replace(layer, **changes)


def published(
    variant: Variant, ratio: float, snr_db: float | None, **changes: Any
) -> VariantReport:
    """A variant with a file of so much of the baseline's size, and one output of that ratio."""
    content = b"x" * round(BASELINE_BYTES * ratio)
    made = a_variant(variant, files=(a_file(f"{variant}/m.tflite", content),), size_ratio=ratio)
    (fidelity,) = made.fidelity
    return replace(made, fidelity=(replace(fidelity, snr_db=snr_db),), **changes)


def a_document(*variants: VariantReport, **changes: Any) -> ReportDocument:
    """What ``report.json`` holds: a set with every state, or the given variants."""
    document = ReportDocument(
        version=REPORT_VERSION,
        root=MODEL.root,
        path=MODEL.path,
        kind=ModelKind.SAVED_MODEL,
        build_key=a_publish_key().build_key,
        policy=Policy(evaluation=Evaluation(max_drop=0.01)).conversion_keys(),
        toolchain={"tensorflow": "2.21.0"},
        source=a_report().source,
        variants=variants or _every_state(),
    )
    return replace(document, **changes)


def _every_state() -> tuple[VariantReport, ...]:
    check = Check(name="runs", result=CheckResult.PASSED, observed="8", allowed="every sample")
    return (
        published(Variant.FLOAT32, 1.0, None, checks=(check,)),
        published(Variant.FLOAT16, 0.5, 70.0, state=VariantState.UNVERIFIED, reason="no data"),
        published(Variant.INT8, 0.3, 40.0, layers=(a_layer(0), a_layer(1, 2.5), a_layer(2, None))),
        a_variant(
            Variant.WEIGHT_ONLY_INT4,
            VariantState.REJECTED,
            size_ratio=0.2,
            reason="too far",
            hint="choose a milder one",
        ),
    )
