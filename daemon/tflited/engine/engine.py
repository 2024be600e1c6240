"""The engine: one thread that owns every decision, fed by an inbox and driven by a clock."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import TypeVar, assert_never

import structlog

from tflited.domain.audience import Recorder
from tflited.domain.job import REPLACED, Failure, Job, JobState, TriggerSource, facts
from tflited.domain.model import ModelId
from tflited.domain.observation import Observation, RootObservation, Sight
from tflited.domain.policy import Policy
from tflited.domain.ports import Clock, JobStore, Publisher, Sources
from tflited.domain.status import Action, Phase
from tflited.engine import journal, versions
from tflited.engine.attempt import work_of
from tflited.engine.binding import Binder
from tflited.engine.decide import Decider, Decision, job_for, paced
from tflited.engine.dispatch import Slots
from tflited.engine.intake import Intake
from tflited.engine.messages import AttemptEnded, Call, Message, Wake
from tflited.engine.models import Entry, Models
from tflited.engine.outcome import Finisher
from tflited.engine.pace import Pace
from tflited.engine.pause import OutputPause
from tflited.engine.removal import Removals
from tflited.engine.turns import Turns
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
    pace: Pace
    removals: Removals
    encode_policy: Callable[[Policy], str]
    is_executor_ready: Callable[[], bool]
    toolchain: Mapping[str, str]
    model_changed: Callable[[], None] = lambda: None


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
    _pause: OutputPause = field(default_factory=OutputPause)
    _count_due: float = 0.0
    _record_due: float = 0.0
    _unrecorded: list[AttemptEnded] = field(default_factory=list)
    _untold: set[str] = field(default_factory=set)
    _turns: Turns = field(default_factory=Turns)

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
        is_whole &= self._guarded(self.parts.removals.advance)
        if not (is_whole & self._guarded(self._dispatch) & self._guarded(self._count)):
            return  # a tick that keeps failing stops the watchdog's heartbeat
        self.last_tick = self.parts.clock.monotonic()

    def _count(self) -> None:
        now = self.parts.clock.monotonic()
        if now >= self._count_due:  # counting reads the whole history
            self._count_due = now + _COUNT_SECONDS
            running = self.slots.count - self.slots.free
            self.parts.recorder.queue_changed(self.parts.store.counts(), running=running)
            self.parts.publisher.collect()
            for root in self._untold & self.models.roots.keys():
                self._tell_phases(root)

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
        stale = [e for e in self.models.entries.values() if e.phase is Phase.STALE]
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
        except StoragePausedError as error:  # no fault: the next tick or scan does it
            _LOG.warning("store_paused", reason=error.message, hint=error.hint)
            return True
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
        entry = self.models.put(Entry(seen))
        entry.observation = seen
        if seen.sight is Sight.GONE:
            self._removed(entry)
            return
        self.parts.removals.back(seen.model)
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
        self._drop_queued(model, failure, are_all=True)
        resolved = entry.decision.resolved if entry.decision else None
        rule = resolved.policy.output.on_source_removed if resolved else None
        gone = self.parts.removals.left(model, rule)
        reason = gone.reason if gone else "nothing is published for it"
        _LOG.info("model_removed", model=str(model), reason=reason)
        del self.models.entries[model]
        self.parts.model_changed()
        self._reconsider_older(entry)

    def _root_observed(self, seen: RootObservation) -> None:
        state = self.models.roots.get(seen.root)
        if state is None:
            return
        has_new_policies = self.models.take_root(seen)
        self.parts.recorder.root_observed(seen)
        if not seen.is_available:
            return
        self.parts.decider.data.refresh()
        self.parts.binder.refresh_unseen(seen.root)
        waiting = self._waiting()
        entries = list(self.models.of_root(seen.root))
        turn = self._turns.take(seen.root, entries) if not seen.scope else frozenset()
        for entry in entries:
            model = entry.observation.model
            if has_new_policies or model in turn or entry.has_data or model in waiting:
                self._reconsider(entry)
        if not seen.scope:
            self.parts.removals.scanned(seen.root)
        self._tell_phases(seen.root)

    def _tell_phases(self, root: str) -> None:
        self._untold.discard(root)
        phases = {phase.value: count for phase, count in self.models.phases(root).items()}
        self.parts.recorder.models_changed(root, phases, self.models.oldest_unbuilt(root))

    def _look_at_data(self) -> None:
        """Decides anew on models whose data has settled by now."""
        due = self.parts.decider.data.next_due()
        if due is not None and self.parts.clock.monotonic() >= due:
            waiting = self._waiting()
            for entry in list(self.models.entries.values()):
                if entry.has_data or entry.observation.model in waiting:
                    self._reconsider(entry)

    def _waiting(self) -> set[ModelId]:
        """The models whose jobs wait: for the model itself, or for a trigger's own data."""
        return {job.model for job in self.parts.store.waiting()}

    def _reconsider(self, entry: Entry) -> None:
        seen, is_first = entry.observation, entry.decision is None
        # Triggers first: one that is bound now does the folder's work, and it is not done twice.
        self.parts.binder.refresh(seen.model)
        decision = self._decide(entry)
        is_news = entry.take(decision, self.parts.clock.now())
        if decision.action is Action.BUILD and not self.is_draining:
            self._queue(entry, decision)
        if decision.phase is Phase.OLDER:
            self._drop_queued(seen.model, REPLACED)
        if is_news:
            self._untold.add(seen.model.root)
            self.parts.model_changed()
            journal.phase_changed(seen.model, entry.decision or decision, is_first=is_first)
            if is_first:
                journal.version_seen(seen.model, versions.twins(self.models, seen.model))
            self._reconsider_older(entry)

    def _decide(self, entry: Entry) -> Decision:
        """The decision on a model beside its other versions, and no sooner than its pace allows."""
        seen = entry.observation
        root = self.models.roots[seen.model.root].root
        decision = self.parts.decider.decide(root, seen, versions.newer(self.models, seen.model))
        if decision.action is not Action.BUILD:
            return decision
        pace = self.parts.pace
        until = pace.free_at(seen.model)
        return decision if until is None else paced(decision, until, pace.builds_per_hour)

    def _reconsider_older(self, entry: Entry) -> None:
        for other in versions.older(self.models, entry.observation.model):
            self._reconsider(other)

    def _drop_queued(self, model: ModelId, failure: Failure, *, are_all: bool = False) -> None:
        """Supersedes the queued jobs of a model; those of triggers too, where it is gone."""
        for job in self.parts.store.jobs(states=(JobState.QUEUED,), model=model):
            if are_all or job.trigger is TriggerSource.WATCH:
                now = self.parts.clock.now()
                self.parts.store.finish(job.id, JobState.SUPERSEDED, now, failure)

    def _queue(self, entry: Entry, decision: Decision) -> None:
        if decision.key is None or decision.resolved is None:
            return
        seen = entry.observation
        for running in self._running(seen.model):
            if running.save_to is None:  # a trigger's build for a place of its own goes on
                self._kill(running, JobState.SUPERSEDED)
        resolved = decision.resolved
        policy = resolved.name, self.parts.encode_policy(resolved.policy)
        new = job_for(seen, decision.key, policy, TriggerSource.WATCH)
        job = self.parts.store.accept(new, self.parts.clock.now())
        self.parts.recorder.job_accepted(job)
        root = self.models.roots[seen.model.root].root
        entry.decision = self.parts.decider.decide(root, seen)
        _LOG.info("job_accepted", **facts(job), reason=decision.reason)

    def _dispatch(self) -> None:
        if self.is_draining or not self.parts.is_executor_ready() or not self._has_started():
            return
        while self.slots.free > 0 and self._pause.is_over(self.parts.publisher):
            job = self.parts.store.claim(self.parts.clock.now())
            if job is None:
                break
            self._begin(job)

    def _has_started(self) -> bool:
        return all(state.has_answered for state in self.models.roots.values())

    def _begin(self, claimed: Job) -> None:
        entry = self.models.entries.get(claimed.model)
        begun = self.parts.binder.begin(claimed)
        if begun is not None:
            job, bound = begun
            _LOG.info("attempt_started", **facts(job), attempt=job.attempts)
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
        if entry is None and ended.published is not None and job.save_to is None:
            self.parts.removals.left(job.model, ended.policy.output.on_source_removed)
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
