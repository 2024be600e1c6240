"""The resolved policy: its defaults and its digest."""

import json
from dataclasses import fields, replace
from enum import StrEnum
from typing import Any

import pytest

from tflited.domain.limits import Limits
from tflited.domain.policy import (
    AutoRules,
    Calibration,
    CArray,
    Evaluation,
    Hooks,
    LayerKind,
    MixedRule,
    ModelType,
    OnReject,
    OnSourceRemoved,
    OperatorSet,
    OutputRules,
    Policy,
    ProfileRules,
    Prune,
    Quantiser,
    Target,
    TensorType,
    Variant,
    Versions,
)
from tflited.domain.preprocess import Preprocess

CHANGES: dict[str, Any] = {
    "variants": (Variant.INT8,),
    "model_type": ModelType.KERAS,
    "ops": (OperatorSet.SELECT_TF_OPS,),
    "concrete_function": True,
    "signatures": ("other",),
    "tags": ("train",),
    "input_shape": {"x": (1, 8)},
    "input_type": TensorType.INT8,
    "output_type": TensorType.INT8,
    "per_channel": False,
    "quantiser": Quantiser.TF_CONVERTER,
    "mixed": (MixedRule(form=Variant.FLOAT32, operator="SOFTMAX"),),
    "target": Target.MICRO,
    "on_reject": OnReject.HOLD,
    "require_proof": True,
    "custom_objects": "/models/layers.py",
    "allow_lambda": True,
    "check_fingerprint": False,
    "calibration": Calibration(data="/data/*.npz"),
    "preprocess": Preprocess(scale=0.5),
    "evaluation": Evaluation(min_snr_db=30),
    "auto": AutoRules(max_trials=3),
    "prune": Prune(by_kind={LayerKind.DENSE: 0.5}),
    "c_array": CArray(enabled=False),
}
NO_REBUILD: dict[str, Any] = {
    "output": OutputRules(keep_builds=9, on_source_removed=OnSourceRemoved.REMOVE),
    "hooks": Hooks(published=("true",), timeout_seconds=1.0),
    "versions": Versions.NEWEST,
    "profile": ProfileRules(enabled=False, threads=1, runs=1),
    "limits": Limits(wall_seconds=1.0, memory_bytes=2**30),
}


def test_without_a_policy_three_variants_and_c_arrays() -> None:
    """What the design page promises to a folder without any file."""
    policy = Policy()
    assert policy.variants == (Variant.FLOAT32, Variant.DYNAMIC_RANGE, Variant.FLOAT16)
    assert policy.c_array.enabled
    assert policy.on_reject is OnReject.OMIT
    assert not policy.require_proof
    assert policy.output.keep_builds == 3


def test_the_cases_below_are_all_keys() -> None:
    """A new key is put on one of the two lists on purpose."""
    assert {field.name for field in fields(Policy)} == {*CHANGES, *NO_REBUILD}


@pytest.mark.parametrize("key", CHANGES)
def test_a_key_that_decides_bytes_changes_the_digest(key: str) -> None:
    """And with it the build key: the model is built again."""
    assert replace(Policy(), **{key: CHANGES[key]}).digest != Policy().digest


@pytest.mark.parametrize("key", NO_REBUILD)
def test_what_is_not_about_bytes_rebuilds_nothing(key: str) -> None:
    """Retention, versions and hooks are about sets, the profile about the time of a host."""
    assert replace(Policy(), **{key: NO_REBUILD[key]}).digest == Policy().digest


def test_sparsity_holds_for_dense_and_conv() -> None:
    """The other kinds are small or sensitive; a share by kind is asked for by name and wins."""
    prune = Prune(sparsity=0.5, by_kind={LayerKind.CONV: 0.0, LayerKind.RECURRENT: 0.25})
    shares = {kind: prune.share(kind) for kind in LayerKind}
    assert shares == {
        LayerKind.DENSE: 0.5,
        LayerKind.CONV: 0.0,
        LayerKind.DEPTHWISE: 0.0,
        LayerKind.RECURRENT: 0.25,
        LayerKind.EMBEDDING: 0.0,
    }
    assert prune.is_on
    assert not Prune(by_kind={LayerKind.DENSE: 0.0}).is_on


@pytest.mark.parametrize("key", [field.name for field in fields(Preprocess)])
def test_each_way_of_preparing_data_changes_the_digest(key: str) -> None:
    """Other inputs give other ranges, so other bytes."""
    value = getattr(Preprocess(), key)
    match value:
        case bool():
            other: Any = not value
        case StrEnum():
            other = next(entry for entry in type(value) if entry is not value)
        case str():
            other = "class"
        case int() | float():
            other = 16_000
        case tuple():
            other = (*value, "a")
        case _:
            other = {"image": "pixels"}
    changed = Policy(preprocess=Preprocess(**{key: other}))
    assert changed.digest != Policy().digest


def test_the_order_of_names_is_no_change() -> None:
    """Two files that say the same in another order mean the same."""
    shapes = {"a": (1,), "b": (2,)}
    mirrored = dict(reversed(shapes.items()))
    assert Policy(input_shape=shapes).digest == Policy(input_shape=mirrored).digest


def test_conversion_keys_are_plain_json() -> None:
    """They go into the report and into the digest as they are."""
    keys = replace(Policy(), **CHANGES).conversion_keys()
    assert json.loads(json.dumps(keys))["calibration"] == {
        "data": "/data/*.npz",
        "samples": 200,
        "synthetic": False,
    }
    assert json.loads(json.dumps(keys))["variants"] == ["int8"]
