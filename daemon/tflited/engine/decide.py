"""The decision on one model: what holds for it and what is to be done; changes nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from tflited.domain.breach import excess
from tflited.domain.build_key import BuildKey
from tflited.domain.job import ACTIVE, UNBOUND, Job, JobState, NewJob, TriggerSource
from tflited.domain.manifest import Manifest
from tflited.domain.model import Digest, ModelId, ModelKind
from tflited.domain.observation import Observation, Sight
from tflited.domain.policy import ModelType, Policy, ResolvedPolicy, Versions
from tflited.domain.ports import JobStore, PolicyResolver, Publisher, Root
from tflited.domain.status import Action, Phase
from tflited.engine.data import DataView, DataWatch
from tflited.errors import ConfigurationError, OutputError

KINDS: Mapping[ModelType, frozenset[ModelKind]] = {
    ModelType.AUTO: frozenset(ModelKind),
    ModelType.SAVED_MODEL: frozenset({ModelKind.SAVED_MODEL}),
    ModelType.KERAS: frozenset({ModelKind.KERAS, ModelKind.KERAS_HDF5}),
    ModelType.HUB: frozenset({ModelKind.HUB, ModelKind.SAVED_MODEL}),
}
"""Which containers fit what a policy or a trigger says a model is."""
_NEWEST_JOBS = 20
_MOST_JOBS = 200
"""Jobs of a model that are looked at for one that failed under the same key."""
_MOST_DIGESTS = 512
_NOT_AGAIN = frozenset({JobState.FAILED, JobState.DEAD, JobState.CANCELLED})


def job_for(
    seen: Observation, key: BuildKey, policy: tuple[str, str], trigger: TriggerSource
) -> NewJob:
    """The job that builds an observed model under a policy.

    Args:
        seen: the model as it was admitted.
        key: of the build.
        policy: its name and its JSON.
        trigger: who asks.
    """
    policy_name, policy_json = policy
    return NewJob(
        model=seen.model,
        kind=seen.snapshot.kind,
        build_key=key.value,
        input_key=key.input_key,
        model_digest=key.model,
        policy_json=policy_json,
        policy_name=policy_name,
        trigger=trigger,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What is to be done with a model, and why.

    ``key``, ``resolved`` and ``data`` are there as soon as they are known; ``job`` is the one that
    answers for the model in its present state; ``until`` is when it changes by itself.
    """

    phase: Phase
    action: Action
    reason: str
    hint: str = ""
    key: BuildKey | None = None
    resolved: ResolvedPolicy | None = None
    data: DataView | None = None
    job: Job | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decider:
    """Holds what a decision needs to know."""

    resolver: PolicyResolver
    data: DataWatch
    store: JobStore
    publisher: Publisher
    toolchain: Mapping[str, str]
    should_rebuild_on_upgrade: bool
    _digests: dict[int, tuple[Policy, Digest]] = field(default_factory=dict)

    def key(self, seen: Observation, policy: Policy, data: DataView) -> BuildKey:
        """The build key of an admitted model under a policy whose data have settled."""
        if seen.digest is None or data.digest is None:
            raise AssertionError("an admitted model and settled data have digests")
        return BuildKey.of(
            model=seen.digest,
            policy=self._digest(policy),
            data=data.digest,
            toolchain=self.toolchain,
        )

    def _digest(self, policy: Policy) -> Digest:
        """A policy's digest; thousands of models share one policy, and it costs a millisecond."""
        kept, digest = self._digests.get(id(policy), (None, None))
        if kept is not policy or digest is None:
            if len(self._digests) >= _MOST_DIGESTS:
                self._digests.clear()
            digest = policy.digest
            self._digests[id(policy)] = policy, digest
        return digest

    def decide(
        self, root: Root, observation: Observation, newer: ModelId | None = None
    ) -> Decision:
        """The decision on one model as it was last seen.

        Args:
            root: where it is.
            observation: what was seen of it.
            newer: a newer version of it that is there.
        """
        match observation.sight:
            case Sight.SETTLING:
                return Decision(phase=Phase.SETTLING, action=Action.WAIT, reason=observation.reason)
            case Sight.HELD:
                return Decision(
                    phase=Phase.HELD,
                    action=Action.WAIT,
                    reason=observation.reason,
                    hint="remove the .hold file",
                )
            case Sight.REFUSED:
                return Decision(
                    phase=Phase.REFUSED,
                    action=Action.REFUSE,
                    reason=observation.reason,
                    hint=observation.hint,
                )
            case Sight.GONE:
                return Decision(
                    phase=Phase.REMOVED, action=Action.NOTHING, reason=observation.reason
                )
            case Sight.ADMITTED:
                return self._admitted(root, observation, newer)
            case _:
                assert_never(observation.sight)

    def _admitted(self, root: Root, observation: Observation, newer: ModelId | None) -> Decision:
        try:
            resolved = self.resolver.resolve(root, observation.model.path)
        except ConfigurationError as error:
            return Decision(
                phase=Phase.POLICY_ERROR,
                action=Action.REFUSE,
                reason="; ".join(map(str, error.problems)),
                hint="mend the policy file; the last good set stays until then",
            )
        wanted = resolved.policy.model_type
        if observation.snapshot.kind not in KINDS[wanted]:
            return Decision(
                phase=Phase.REFUSED,
                action=Action.REFUSE,
                reason=f"model_type: observed {observation.snapshot.kind}, allowed {wanted}",
                hint="set model_type to auto in the policy",
                resolved=resolved,
            )
        if newer is not None and resolved.policy.versions is Versions.NEWEST:
            return Decision(
                phase=Phase.OLDER,
                action=Action.NOTHING,
                reason=f"a newer version is there: {newer}",
                resolved=resolved,
            )
        excessive = excess(observation.snapshot, resolved.policy.limits)
        if excessive is not None:
            return Decision(
                phase=Phase.REFUSED,
                action=Action.REFUSE,
                reason=excessive.message,
                hint=excessive.hint,
                resolved=resolved,
            )
        return self._keyed(observation, resolved)

    def _keyed(self, observation: Observation, resolved: ResolvedPolicy) -> Decision:
        data = self.data.view(resolved.policy)
        if data.digest is None:
            return Decision(
                phase=Phase.SETTLING,
                action=Action.WAIT,
                reason=f"data that matches {data.waits_for} changed a moment ago",
                resolved=resolved,
            )
        key = self.key(observation, resolved.policy, data)
        return self._compared(observation, resolved, data, key)

    def _compared(
        self, observation: Observation, resolved: ResolvedPolicy, data: DataView, key: BuildKey
    ) -> Decision:
        try:
            manifest = self.publisher.manifest(observation.model)
            damage = "" if manifest is None else self.publisher.damage(manifest)
        except OutputError as error:  # a name that the output tree cannot carry
            return Decision(
                phase=Phase.REFUSED,
                action=Action.REFUSE,
                reason=error.message,
                hint=error.hint,
                resolved=resolved,
            )
        job = self._job(observation)
        phase, action, reason, hint = self._judge(None if damage else manifest, job, key)
        if damage and action is Action.BUILD:
            reason = f"other hands changed its set: {damage}"
        if action is Action.BUILD and (failed := self._failed_before(observation, key)) is not None:
            job, (phase, action, reason, hint) = failed, _ended(failed)
        return Decision(
            phase=phase,
            action=action,
            reason=reason,
            hint=hint,
            key=key,
            resolved=resolved,
            data=data,
            job=job if phase is not Phase.QUEUED or action is not Action.BUILD else None,
        )

    def _judge(
        self, manifest: Manifest | None, job: Job | None, key: BuildKey
    ) -> tuple[Phase, Action, str, str]:
        if job is not None and job.state in ACTIVE and _answers(job, key):
            return _active(job)
        wanted = self._wanted(manifest, key)
        is_same_job = job is not None and job.build_key == key.value
        if job is not None and is_same_job and job.state in _NOT_AGAIN:
            return wanted if wanted[1] is not Action.BUILD else _ended(job)
        return wanted

    def _wanted(self, manifest: Manifest | None, key: BuildKey) -> tuple[Phase, Action, str, str]:
        if manifest is None or key.input_key not in {manifest.input_key, manifest.folder_key}:
            return Phase.QUEUED, Action.BUILD, _why_build(manifest, key), ""
        if manifest.input_key != key.input_key:
            return self._published_otherwise(manifest)
        return self._published(manifest, key)

    def _published_otherwise(self, manifest: Manifest) -> tuple[Phase, Action, str, str]:
        """A trigger's own policy holds until the model, the folder's policy or its data change."""
        reason = f"published by job {manifest.job} under a trigger's own policy"
        differences = _differences(manifest.toolchain, self.toolchain)
        if not differences:
            return Phase.PUBLISHED, Action.NOTHING, reason, ""
        reason = f"{reason}, with other versions of {differences}"
        hint = "send that trigger again; tflited rebuild --stale builds the folder's policy"
        return Phase.STALE, Action.STALE, reason, hint

    def _published(self, manifest: Manifest, key: BuildKey) -> tuple[Phase, Action, str, str]:
        if manifest.build_key == key.value:
            return Phase.PUBLISHED, Action.NOTHING, f"published by job {manifest.job}", ""
        reason = "published with other versions of " + _differences(
            manifest.toolchain, self.toolchain
        )
        if self.should_rebuild_on_upgrade:
            return Phase.QUEUED, Action.BUILD, reason, ""
        return Phase.STALE, Action.STALE, reason, "tflited rebuild --stale renews it"

    def _job(self, observation: Observation) -> Job | None:
        """The newest job that answers for the mirrored place."""
        return next(iter(self._mirrored(observation, _NEWEST_JOBS)), None)

    def _failed_before(self, observation: Observation, key: BuildKey) -> Job | None:
        """The job that failed for good under a key, whatever was built in between."""
        found = self._mirrored(observation, _MOST_JOBS)
        same = next((job for job in found if job.build_key == key.value), None)
        is_final = same is not None and same.state in {JobState.FAILED, JobState.DEAD}
        return same if is_final else None

    def _mirrored(self, observation: Observation, limit: int) -> list[Job]:
        """The jobs that answer for the mirrored place, newest first.

        One that was superseded does not, nor does one under a trigger's own policy that ended: what
        came of it is in the manifest or concerns that trigger alone.
        """
        return [
            job
            for job in self.store.jobs(model=observation.model, limit=limit)
            if job.save_to is None
            and job.state is not JobState.SUPERSEDED
            and (job.folder_key is None or job.state in ACTIVE)
        ]


def paced(decision: Decision, until: datetime, builds_per_hour: int) -> Decision:
    """A build that waits, because the model was built too often of late."""
    return replace(
        decision,
        phase=Phase.QUEUED,
        action=Action.WAIT,
        reason=f"it was built {builds_per_hour} times within an hour and changed again",
        hint="find out what keeps changing it; daemon.builds_per_hour is the limit,"
        " tflited trigger PATH builds it now",
        until=until,
    )


def _answers(job: Job, key: BuildKey) -> bool:
    """Whether an active job does the folder's work, or takes its place for now."""
    return job.build_key == key.value or job.folder_key in {UNBOUND, key.input_key}


def _active(job: Job) -> tuple[Phase, Action, str, str]:
    name = f"job {job.id}" + ("" if job.folder_key is None else ", under a trigger's own policy,")
    if job.state is JobState.RUNNING:
        return Phase.BUILDING, Action.NOTHING, f"{name} is under way", ""
    reason = f"{name} waits for a slot"
    if job.waits_for:
        reason = f"{name} waits: {job.waits_for}"
    elif job.failure is not None:
        reason = f"{name} waits to try again after: {job.failure.message}"
    return Phase.QUEUED, Action.NOTHING, reason, ""


def _ended(job: Job) -> tuple[Phase, Action, str, str]:
    """Why the same input is not built again by itself."""
    if job.state is JobState.CANCELLED:
        return Phase.FAILED, Action.NOTHING, f"job {job.id} was cancelled", "tflited trigger PATH"
    message = job.failure.message if job.failure else "no reason was recorded"
    hint = job.failure.hint if job.failure else ""
    retry = f"after that, tflited retry {job.id} tries the same input again"
    return Phase.FAILED, Action.NOTHING, message, f"{hint}; {retry}" if hint else retry


def _why_build(manifest: Manifest | None, key: BuildKey) -> str:
    if manifest is None:
        return "nothing is published for it yet"
    changed = [
        name
        for name, before, now in (
            ("model", manifest.model_digest, key.model),
            ("policy", manifest.policy_digest, key.policy),
            ("data", manifest.data_digest, key.data),
        )
        if before != now
    ]
    return f"its {' and '.join(changed) or 'input'} changed since job {manifest.job}"


def _differences(before: Mapping[str, str], now: Mapping[str, str]) -> str:
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    return ", ".join(f"{name} ({before.get(name)}, now {now.get(name)})" for name in names)
