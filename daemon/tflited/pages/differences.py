"""What differs between one build of a model and the one before it, in words."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from tflited.domain.board import PastBuild
from tflited.domain.manifest import ManifestVariant
from tflited.pages import wording

_NEAR: Final = 1e-9
"""Figures closer than this, relative to the larger, are the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that changed.

    Attributes:
        what: the variant's, the policy's key or the distribution's name.
        before: how it was; empty where it is new.
        after: how it is; empty where it is gone.
        kind: which of ``KINDS``.
    """

    kind: str
    what: str
    before: str
    after: str


KINDS: Final = ("source", "policy", "toolchain", "state", "size", "figures")
"""Causes first, then what came of them."""


def differences(before: PastBuild, after: PastBuild) -> tuple[Difference, ...]:
    """Everything that differs, in the order of ``KINDS``."""
    found = [
        *_source(before, after),
        *_policy(before, after),
        *_mapping("toolchain", before.build.toolchain, after.build.toolchain),
        *_variants(before, after),
    ]
    return tuple(sorted(found, key=lambda each: KINDS.index(each.kind)))


def between(builds: tuple[PastBuild, ...]) -> tuple[tuple[Difference, ...], ...]:
    """The differences of each build, newest first, to the one before; none for the oldest."""
    return (*(differences(older, newer) for newer, older in pairwise(builds)), ())


def _source(before: PastBuild, after: PastBuild) -> Iterator[Difference]:
    if before.job is None or after.job is None:
        return
    old, new = before.job.model_digest, after.job.model_digest
    if old != new:
        yield Difference(kind="source", what="files", before=old[:12], after=new[:12])


def _policy(before: PastBuild, after: PastBuild) -> Iterator[Difference]:
    """Of the policies that the builds were made under, key by dotted key."""
    if before.job is not None and after.job is not None:
        old, new = (
            dict(_flat(json.loads(each.policy_json), "")) for each in (before.job, after.job)
        )
        yield from _mapping("policy", old, new)


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, json.dumps(value)


def _mapping(kind: str, old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Difference]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name, ""), new.get(name, "")
        if before != after:
            yield Difference(kind=kind, what=name, before=before, after=after)


def _variants(before: PastBuild, after: PastBuild) -> Iterator[Difference]:
    old = {entry.variant: entry for entry in before.build.variants}
    new = {entry.variant: entry for entry in after.build.variants}
    for name in [*new, *(gone for gone in old if gone not in new)]:
        if name not in old or name not in new:
            was, now = (_state(each.get(name)) for each in (old, new))
            yield Difference(kind="state", what=name, before=was, after=now)
        else:
            yield from _variant(name, old[name], new[name])


def _variant(name: str, old: ManifestVariant, new: ManifestVariant) -> Iterator[Difference]:
    if _state(old) != _state(new):
        yield Difference(kind="state", what=name, before=_state(old), after=_state(new))
    if old.size_bytes != new.size_bytes:
        before, after = (wording.size(each.size_bytes or None) for each in (old, new))
        share = _share(old.size_bytes, new.size_bytes)
        yield Difference(kind="size", what=name, before=before, after=f"{after}{share}")
    for what, was, now in (
        ("SNR", old.min_snr_db, new.min_snr_db),
        ("accuracy drop", old.accuracy_drop, new.accuracy_drop),
        ("sparsity", old.sparsity, new.sparsity),
    ):
        if not _is_same(was, now):
            before, after = (wording.number(each, 4) for each in (was, now))
            yield Difference(kind="figures", what=f"{name} {what}", before=before, after=after)


def _state(entry: ManifestVariant | None) -> str:
    if entry is None:
        return ""
    chosen = f" ({entry.chosen})" if entry.chosen else ""
    return f"{entry.state}{chosen}" + (f": {entry.reason}" if entry.reason else "")


def _share(before: int, after: int) -> str:
    return f" ({100 * (after - before) / before:+.1f} %)" if before and after else ""


def _is_same(before: float | None, after: float | None) -> bool:
    if before is None or after is None:
        return before is after
    return abs(before - after) <= _NEAR * max(abs(before), abs(after))
