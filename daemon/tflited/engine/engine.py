"""The engine: one thread that owns every decision, fed by an inbox and driven by a clock."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from queue import Empty, SimpleQueue
from typing import TypeVar, assert_never

import structlog

from tflited.domain.build_key import BuildKey
from tflited.domain.job import Failure, Job, JobState, TriggerSource
from tflited.domain.model import ModelId
from tflited.domain.observation import Observation, RootObservation, Sight
from tflited.domain.policy import OnSourceRemoved, Policy
from tflited.domain.ports import (
    Clock,
    JobStore,
    Publisher,
    Recorder,
    Sources,
)
from tflited.domain.status import Action, Phase
from tflited.engine import journal
from tflited.engine.attempt import work_of
from tflited.engine.decide import Decider, Decision, job_for
from tflited.engine.dispatch import Slots
from tflited.engine.intake import Intake
from tflited.engine.messages import AttemptEnded, Call, Message, Wake
from tflited.engine.models import Entry, Models
from tflited.engine.outcome import Finisher
from tflited.errors import StorageFailedError, StoragePausedError, TflitedError

_LOG = structlog.get_logger()
_TICK_SECONDS = 1.0
_COUNT_SECONDS = 5.0
_SECOND = timedelta(seconds=1)
_Answer = TypeVar("_Answer")


@dataclass(slots=True, kw_only=True)
class Parts:
    """What the engine is made of; built by the composition root."""

    clock: Clock
    store: JobStore
    publisher: Publisher
    recorder: Recorder
    sources: Sources
    decider: Decider
    intake: Intake
    finisher: Finisher
    decode_policy: Callable[[str], Policy]
    encode_policy: Callable[[Policy], str]
    is_executor_ready: Callable[[], bool]
    toolchain: Mapping[str, str]


@dataclass(slots=True)
class Engine:
    """Decides, in one thread. Every other thread talks to it through ``post`` and ``call``."""

    parts: Parts
    models: Models
    inbox: SimpleQueue[Message]
    slots: Slots
    is_draining: bool = False
    last_tick: float = 0.0
    fatal: TflitedError | None = None
    _cancelled_as: dict[int, JobState] = field(default_factory=dict)
    _output_trouble: str = ""
    _count_due: float = 0.0
    _record_due: float = 0.0
    _unrecorded: list[AttemptEnded] = field(default_factory=list)

    def post(self, message: Message) -> None:
        """Puts a message into the inbox; returns at once."""
        self.inbox.put(message)

    def call(self, action: Callable[[], _Answer], timeout_seconds: float = 30.0) -> _Answer:
        """Runs something on the engine's thread and waits for its answer.

        Raises:
            TimeoutError: the engine did not get to it in time.
        """
        answer: Future[_Answer] = Future()
        self.inbox.put(Call(action, answer))
        return answer.result(timeout_seconds)

    def step(self) -> None:
        """Takes what is in the inbox, waiting at most one tick, then dispatches."""
        with suppress(Empty):
            self._take(self.inbox.get(timeout=_TICK_SECONDS))
            while True:
                self._take(self.inbox.get_nowait())
        is_whole = self._guarded(self._take_unrecorded) & self._guarded(self._look_at_data)
        if not (is_whole & self._guarded(self._dispatch) & self._guarded(self._count)):
            return  # a tick that keeps failing stops the watchdog's heartbeat
        self.last_tick = self.parts.clock.monotonic()

    def _count(self) -> None:
        now = self.parts.clock.monotonic()
        if now >= self._count_due:  # counting reads the whole history
            self._count_due = now + _COUNT_SECONDS
            running = self.slots.count - self.slots.free
            self.parts.recorder.queue_changed(self.parts.store.counts(), running=running)

    def cancel(self, job: Job, as_state: JobState) -> None:
        """Ends an active job, killing its attempt if it has one."""
        if job.state is JobState.QUEUED:
            self.parts.store.finish(job.id, as_state, self.parts.clock.now())
            if (entry := self.models.entries.get(job.model)) is not None:
                self._reconsider(entry)
        elif self.slots.cancel(job.id):
            self._cancelled_as[job.id] = as_state

    def cancel_running(self) -> None:
        """Kills every attempt; their jobs go back into the queue."""
        for attempt in self.slots.running():
            self._cancelled_as.setdefault(attempt.job_id, JobState.QUEUED)
        self.slots.cancel_all()

    def reconsider_all(self) -> None:
        """Decides anew on every model."""
        self.parts.decider.data.refresh()
        for entry in list(self.models.entries.values()):
            self._reconsider(entry)

    def queued(self, job: Job) -> None:
        """Takes notice of a job that a trigger or a retry put into the queue."""
        if job.state is JobState.QUEUED:
            self.parts.recorder.job_accepted(job)
        if (entry := self.models.entries.get(job.model)) is not None:
            self._reconsider(entry)

    def rebuild_stale(self) -> int:
        """Queues every stale model; returns how many."""
        stale = [e for e in self.models.entries.values() if _phase(e) is Phase.STALE]
        for entry in stale:
            if entry.decision is not None:
                self._queue(entry, entry.decision)
        return len(stale)

    def _take(self, message: Message) -> None:
        """Handles one message; a fault in it costs this message only."""
        self._guarded(lambda: self._handle(message))

    def _take_unrecorded(self) -> None:
        waiting, self._unrecorded = self._unrecorded, []
        now = self.parts.clock.monotonic()
        if waiting and now < self._record_due:
            self._unrecorded = waiting
            return
        self._record_due = now + _TICK_SECONDS
        for message in waiting:
            self._take(message)

    def _guarded(self, action: Callable[[], None]) -> bool:
        """Runs a part of the tick; a fault costs that part and is told, never the daemon."""
        try:
            action()
        except StorageFailedError as error:
            self.fatal = error
        except Exception:  # noqa: BLE001  # the engine's one border
            _LOG.exception("engine_fault")
        else:
            return True
        return False

    def _handle(self, message: Message) -> None:
        match message:
            case Observation():
                self._observed(message)
            case RootObservation():
                self._root_observed(message)
            case AttemptEnded():
                try:
                    self._ended(message)
                except StoragePausedError as error:  # its end is not lost: recorded when it fits
                    _LOG.warning("store_paused", reason=error.message, hint=error.hint)
                    self._unrecorded.append(message)
            case Call():
                self._answer(message)
            case Wake():
                pass
            case _:
                assert_never(message)

    def _answer(self, call: Call) -> None:
        if not call.answer.set_running_or_notify_cancel():
            return
        try:
            call.answer.set_result(call.action())
        except Exception as error:
            call.answer.set_exception(error)
            if not isinstance(error, TflitedError | OSError):
                raise

    def _observed(self, seen: Observation) -> None:
        if seen.model.root not in self.models.roots:
            return
        entry = self.models.entries.setdefault(seen.model, Entry(seen))
        entry.observation = seen
        if seen.sight is Sight.GONE:
            self._removed(entry)
            return
        if seen.sight is not Sight.ADMITTED:
            self._supersede_running(seen.model)
        self._reconsider(entry)

    def _supersede_running(self, model: ModelId, *, is_mirrored_only: bool = False) -> None:
        """Ends builds of a state that is no longer on disk, or no longer asked for by the folder.

        Args:
            model: which.
            is_mirrored_only: spare a trigger's build for a place of its own.
        """
        for attempt in self.slots.running():
            job = self.parts.store.job(attempt.job_id)
            is_spared = is_mirrored_only and job is not None and job.save_to is not None
            if attempt.model == model and not is_spared:
                self._cancelled_as.setdefault(attempt.job_id, JobState.SUPERSEDED)
                self.slots.cancel(attempt.job_id)

    def _removed(self, entry: Entry) -> None:
        model = entry.observation.model
        self._supersede_running(model)
        for job in self.parts.store.jobs(states=(JobState.QUEUED,), model=model):
            self.parts.store.finish(job.id, JobState.SUPERSEDED, self.parts.clock.now())
        rule = OnSourceRemoved.KEEP
        if entry.decision is not None and entry.decision.resolved is not None:
            rule = entry.decision.resolved.policy.output.on_source_removed
        if rule is not OnSourceRemoved.KEEP:
            self.parts.publisher.withdraw(model, archive=rule is OnSourceRemoved.ARCHIVE)
        _LOG.info("model_removed", model=str(model), outputs=rule.value)
        del self.models.entries[model]

    def _root_observed(self, seen: RootObservation) -> None:
        state = self.models.roots.get(seen.root)
        if state is None:
            return
        has_new_policies = self.models.take_root(seen)
        recorder = self.parts.recorder
        recorder.root_available(seen.root, is_available=seen.is_available)
        if not seen.is_available:
            return
        if not seen.scope:
            recorder.scanned(seen.root, models=seen.models, seconds=seen.seconds, now=seen.at)
        self.parts.decider.data.refresh()
        is_whole = has_new_policies or not seen.scope
        for entry in list(self.models.of_root(seen.root)):
            if is_whole or _has_data(entry):
                self._reconsider(entry)
        phases = {phase.value: count for phase, count in self.models.phases(seen.root).items()}
        recorder.models_changed(seen.root, phases)

    def _look_at_data(self) -> None:
        """Decides anew on models whose data has settled by now."""
        due = self.parts.decider.data.next_due()
        if due is not None and self.parts.clock.monotonic() >= due:
            for entry in list(self.models.entries.values()):
                if _has_data(entry):
                    self._reconsider(entry)

    def _reconsider(self, entry: Entry) -> None:
        seen = entry.observation
        root = self.models.roots[seen.model.root].root
        before = entry.decision
        decision = self.parts.decider.decide(root, seen)
        entry.decision = decision
        if decision.action is Action.BUILD and not self.is_draining:
            self._queue(entry, decision)
        if before is None or (before.phase, before.reason) != (decision.phase, decision.reason):
            entry.since = self.parts.clock.now()
            journal.phase_changed(seen.model, entry.decision)

    def _queue(self, entry: Entry, decision: Decision) -> None:
        if decision.key is None or decision.resolved is None:
            return
        seen = entry.observation
        self._supersede_running(seen.model, is_mirrored_only=True)
        policy_json = self.parts.encode_policy(decision.resolved.policy)
        new = job_for(seen, decision.key, policy_json, TriggerSource.WATCH)
        job = self.parts.store.accept(new, self.parts.clock.now())
        self.parts.recorder.job_accepted(job)
        root = self.models.roots[seen.model.root].root
        entry.decision = self.parts.decider.decide(root, seen)
        _LOG.info("job_accepted", job_id=job.id, model=str(seen.model), reason=decision.reason)

    def _dispatch(self) -> None:
        if self.is_draining or not self.parts.is_executor_ready() or not self._has_started():
            return
        while self.slots.free > 0 and self._is_output_writable():
            job = self.parts.store.claim(self.parts.clock.now())
            if job is None:
                break
            self._begin(job)

    def _has_started(self) -> bool:
        return all(state.has_answered for state in self.models.roots.values())

    def _is_output_writable(self) -> bool:
        trouble = self.parts.publisher.check_writable()
        if trouble != self._output_trouble:
            self._output_trouble = trouble
            if trouble:
                _LOG.error("output_paused", reason=trouble)
            else:
                _LOG.info("output_resumed")
        return not trouble

    def _begin(self, job: Job) -> None:
        policy = self.parts.decode_policy(job.policy_json)
        entry = self.models.entries.get(job.model)
        seen = entry.observation if entry else None
        data = self.parts.decider.data.view(policy)
        if entry is None or seen is None or data.digest is None or seen.digest is None:
            self._defer(job, is_gone=entry is None)
            return
        key = BuildKey.of(
            model=seen.digest,
            policy=policy.digest,
            data=data.digest,
            toolchain=self.parts.toolchain,
        )
        if key.value != job.build_key:
            failure = Failure(code="source_changed", message="Its inputs changed while it waited.")
            self.parts.store.finish(job.id, JobState.SUPERSEDED, self.parts.clock.now(), failure)
            self._reconsider(entry)
            return
        _LOG.info("attempt_started", job_id=job.id, model=str(job.model), attempt=job.attempts)
        self.slots.begin(work_of(job, policy, key, data, self.parts.toolchain))
        self._reconsider(entry)

    def _defer(self, job: Job, *, is_gone: bool) -> None:
        """A claimed job whose model is not settled yet goes back; one without a model ends."""
        now = self.parts.clock.now()
        if is_gone and self.models.roots.get(job.model.root) is None:
            message = f"Root {job.model.root} is no longer configured."
        elif is_gone and self.models.roots[job.model.root].is_available:
            message = "The model is no longer in its root."
        else:
            failure = Failure(
                code="waiting", message="The model has not settled.", is_retryable=True
            )
            later = now.replace(microsecond=0) + _SECOND
            self.parts.store.requeue(job.id, failure, later, has_died=False)
            return
        failure = Failure(code="source_changed", message=message)
        self.parts.store.finish(job.id, JobState.SUPERSEDED, now, failure)

    def _ended(self, ended: AttemptEnded) -> None:
        cancelled_as = self._cancelled_as.pop(ended.job.id, None)
        job = self.parts.finisher.finish(ended, cancelled_as=cancelled_as)
        if ended.failure is not None and ended.failure.code == StorageFailedError.code:
            self.fatal = StorageFailedError(ended.failure.message, hint=ended.failure.hint)
        journal.attempt_ended(job, ended)
        entry = self.models.entries.get(job.model)
        if job.state is JobState.SUPERSEDED and cancelled_as is None:
            self.parts.sources.look_again(job.model.root, job.model.path)
            if entry is not None:  # the admitted state is not believed until it is seen anew
                entry.observation = replace(
                    entry.observation,
                    sight=Sight.SETTLING,
                    digest=None,
                    reason="it changed while it was copied for the build",
                )
        if entry is not None:
            self._reconsider(entry)


def _phase(entry: Entry) -> Phase | None:
    return entry.decision.phase if entry.decision else None


def _has_data(entry: Entry) -> bool:
    resolved = entry.decision.resolved if entry.decision else None
    return resolved is not None and bool(
        resolved.policy.calibration
        or resolved.policy.evaluation.data
        or resolved.policy.custom_objects
    )
