"""Gives a job its build key once its model is admitted; until then says what the job waits for.

Moves queued jobs only, and the one that was just claimed; starts nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import assert_never

import structlog

from tflited.domain.breach import excess
from tflited.domain.build_key import BuildKey
from tflited.domain.job import Binding, Failure, Job, JobState, NewJob, TriggerSource, facts
from tflited.domain.model import ModelId
from tflited.domain.observation import Observation, Sight
from tflited.domain.policy import Hooks, Policy, ResolvedPolicy
from tflited.domain.ports import JobStore, Published, Root, Sources
from tflited.engine.attempt import failure_of
from tflited.engine.data import DataView
from tflited.engine.decide import KINDS, Decider
from tflited.engine.models import Models, RootEntry
from tflited.engine.outcome import Finisher
from tflited.errors import ConfigurationError, OutputError, SourceChangedError

_LOG = structlog.get_logger()
_MOST_QUEUED = 1000
"""Queued jobs of one model that are looked at; each has a place of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """The job cannot be bound yet."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Over:
    """The job will never be bound."""

    state: JobState
    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """What the job builds; ``is_published`` when another job's set is just that already."""

    binding: Binding
    policy: Policy
    key: BuildKey
    data: DataView
    is_published: bool


Verdict = Waits | Over | Bound


@dataclass(frozen=True, slots=True, kw_only=True)
class Binder:
    """Binds jobs to what is on disk; used by the engine's thread.

    A job without a policy of its own is bound under the policy that holds for its folder at that
    moment, so that a policy file which arrives with the model counts.
    """

    models: Models
    sources: Sources
    decider: Decider
    store: JobStore
    finisher: Finisher
    decode_policy: Callable[[str], Policy]
    encode_policy: Callable[[Policy], str]

    def judge(self, job: NewJob, job_id: int = 0) -> Verdict:
        """What a job builds now, what it waits for, or why nothing will come of it.

        Args:
            job: the job.
            job_id: its number, as far as it has one.
        """
        state = self.models.roots.get(job.model.root)
        if state is None:
            return _gone(f"Root {job.model.root} is no longer configured.")
        entry = self.models.entries.get(job.model)
        if entry is None:
            return self._unseen(job.model, state)
        seen = entry.observation
        match seen.sight:
            case Sight.SETTLING | Sight.HELD:
                return Waits(reason=f"{job.model} is {seen.sight}: {seen.reason}")
            case Sight.REFUSED:
                failure = Failure(code="refused", message=seen.reason, hint=seen.hint)
                return Over(state=JobState.FAILED, failure=failure)
            case Sight.GONE:
                return _gone("The model is no longer in its root.")
            case Sight.ADMITTED:
                return self._admitted(job, job_id, state.root, seen)
            case _:
                assert_never(seen.sight)

    def refresh(self, model: ModelId) -> None:
        """Judges a model's queued jobs anew: those of triggers, and those that wait."""
        for job in self.store.jobs(states=(JobState.QUEUED,), model=model, limit=_MOST_QUEUED):
            if job.waits_for or job.trigger is not TriggerSource.WATCH:
                self._settle(job, self.judge(job, job.id))

    def refresh_unseen(self, root: str | None = None) -> None:
        """Judges the jobs that wait for models which no scan has told of.

        Args:
            root: only those of this one.
        """
        for job in self.store.waiting():
            if job.model not in self.models.entries and root in {None, job.model.root}:
                self._settle(job, self.judge(job, job.id))

    def begin(self, job: Job) -> tuple[Job, Bound] | None:
        """Binds a claimed job; None when it went back to wait, or ended."""
        verdict = self.judge(job, job.id)
        job = self._settle(job, verdict)
        if not isinstance(verdict, Bound) or not _runs(job) or self._confirm(job, verdict):
            return None
        return job, verdict

    def _confirm(self, job: Job, bound: Bound) -> bool:
        """Whether an earlier attempt published already; then the job is only marked so.

        The daemon ended between the swap and the store's commit.
        """
        publisher = self.decider.publisher
        manifest = publisher.manifest(job.model, job.save_to)
        if manifest is None or (manifest.job, manifest.build_key) != (job.id, bound.key.value):
            return False
        _LOG.info("job_confirmed", **facts(job))
        directory = publisher.directory(job.model, job.save_to)
        published = Published(directory=directory, manifest=manifest)
        self.finisher.confirm(job, published, bound.policy.hooks)
        return True

    def _unseen(self, model: ModelId, state: RootEntry) -> Verdict:
        if not state.is_available:  # and not asked: a look at a dead mount may hang
            return Waits(reason=f"root {model.root} cannot be read: {state.reason}")
        try:
            kind = self.sources.find_model(state.root, model.path)
        except OSError as error:
            return Waits(reason=f"root {model.root} cannot be read: {error.strerror}")
        if kind is None:
            return _gone("The model is no longer in its root.")
        return Waits(reason=f"{model} has not been seen by a scan yet")

    def _admitted(self, job: NewJob, job_id: int, root: Root, seen: Observation) -> Verdict:
        try:
            folder = self.decider.resolver.resolve(root, job.model.path)
        except ConfigurationError as error:
            problems = "; ".join(map(str, error.problems))
            hint = "mend the policy file, then send the trigger again"
            failure = Failure(code=error.code, message=problems, hint=hint)
            return Over(state=JobState.FAILED, failure=failure)
        try:
            policy = (
                folder.policy if job.folder_key is None else self.decode_policy(job.policy_json)
            )
        except ValueError as error:
            return Over(state=JobState.FAILED, failure=_unreadable(job, error))
        if seen.snapshot.kind not in KINDS[policy.model_type]:
            message = (
                f"{job.model}: model_type: observed {seen.snapshot.kind},"
                f" allowed {policy.model_type}."
            )
            failure = Failure(code="refused", message=message, hint="set model_type to auto")
            return Over(state=JobState.FAILED, failure=failure)
        excessive = excess(seen.snapshot, policy.limits)
        if excessive is not None:
            return Over(state=JobState.FAILED, failure=excessive)
        return self._keyed(job, job_id, seen, (policy, folder))

    def _keyed(
        self, job: NewJob, job_id: int, seen: Observation, policies: tuple[Policy, ResolvedPolicy]
    ) -> Verdict:
        policy, folder = policies
        # What the folder asks for matters where its own set would be, and nowhere else.
        stands_in = job.folder_key is not None and job.save_to is None
        data = self.decider.data.view(policy)
        folder_data = self.decider.data.view(folder.policy) if stands_in else data
        for view in (data, folder_data):
            if view.digest is None:
                return Waits(reason=f"data that matches {view.waits_for} changed a moment ago")
        key = self.decider.key(seen, policy, data)
        folder_key = job.folder_key
        if stands_in:
            folder_key = self.decider.key(seen, folder.policy, folder_data).input_key
        binding = Binding(
            kind=seen.snapshot.kind,
            build_key=key.value,
            input_key=key.input_key,
            model_digest=key.model,
            policy_json=self.encode_policy(policy),
            folder_key=folder_key,
            sandbox=self.models.roots[job.model.root].root.sandbox,
            policy_name=folder.name if job.folder_key is None else job.policy_name,
        )
        try:
            is_published = self._is_published(job, job_id, key)
        except OutputError as error:  # a name that the output tree cannot carry
            return Over(state=JobState.FAILED, failure=failure_of(error))
        return Bound(binding=binding, policy=policy, key=key, data=data, is_published=is_published)

    def _is_published(self, job: NewJob, job_id: int, key: BuildKey) -> bool:
        """Whether the job's place holds what it asks for, by another job.

        A set under a trigger's own policy stands for the folder's as long as the decision says so.
        """
        publisher = self.decider.publisher
        manifest = publisher.manifest(job.model, job.save_to)
        if manifest is None or manifest.job == job_id or publisher.damage(manifest):
            return False
        is_plain = job.folder_key is None and job.save_to is None
        stands_in = is_plain and manifest.folder_key == key.input_key
        is_current = dict(manifest.toolchain) == dict(self.decider.toolchain)
        return manifest.build_key == key.value or (stands_in and is_current)

    def _settle(self, job: Job, verdict: Verdict) -> Job:
        """Moves a queued or just claimed job as its verdict says; returns it as it stands."""
        match verdict:
            case Waits():
                return self._wait(job, verdict.reason)
            case Over():
                is_watched = job.trigger is TriggerSource.WATCH
                state = JobState.SUPERSEDED if is_watched else verdict.state
                return self._end(job, state, verdict.failure)
            case Bound():
                return self._bind(job, verdict)
            case _:
                assert_never(verdict)

    def _wait(self, job: Job, reason: str) -> Job:
        if job.waits_for == reason:
            return job
        _LOG.info("job_waits", **facts(job), reason=reason)
        return self.store.wait(job.id, reason)

    def _bind(self, job: Job, bound: Bound) -> Job:
        is_same = job.build_key == bound.binding.build_key
        if job.trigger is TriggerSource.WATCH and not is_same:
            return self._end(job, JobState.SUPERSEDED, _changed("Its inputs changed."))
        if bound.is_published and not job.is_forced and _is_asked_for(job):
            return self._end(job, JobState.UNCHANGED, None)
        seen = (job.folder_key, job.sandbox, job.waits_for)
        if is_same and seen == (bound.binding.folder_key, bound.binding.sandbox, ""):
            return job
        now = self.store.bind(job.id, bound.binding)
        _LOG.info("job_bound", **facts(now))
        return now

    def _end(self, job: Job, state: JobState, failure: Failure | None) -> Job:
        reason = failure.message if failure else "it is published already"
        _LOG.info("job_ended", **facts(job), state=state.value, reason=reason)
        try:
            hooks = self.decode_policy(job.policy_json).hooks
        except ValueError:  # nobody can be told; the job's failure says why
            hooks = Hooks()
        return self.finisher.end(job, state, failure, hooks)


def _is_asked_for(job: Job) -> bool:
    """Whether a queued job is a trigger's: a claimed one is built all the same."""
    return job.state is JobState.QUEUED and job.trigger is not TriggerSource.WATCH


def _runs(job: Job) -> bool:
    return job.state is JobState.RUNNING


def _unreadable(job: NewJob, error: ValueError) -> Failure:
    """Of a policy that another release wrote, or a bad disk."""
    first = str(error).partition("\n")[0]
    return Failure(
        code="configuration",
        message=f"The stored policy of the trigger for {job.model} cannot be read: {first}.",
        hint="send the trigger again",
    )


def _gone(message: str) -> Over:
    return Over(state=JobState.SUPERSEDED, failure=_changed(message))


def _changed(message: str) -> Failure:
    return Failure(code=SourceChangedError.code, message=message)
