"""The recipes that a policy becomes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ai_edge_quantizer import recipe_manager

from tflited.convert.lowering.lower import Lowered
from tflited.convert.opening.source import Source
from tflited.convert.quantising import litert_quantizer
from tflited.convert.quantising.calibrate import Statistics
from tflited.convert.quantising.order import Order
from tflited.domain.policy import NEEDS_CALIBRATION, MixedRule, Policy, Variant
from tflited.domain.report import Lowering

QUANTISED = [variant for variant in Variant if variant is not Variant.FLOAT32]


@pytest.fixture
def rules_of() -> Callable[..., list[dict[str, Any]]]:
    """The recipe of a variant under a policy."""

    def rules(variant: Variant, **policy: Any) -> list[dict[str, Any]]:
        source = Source(loader="t", directory=Path("none"), tags=(), signatures=(), owner=None)
        return litert_quantizer.recipe(
            Order(
                variant=variant,
                lowered=Lowered(source=source, content=b"", how=Lowering()),
                policy=Policy(**policy),
                statistics=Statistics(b"", lambda: pytest.fail("no data is asked for")),
            )
        )

    return rules


@pytest.mark.parametrize("variant", QUANTISED)
def test_the_quantiser_knows_every_recipe(
    rules_of: Callable[..., list[dict[str, Any]]], variant: Variant
) -> None:
    """A key that it does not read would be a wish that nobody hears."""
    recipe_manager.RecipeManager().load_quantization_recipe(rules_of(variant))


@pytest.mark.parametrize("variant", QUANTISED)
def test_integer_variants_have_float_edges_first(
    rules_of: Callable[..., list[dict[str, Any]]], variant: Variant
) -> None:
    """Their types are set afterwards, in the same way for both quantisers."""
    edges = [rule["operation"] for rule in rules_of(variant)[1:]]
    assert edges == (["INPUT", "OUTPUT"] if variant in NEEDS_CALIBRATION else [])


def test_mixed_rules_come_after_the_variants_own(
    rules_of: Callable[..., list[dict[str, Any]]],
) -> None:
    """Later rules win."""
    mixed = (
        MixedRule(form=Variant.FLOAT32, operator="SOFTMAX"),
        MixedRule(form=Variant.WEIGHT_ONLY_INT4, scope="head/.*"),
    )
    first, second, third = rules_of(Variant.WEIGHT_ONLY_INT8, mixed=mixed)
    assert (first["regex"], first["operation"]) == (".*", "*")
    assert (second["operation"], second["algorithm_key"]) == ("SOFTMAX", "no_quantize")
    assert third["regex"] == "head/.*"
    assert third["op_config"]["weight_tensor_config"]["num_bits"] == 4


@pytest.mark.parametrize(
    ("is_per_channel", "granularity"), [(True, "CHANNELWISE"), (False, "TENSORWISE")]
)
def test_scales_are_by_channel_or_by_tensor(
    rules_of: Callable[..., list[dict[str, Any]]], is_per_channel: bool, granularity: str
) -> None:
    """As the policy says."""
    (rule,) = rules_of(Variant.WEIGHT_ONLY_INT8, per_channel=is_per_channel)
    assert rule["op_config"]["weight_tensor_config"]["granularity"] == granularity


def test_small_layers_stay_in_float_in_dynamic_range(
    rules_of: Callable[..., list[dict[str, Any]]],
) -> None:
    """As with TensorFlow's own; weight-only variants take every layer."""
    sizes = [
        rules_of(variant)[0]["op_config"]["min_weight_elements"]
        for variant in (Variant.DYNAMIC_RANGE, Variant.WEIGHT_ONLY_INT8)
    ]
    assert sizes == [litert_quantizer.SMALL_LAYER, 0]
