"""The trigger document: bytes become a trigger, or a refusal that names the key."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tflited.domain.hub import HubReference
from tflited.domain.job import TriggerSource
from tflited.domain.policy import ModelType
from tflited.domain.trigger import Trigger
from tflited.errors import TriggerRefusedError
from tflited.triggers.document import MAX_DOCUMENT_BYTES, parse

MODEL = {"path": "models/a"}


def read(**document: Any) -> Trigger:
    whole = {"version": 1, "model": MODEL, **document}
    return parse(json.dumps(whole).encode(), TriggerSource.API)


def test_the_least_document_has_defaults() -> None:
    """Only version and path are needed."""
    trigger = read()
    assert (trigger.path, trigger.model_type) == ("models/a", ModelType.AUTO)
    assert (trigger.priority, trigger.is_forced, trigger.save_to) == (5, False, None)
    assert trigger.source is TriggerSource.API


def test_every_key_reaches_the_trigger() -> None:
    """None is read and forgotten."""
    trigger = read(
        id="a-1",
        model={"path": "a", "type": "keras"},
        policy={"name": "micro", "override": {"target": "micro"}},
        save_to="x/y",
        priority=9,
        force=True,
    )
    assert trigger == Trigger(
        id="a-1",
        path="a",
        model_type=ModelType.KERAS,
        policy_name="micro",
        override={"target": "micro"},
        save_to="x/y",
        priority=9,
        is_forced=True,
        source=TriggerSource.API,
    )


def test_documents_without_an_id_are_different_triggers() -> None:
    """Each gets one of its own."""
    assert read().id != read().id


@pytest.mark.parametrize(
    ("document", "key"),
    [
        ({"colour": 1}, "colour"),
        ({"version": 2}, "version"),
        ({"priority": 10}, "priority"),
        ({"priority": "5"}, "priority"),
        ({"force": "yes"}, "force"),
        ({"id": "a b"}, "id"),
        ({"id": ""}, "id"),
        ({"model": {"path": ""}}, "model.path"),
        ({"model": {"path": "a", "type": "onnx"}}, "model.type"),
        ({"model": {"path": "a", "sha": "b"}}, "model.sha"),
        ({"policy": {"names": "b"}}, "policy.names"),
        ({"model": {"path": "a/../b"}}, "model.path"),
        ({"model": {"path": "a\0b"}}, "model.path"),
        ({"save_to": "../out"}, "save_to"),
        ({"save_to": "/out"}, "save_to"),
        ({"save_to": ".tflited/x"}, "save_to"),
        ({"save_to": "a/../../b"}, "save_to"),
    ],
)
def test_a_wrong_key_is_named(document: dict[str, Any], key: str) -> None:
    """The sender can mend it without reading the code."""
    with pytest.raises(TriggerRefusedError) as caught:
        read(**document)
    assert f"{key}: " in str(caught.value)


def test_every_problem_is_told_at_once() -> None:
    """Not one for each try."""
    with pytest.raises(TriggerRefusedError, match=r"priority: .*; force: "):
        read(priority=10, force="yes")


def test_a_document_that_is_too_long_is_not_read() -> None:
    """The limit is told with what came."""
    with pytest.raises(TriggerRefusedError, match=f"allowed {MAX_DOCUMENT_BYTES}"):
        parse(b" " * (MAX_DOCUMENT_BYTES + 1), TriggerSource.API)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_trigger_or_a_refusal(content: bytes) -> None:
    """Nothing that is sent ends the daemon."""
    with pytest.raises(TriggerRefusedError):
        parse(content, TriggerSource.API)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [(None, {}), ([1, 4], {"": (1, 4)}), ({"a": [1], "b": [2]}, {"a": (1,), "b": (2,)})],
)
def test_a_hub_handle_in_a_paths_place(shape: Any, expected: dict[str, tuple[int, ...]]) -> None:
    """With a shape or without."""
    model = {"hub": "https://hub.example/net/1", **({"input_shape": shape} if shape else {})}
    trigger = read(model=model)
    assert trigger.path == ""
    assert trigger.hub == HubReference(handle="https://hub.example/net/1", input_shape=expected)


@pytest.mark.parametrize(
    ("model", "part"),
    [
        ({}, "either path or hub"),
        ({"path": "a", "hub": "https://hub.example/a"}, "either path or hub"),
        ({"path": "a", "input_shape": [1]}, "input_shape goes with hub"),
        ({"hub": "https://hub.example/a", "type": "keras"}, "type of a hub handle"),
        ({"hub": "https://hub.example/a", "input_shape": [0]}, "input_shape"),
        ({"hub": "https://hub.example/a", "input_shape": []}, "input_shape"),
        ({"hub": "https://hub.example/a", "input_shape": {"a": "x"}}, "input_shape"),
        ({"hub": "https://hub.example/a", "tag": "x"}, "tag"),
        ({"hub": ""}, "hub"),
    ],
)
def test_a_wrong_hub_model_is_refused(model: dict[str, Any], part: str) -> None:
    """As a whole, with what is wrong."""
    with pytest.raises(TriggerRefusedError, match=part):
        read(model=model)
