"""What an ended attempt means for its job: published, tried again, failed for good, or dead."""

from dataclasses import dataclass
from datetime import timedelta

from tflited.domain.attempt import AttemptResult
from tflited.domain.audience import HookRunner, Recorder
from tflited.domain.job import CHANGED_MEANWHILE, Failure, Job, JobState, TriggerSource
from tflited.domain.policy import Hooks
from tflited.domain.ports import Clock, JobStore, Published
from tflited.domain.report import Stage
from tflited.domain.retry import MAX_DEATHS, MAX_LOSSES, STORAGE_SECONDS, delay_seconds
from tflited.engine.messages import AttemptEnded
from tflited.errors import SourceChangedError, StoragePausedError

_DEATHS = frozenset({AttemptResult.TIMEOUT, AttemptResult.LIMIT, AttemptResult.CRASH})
_UNKNOWN = Failure(code="internal", message="The attempt ended without a reason.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finisher:
    """Moves jobs on when their attempts end; used by the engine's thread."""

    store: JobStore
    clock: Clock
    hooks: HookRunner
    recorder: Recorder

    def finish(self, ended: AttemptEnded, *, cancelled_as: JobState | None) -> Job:
        """Records an ended attempt.

        Args:
            ended: the attempt.
            cancelled_as: what its job becomes if it was killed on purpose: cancelled, superseded,
                or queued when the daemon is stopping; None when nobody asked for its end.

        Returns:
            The job as it stands now.
        """
        job = self._move(ended, cancelled_as)
        for name, seconds in ended.stage_seconds.items():
            self.recorder.stage_finished(job, Stage(name), seconds)
        if ended.outcome is not None:
            will_retry = job.state is JobState.QUEUED
            self.recorder.attempt_finished(job, ended.outcome, will_retry=will_retry)
        if job.state is not JobState.QUEUED:
            self.recorder.job_finished(job, ended.seconds)
        return job

    def end(self, job: Job, state: JobState, failure: Failure | None, hooks: Hooks) -> Job:
        """Records the end of a job that needed no attempt."""
        ended = self.store.finish(job.id, state, self.clock.now(), failure)
        self.recorder.job_finished(ended, 0.0)
        if state is JobState.FAILED and failure is not None:
            self.hooks.failed(hooks, ended, failure)
        return ended

    def confirm(self, job: Job, published: Published, hooks: Hooks) -> Job:
        """Records what an earlier attempt published, whose own record was lost with the daemon."""
        now = self.clock.now()
        ended = self.store.finish(job.id, JobState.PUBLISHED, now, manifest=published.manifest)
        self.recorder.job_finished(ended, 0.0)
        self.hooks.published(hooks, ended, published)
        return ended

    def _move(self, ended: AttemptEnded, cancelled_as: JobState | None) -> Job:
        now, job_id = self.clock.now(), ended.job.id
        if ended.published is not None and ended.report is not None:
            manifest = ended.published.manifest
            job = self.store.finish(job_id, JobState.PUBLISHED, now, manifest=manifest)
            self.recorder.set_published(job, ended.report)
            self.hooks.published(ended.policy.hooks, job, ended.published)
            return job
        failure = ended.failure or _UNKNOWN
        if cancelled_as is not None:
            return self._cancelled(ended.job, cancelled_as, failure)
        if failure.code != SourceChangedError.code:
            return self._failed(ended, failure)
        if ended.job.trigger is not TriggerSource.WATCH:  # it builds what comes after the change
            return self.store.requeue(job_id, failure, now, has_died=False)
        return self.store.finish(job_id, JobState.SUPERSEDED, now, failure)

    def _cancelled(self, job: Job, as_state: JobState, failure: Failure) -> Job:
        now = self.clock.now()
        match as_state:
            case JobState.QUEUED:
                return self.store.requeue(job.id, failure, now, has_died=False)
            case JobState.SUPERSEDED:  # the worker knows only that it was killed
                return self.store.finish(job.id, as_state, now, CHANGED_MEANWHILE)
            case _:
                return self.store.finish(job.id, as_state, now, failure)

    def _failed(self, ended: AttemptEnded, failure: Failure) -> Job:
        now, job = self.clock.now(), ended.job
        has_died = ended.outcome is not None and ended.outcome.result in _DEATHS
        is_lost = ended.outcome is not None and ended.outcome.result is AttemptResult.WORKER_LOST
        is_dead = (has_died and job.deaths + 1 >= MAX_DEATHS) or (
            is_lost and job.attempts >= MAX_LOSSES
        )
        if (has_died or failure.is_retryable) and not is_dead:
            is_pause = failure.code == StoragePausedError.code
            wait = STORAGE_SECONDS if is_pause else delay_seconds(job.attempts)
            later = now + timedelta(seconds=wait)
            return self.store.requeue(job.id, failure, later, has_died=has_died)
        state = JobState.DEAD if is_dead else JobState.FAILED
        finished = self.store.finish(job.id, state, now, failure)
        self.hooks.failed(ended.policy.hooks, finished, failure)
        return finished
