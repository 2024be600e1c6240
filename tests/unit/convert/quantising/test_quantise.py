"""Who makes a variant, and what the other one is good for."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tflited.convert.lowering.lower import Lowered
from tflited.convert.opening.source import Source
from tflited.convert.quantising import quantise as makers
from tflited.convert.quantising.calibrate import Statistics
from tflited.convert.quantising.order import Order
from tflited.domain.policy import MixedRule, Policy, Quantiser, Variant
from tflited.domain.report import Lowering
from tflited.errors import ConversionError

Dense = Callable[..., bytes]
TF, LITERT = Quantiser.TF_CONVERTER, Quantiser.LITERT_QUANTIZER


@pytest.fixture
def order(dense: Dense) -> Callable[..., Order]:
    """An order for a variant under a policy."""

    def made(variant: Variant, **policy: Any) -> Order:
        source = Source(loader="test", directory=Path("none"), tags=(), signatures=(), owner=None)
        return Order(
            variant=variant,
            lowered=Lowered(source=source, content=dense(), how=Lowering()),
            policy=Policy(**policy),
            statistics=Statistics(b"", lambda: pytest.fail("no data is asked for")),
        )

    return made


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch, dense: Dense) -> Callable[..., list[Quantiser]]:
    """Makes each quantiser answer with a file, or fail with the given code; notes who was asked."""

    def set_answers(**failing: str) -> list[Quantiser]:
        asked: list[Quantiser] = []

        def maker(who: Quantiser) -> Callable[[Order], bytes]:
            def make(_: Order) -> bytes:
                asked.append(who)
                if who.value in failing:
                    raise ConversionError(f"{who} cannot.", code=failing[who.value])
                return dense()

            return make

        monkeypatch.setattr(makers, "_MAKERS", {who: maker(who) for who in (TF, LITERT)})
        return asked

    return set_answers


def test_every_quantised_variant_has_a_default() -> None:
    """A new variant is given to one of the two on purpose."""
    assert set(makers.DEFAULTS) == set(Variant) - {Variant.FLOAT32}


@pytest.mark.parametrize("variant", makers.DEFAULTS)
def test_the_default_is_asked_first_and_alone(
    order: Callable[..., Order], answers: Callable[..., list[Quantiser]], variant: Variant
) -> None:
    """The other one costs time and is asked only when the first file is not wanted."""
    asked = answers()
    first = next(makers.candidates(order(variant)))
    assert asked == [makers.DEFAULTS[variant]]
    assert first.path == asked[0].value


def test_the_other_one_is_asked_for_more(
    order: Callable[..., Order], answers: Callable[..., list[Quantiser]]
) -> None:
    """A file that fails its proof has a second candidate."""
    answers()
    made = [entry.path for entry in makers.candidates(order(Variant.DYNAMIC_RANGE))]
    assert made == [LITERT.value, TF.value]


def test_where_the_first_one_fails_the_other_takes_over(
    order: Callable[..., Order], answers: Callable[..., list[Quantiser]]
) -> None:
    """Neither covers every operator."""
    answers(litert_quantizer="conversion")
    (made,) = makers.candidates(order(Variant.FLOAT16))
    assert made.path == TF.value


def test_where_both_fail_the_first_one_is_quoted(
    order: Callable[..., Order], answers: Callable[..., list[Quantiser]]
) -> None:
    """It is the one that a reader expects."""
    answers(litert_quantizer="conversion", tf_converter="other")
    with pytest.raises(ConversionError, match="litert_quantizer cannot"):
        list(makers.candidates(order(Variant.FLOAT16)))


@pytest.mark.parametrize("code", ["needs_calibration", "data"])
def test_missing_data_is_told_at_once(
    order: Callable[..., Order], answers: Callable[..., list[Quantiser]], code: str
) -> None:
    """The other one would need the same data."""
    asked = answers(tf_converter=code)
    with pytest.raises(ConversionError):
        list(makers.candidates(order(Variant.INT8)))
    assert asked == [TF]


@pytest.mark.parametrize("quantiser", [TF, LITERT])
def test_a_named_quantiser_is_the_only_one(
    order: Callable[..., Order], answers: Callable[..., list[Quantiser]], quantiser: Quantiser
) -> None:
    """Whoever names one wants to see its result, also where it is a failure."""
    asked = answers()
    list(makers.candidates(order(Variant.INT8, quantiser=quantiser)))
    assert asked == [quantiser]


def test_mixed_rules_are_the_litert_quantisers(
    order: Callable[..., Order], answers: Callable[..., list[Quantiser]]
) -> None:
    """TensorFlow's converter has no rules by operator."""
    asked = answers()
    rule = MixedRule(form=Variant.FLOAT32)
    list(makers.candidates(order(Variant.INT8, mixed=(rule,))))
    assert asked == [LITERT]


@pytest.mark.parametrize("variant", [Variant.WEIGHT_ONLY_INT8, Variant.WEIGHT_ONLY_INT4])
def test_tensorflow_refuses_what_it_does_not_make(
    order: Callable[..., Order], variant: Variant
) -> None:
    """With the key that helps."""
    with pytest.raises(ConversionError) as refused:
        list(makers.candidates(order(variant, quantiser=TF)))
    assert refused.value.code == "quantiser"
    assert "litert_quantizer" in refused.value.hint
