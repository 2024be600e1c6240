"""What an edited policy changes, key by key."""

import json

from fakes.engine import World
from tflited.domain.policy import CArray, LayerKind, Policy, Prune, Variant
from tflited.engine.changes import differences


def test_each_key_that_differs_is_named(world: World) -> None:
    """In the plan, with what it was and what it is."""
    world.build()
    world.executor.is_ready = False
    world.resolver.policy = Policy(
        variants=(Variant.FLOAT32,), c_array=CArray(symbol="g_net"), require_proof=True
    )
    world.scan()
    (entry,) = world.explainer().plan()
    assert entry.changes == (
        'c_array.symbol: "g_{model}_{variant}", now "g_net"',
        "require_proof: false, now true",
        'variants: ["float32", "dynamic_range", "float16"], now ["float32"]',
    )


def test_another_content_changes_no_key(world: World) -> None:
    """The reason says that the model changed."""
    world.build()
    world.executor.is_ready = False
    world.see("2")
    (entry,) = world.explainer().plan()
    assert entry.changes == ()


def test_equal_policies_differ_in_nothing() -> None:
    """Whatever their way through JSON, as the report of a set has it."""
    policy = Policy(input_shape={"x": (1, 2)}, prune=Prune(by_kind={LayerKind.CONV: 0.5}))
    assert list(differences(json.loads(json.dumps(policy.conversion_keys())), policy)) == []


def test_tables_differ_key_by_key() -> None:
    """A key of a table that one of the two does not have is nothing there."""
    before = json.loads(json.dumps(Policy(input_shape={"x": (1, 2)}).conversion_keys()))
    after = Policy(prune=Prune(by_kind={LayerKind.CONV: 0.5}))
    assert list(differences(before, after)) == [
        "input_shape.x: [1, 2], now nothing",
        "prune.by_kind.conv: nothing, now 0.5",
    ]
