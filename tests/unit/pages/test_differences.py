"""What differs between one build and the one before."""

import json
from dataclasses import replace
from typing import Any

from fakes.control import KEY, MODEL, NOW, make_job
from tflited.domain.board import PastBuild
from tflited.domain.manifest import Build, ManifestVariant
from tflited.domain.model import Digest
from tflited.domain.report import VariantState
from tflited.pages.differences import between, differences

INT8 = ManifestVariant(
    variant="int8", state=VariantState.PROVEN, size_bytes=1000, size_ratio=0.25, min_snr_db=30.0
)


def past(*variants: ManifestVariant, policy: Any = None, **changes: Any) -> PastBuild:
    """A build with its job."""
    build = Build(
        id=1,
        job_id=1,
        model=MODEL,
        build_key=KEY,
        input_key=KEY,
        published_at=NOW,
        toolchain={"tensorflow": "2.21.0"},
        variants=variants or (INT8,),
    )
    job = replace(make_job(1), policy_json=json.dumps(policy or {}))
    return PastBuild(build=replace(build, **changes), job=job)


def told(before: PastBuild, after: PastBuild) -> list[tuple[str, str, str, str]]:
    """Kind, subject, before and after of every difference."""
    return [(each.kind, each.what, each.before, each.after) for each in differences(before, after)]


def test_equal_builds_differ_in_nothing() -> None:
    """Not even in the time that it took."""
    assert told(past(), past(replace(INT8, seconds=9.0, latency_ms=3.0))) == []


def test_a_size_has_its_share() -> None:
    """How much smaller or larger, in per cent."""
    found = told(past(), past(replace(INT8, size_bytes=900)))
    assert found == [("size", "int8", "1000 B", "900 B (-10.0 %)")]


def test_a_state_has_its_reason() -> None:
    """And comes with the figures that led to it, after it."""
    worse = replace(INT8, state=VariantState.REJECTED, reason="too far", min_snr_db=12.0)
    assert told(past(), past(worse)) == [
        ("state", "int8", "proven", "rejected: too far"),
        ("figures", "int8 SNR", "30", "12"),
    ]


def test_variants_come_and_go() -> None:
    """One that was not there before, and one that is no longer."""
    other = replace(INT8, variant="float16")
    assert told(past(INT8), past(other)) == [
        ("state", "float16", "", "proven"),
        ("state", "int8", "proven", ""),
    ]


def test_causes_stand_before_what_came_of_them() -> None:
    """Source, policy key by key, toolchain, then the rest."""
    before = past(policy={"evaluation": {"max_drop": 0.01}, "ops": ["A"]})
    after = past(
        replace(INT8, size_bytes=1100),
        policy={"evaluation": {"max_drop": 0.02}, "ops": ["A"]},
        toolchain={"tensorflow": "2.22.0"},
    )
    assert after.job is not None
    after = replace(after, job=replace(after.job, model_digest=Digest("f" * 64)))
    found = told(before, after)
    assert [kind for kind, *_ in found] == ["source", "policy", "toolchain", "size"]
    assert found[1][1:] == ("evaluation.max_drop", "0.01", "0.02")


def test_a_build_whose_job_is_gone_still_has_its_figures() -> None:
    """The policy is then not compared."""
    after = replace(past(replace(INT8, size_bytes=900)), job=None)
    assert [kind for kind, *_ in told(past(policy={"a": 1}), after)] == ["size"]


def test_every_build_is_held_against_the_one_before() -> None:
    """Newest first; the oldest has nothing before it."""
    newer, older = past(replace(INT8, size_bytes=900)), past()
    assert [len(found) for found in between((newer, older))] == [1, 0]
