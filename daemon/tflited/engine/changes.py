"""What an edited policy changes for a model that is published: key by key, in words."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tflited.domain.policy import Policy
from tflited.domain.ports import Publisher
from tflited.domain.status import Phase
from tflited.engine.models import Entry
from tflited.errors import OutputError


def changes_of(entry: Entry, publisher: Publisher) -> tuple[str, ...]:
    """The keys that differ from those that a model's set was built under.

    Args:
        entry: the model; only one that is to be built has changes.
        publisher: knows what was published.
    """
    decision = entry.decision
    if decision is None or decision.resolved is None or decision.key is None:
        return ()
    if decision.phase not in {Phase.QUEUED, Phase.BUILDING}:
        return ()
    model = entry.observation.model
    try:
        manifest = publisher.manifest(model)
        if manifest is None or manifest.policy_digest == decision.key.policy:
            return ()
        before = publisher.policy_keys(model)
    except OutputError:
        return ()
    return tuple(differences(before, decision.resolved.policy))


def differences(before: Mapping[str, Any], policy: Policy) -> Iterator[str]:
    """Each key that differs, as ``KEY: BEFORE, now AFTER``.

    Args:
        before: the conversion keys of another policy, as plain JSON values.
        policy: the one that holds now.
    """
    old = dict(_leaves(before))
    new = dict(_leaves(json.loads(json.dumps(policy.conversion_keys()))))
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield f"{key}: {_shown(old.get(key))}, now {_shown(new.get(key))}"


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{prefix}{key}.")
        elif value not in (None, {}):
            yield f"{prefix}{key}", value


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
