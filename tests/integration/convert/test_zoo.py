"""Models of every kind that arrives: each publishes a proven float32, or says what it needs."""

from collections.abc import Callable
from pathlib import Path

import pytest

import zoo
from tflited.domain.attempt import AttemptRequest
from tflited.domain.model import ModelKind, kind_of_file
from tflited.domain.policy import OperatorSet, Policy, Variant
from tflited.domain.report import BuildReport, VariantReport, VariantState
from tflited.errors import ConversionError

BuildAny = Callable[..., BuildReport]

SMALL = {
    "lstm.keras": "batch size 1",
    "bidirectional_gru.keras": "batch size 1",
    "several_inputs_and_outputs.keras": "",
    "structured.keras": "",
    "dynamic_size.keras": "",
    "keras_3.h5": "",
    "keras_2.h5": "batch size 1",
    "keras_2.keras": "",
    "several_signatures": "'decode', 'encode', are used",
    "tf1": "",
    "tf1_loop": "",
    "tf1_table": "['serve', 'cpu'], is used",
    "fake_quant": "trained for 8 bits",
}
"""Model to a part of the note that tells what was chosen for it."""


@pytest.fixture
def build_any(scratch: Path) -> BuildAny:
    """Builds float32 of a model, of whatever kind it is."""
    from tflited.convert.entry import run

    def built(model: Path, *, module: Path | None = None, **policy: object) -> BuildReport:
        request = AttemptRequest(
            attempt="1.1",
            kind=kind_of_file(model.name) or ModelKind.SAVED_MODEL,
            model=str(model),
            stem="model",
            scratch=str(scratch),
            policy=Policy(variants=(Variant.FLOAT32,), **policy),  # type: ignore[arg-type]  # any
            custom_objects=(str(module),) if module else (),
            threads=2,
        )
        return run(request, lambda _stage, _detail: None)

    return built


def float32(report: BuildReport) -> VariantReport:
    """The only variant, which must be proven."""
    (entry,) = report.variants
    assert entry.state is VariantState.PROVEN, entry.reason
    assert entry.fidelity
    return entry


@pytest.mark.parametrize("name", SMALL)
def test_it_publishes_without_a_policy(build_any: BuildAny, name: str) -> None:
    """A proven float32, and a note where something was chosen in the policy's place."""
    report = build_any(zoo.small(name))
    float32(report)
    assert SMALL[name] in " ".join(report.source.notes)


@pytest.mark.parametrize("name", ["mobilenet_v2.keras", "efficientnet_b0.keras"])
def test_an_application_of_keras_publishes(build_any: BuildAny, name: str) -> None:
    """Real architectures with outputs that depend on their inputs."""
    (output,) = float32(build_any(zoo.application(name))).fidelity
    assert output.relative_error < 1e-4
    assert output.output == "predictions"


def test_a_model_of_its_own_classes_publishes_with_its_hint(build_any: BuildAny) -> None:
    """The refusal names the key; with it the model is proven."""
    model = zoo.small("custom_layers.keras")
    with pytest.raises(ConversionError) as refused:
        build_any(model)
    assert refused.value.code == "custom_objects"
    assert 'custom_objects = "layers.py"' in refused.value.hint


def test_a_module_gives_the_classes(build_any: BuildAny) -> None:
    """Registered and unregistered layers, and a function, from one file."""
    module = zoo.small("layers.py")
    report = build_any(zoo.small("custom_layers.keras"), module=module, custom_objects=str(module))
    float32(report)


def test_a_lambda_is_refused_and_published_with_its_hint(build_any: BuildAny) -> None:
    """Its code would run here: the hint names the key and what it means."""
    model = zoo.small("lambda.keras")
    with pytest.raises(ConversionError) as refused:
        build_any(model)
    assert refused.value.code == "lambda_layer"
    assert "allow_lambda = true" in refused.value.hint
    assert "trusted = true" in refused.value.hint


def test_an_allowed_lambda_is_proven(build_any: BuildAny) -> None:
    """What stands by itself is restored and traced."""
    float32(build_any(zoo.small("lambda.keras"), allow_lambda=True))


def test_a_lambda_without_its_names_is_refused_with_the_name(build_any: BuildAny) -> None:
    """Keras would end in a NameError of its own deep inside."""
    with pytest.raises(ConversionError, match="_only_here") as refused:
        build_any(zoo.small("unrestorable_lambda.keras"), allow_lambda=True)
    assert refused.value.code == "lambda_code"
    assert "custom_objects" in refused.value.hint


def test_a_model_beyond_the_builtins_names_its_operator(build_any: BuildAny) -> None:
    """And the one line that lets it through."""
    with pytest.raises(ConversionError) as refused:
        build_any(zoo.small("select_operators"))
    assert refused.value.code == "needs_select_ops"
    assert "Cholesky" in refused.value.hint
    assert "SELECT_TF_OPS" in refused.value.hint


def test_with_select_operators_it_is_published_unverified(build_any: BuildAny) -> None:
    """No interpreter here runs them, which the label says."""
    ops = (OperatorSet.TFLITE_BUILTINS, OperatorSet.SELECT_TF_OPS)
    (entry,) = build_any(zoo.small("select_operators"), ops=ops).variants
    assert entry.state is VariantState.UNVERIFIED
    assert "Cholesky" in entry.reason
