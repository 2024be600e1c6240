"""The engine: one thread that owns every decision, fed by an inbox and driven by a clock."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import TypeVar, assert_never

import structlog

from tflited.domain.audience import Recorder
from tflited.domain.job import Failure, Job, JobState, TriggerSource
from tflited.domain.model import ModelId
from tflited.domain.observation import Observation, RootObservation, Sight
from tflited.domain.policy import OnSourceRemoved, Policy
from tflited.domain.ports import (
    Clock,
    JobStore,
    Publisher,
    Sources,
)
from tflited.domain.status import Action, Phase
from tflited.engine import journal
from tflited.engine.attempt import work_of
from tflited.engine.binding import Binder
from tflited.engine.decide import Decider, Decision, job_for
from tflited.engine.dispatch import Slots
from tflited.engine.intake import Intake
from tflited.engine.messages import AttemptEnded, Call, Message, Wake
from tflited.engine.models import Entry, Models
from tflited.engine.outcome import Finisher
from tflited.errors import (
    SourceChangedError,
    StorageFailedError,
    StoragePausedError,
    StoreCorruptError,
    TflitedError,
)

_LOG = structlog.get_logger()
_TICK_SECONDS = 1.0
_COUNT_SECONDS = 5.0
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
    binder: Binder
    intake: Intake
    finisher: Finisher
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
        self.parts.binder.refresh_unseen()
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
        except (StorageFailedError, StoreCorruptError) as error:
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
            is_fatal = isinstance(error, StorageFailedError | StoreCorruptError)
            if is_fatal or not isinstance(error, TflitedError | OSError):
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
            for job in self._running(seen.model):
                # A trigger asks for whatever the model is: it waits for the new state.
                is_watched = job.trigger is TriggerSource.WATCH
                self._kill(job, JobState.SUPERSEDED if is_watched else JobState.QUEUED)
        self._reconsider(entry)

    def _running(self, model: ModelId) -> list[Job]:
        found = (self.parts.store.job(each.job_id) for each in self.slots.running())
        return [job for job in found if job is not None and job.model == model]

    def _kill(self, job: Job, as_state: JobState) -> None:
        self._cancelled_as.setdefault(job.id, as_state)
        self.slots.cancel(job.id)

    def _removed(self, entry: Entry) -> None:
        model = entry.observation.model
        for job in self._running(model):
            self._kill(job, JobState.SUPERSEDED)
        failure = Failure(code=SourceChangedError.code, message="The model left its root.")
        for job in self.parts.store.jobs(states=(JobState.QUEUED,), model=model):
            self.parts.store.finish(job.id, JobState.SUPERSEDED, self.parts.clock.now(), failure)
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
        self.parts.binder.refresh_unseen(seen.root)
        is_whole = has_new_policies or not seen.scope
        waiting = self._waiting()
        for entry in list(self.models.of_root(seen.root)):
            if is_whole or _has_data(entry) or entry.observation.model in waiting:
                self._reconsider(entry)
        phases = {phase.value: count for phase, count in self.models.phases(seen.root).items()}
        recorder.models_changed(seen.root, phases)

    def _look_at_data(self) -> None:
        """Decides anew on models whose data has settled by now."""
        due = self.parts.decider.data.next_due()
        if due is not None and self.parts.clock.monotonic() >= due:
            waiting = self._waiting()
            for entry in list(self.models.entries.values()):
                if _has_data(entry) or entry.observation.model in waiting:
                    self._reconsider(entry)

    def _waiting(self) -> set[ModelId]:
        """The models whose jobs wait: for the model itself, or for a trigger's own data."""
        return {job.model for job in self.parts.store.waiting()}

    def _reconsider(self, entry: Entry) -> None:
        seen = entry.observation
        root = self.models.roots[seen.model.root].root
        before = entry.decision
        # Triggers first: one that is bound now does the folder's work, and it is not done twice.
        self.parts.binder.refresh(seen.model)
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
        for running in self._running(seen.model):
            if running.save_to is None:  # a trigger's build for a place of its own goes on
                self._kill(running, JobState.SUPERSEDED)
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

    def _begin(self, claimed: Job) -> None:
        entry = self.models.entries.get(claimed.model)
        begun = self.parts.binder.begin(claimed)
        if begun is not None:
            job, bound = begun
            _LOG.info("attempt_started", job_id=job.id, model=str(job.model), attempt=job.attempts)
            work = work_of(job, bound.policy, bound.key, bound.data, self.parts.toolchain)
            self.slots.begin(work)
        if entry is not None:
            self._reconsider(entry)

    def _ended(self, ended: AttemptEnded) -> None:
        cancelled_as = self._cancelled_as.pop(ended.job.id, None)
        if ended.failure is not None and ended.failure.code == StorageFailedError.code:
            # Nothing is recorded on a failing device: the next start finds it running, redoes it.
            self.fatal = StorageFailedError(ended.failure.message, hint=ended.failure.hint)
            return
        job = self.parts.finisher.finish(ended, cancelled_as=cancelled_as)
        journal.attempt_ended(job, ended)
        entry = self.models.entries.get(job.model)
        is_changed = ended.failure is not None and ended.failure.code == SourceChangedError.code
        if is_changed and cancelled_as is None:
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
