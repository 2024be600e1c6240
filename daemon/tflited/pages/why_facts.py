"""The facts of an answer of ``why`` in words; the command and the page show these and no others."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from tflited.domain.job import Job
from tflited.domain.manifest import ManifestVariant
from tflited.domain.sandbox import SandboxDemand
from tflited.domain.status import Explanation

_BUILT_IN: Final = "built-in"


def facts(answer: Explanation) -> tuple[tuple[str, str], ...]:
    """Label and text of everything that is known beside subject and summary."""
    model, manifest, build = answer.model, answer.manifest, answer.last_build
    told = (
        ("next", answer.hint),
        ("until", _moment(model.until if model else None)),
        ("since", _moment(model.since if model else None)),
        ("policy", _policy(answer.policy_name, answer.origins)),
        ("job", _job(answer.job)),
        ("failed", _failure(answer.job)),
        ("next attempt", _moment(answer.next_retry)),
        ("last build", f"job {build.job_id}, {_moment(build.published_at)}" if build else ""),
        ("published", ", ".join(map(_variant, manifest.variants)) if manifest else ""),
        ("output", answer.output),
    )
    return tuple((label, text) for label, text in told if text)


def _moment(at: datetime | None) -> str:
    """A time to the second, in UTC as the log has it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if at else ""


def _policy(name: str, origins: Mapping[str, str]) -> str:
    """The policy, and for each place the keys that it sets."""
    by_origin: dict[str, list[str]] = {}
    for key, origin in sorted(origins.items()):
        by_origin.setdefault(origin, []).append(key)
    set_here = [
        f"{', '.join(keys)} from {origin}"
        for origin, keys in sorted(by_origin.items())
        if origin != _BUILT_IN
    ]
    return "; ".join([name, *set_here, f"the rest {_BUILT_IN}"]) if origins else ""


def _job(job: Job | None) -> str:
    if job is None:
        return ""
    waits = f", waits: {job.waits_for}" if job.waits_for else ""
    sandbox = ", without the sandbox" if job.sandbox is SandboxDemand.OFF else ""
    return f"{job.id} {job.state}{waits}{sandbox}"


def _failure(job: Job | None) -> str:
    if job is None or job.failure is None:
        return ""
    hint = f" Next: {job.failure.hint}" if job.failure.hint else ""
    return f"{job.failure.code}: {job.failure.message}{hint}"


def _variant(entry: ManifestVariant) -> str:
    reason = f" ({entry.reason})" if entry.reason else ""
    return f"{entry.variant} {entry.state}{reason}"
