"""A whole engine over doubles: scriptable attempts, a clock that tests move, no disk but tmp."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Final

from fakes.publisher import MemoryPublisher
from fakes.samples import MODEL, NOON, a_report
from fakes.store import MemoryStore
from tflited.domain.attempt import AttemptLimits, AttemptOutcome, AttemptRequest, AttemptResult
from tflited.domain.build_key import combine
from tflited.domain.job import Failure, Job, JobState, TriggerSource
from tflited.domain.model import Digest, FileIdentity, ModelId, ModelKind, Snapshot
from tflited.domain.observation import Observation, RootObservation, Sight
from tflited.domain.policy import Calibration, Hooks, Policy, ResolvedPolicy
from tflited.domain.ports import DataFile, Progress, Published, Root, StoreCounts
from tflited.domain.removal import BrakeRules
from tflited.domain.report import BuildReport, Stage
from tflited.domain.trigger import Trigger
from tflited.engine.attempt import AttemptRunner
from tflited.engine.binding import Binder
from tflited.engine.control import EngineControl
from tflited.engine.data import DataWatch
from tflited.engine.decide import Decider
from tflited.engine.dispatch import Slots
from tflited.engine.engine import Engine, Parts
from tflited.engine.events import EventLog
from tflited.engine.explain import Explainer
from tflited.engine.intake import Intake
from tflited.engine.journal import tell_removals
from tflited.engine.messages import Message, Wake
from tflited.engine.models import Models, RootEntry
from tflited.engine.outcome import Finisher
from tflited.engine.pace import Pace
from tflited.engine.proving import ProvingExecutor
from tflited.engine.records import recording
from tflited.engine.removal import Removals
from tflited.errors import ConfigurationError, Refusal, TflitedError
from tflited.settings.codec import decode_policy, encode_policy
from tflited.store.attempt_records import AttemptFolder
from tflited.triggers.document import parse
from tflited.triggers.references import ReferenceFolder
from waiting import wait_until

DEADLINE_SECONDS: Final = 20.0
SETTLE_SECONDS: Final = 5.0
BUILDS_PER_HOUR: Final = 20
DATA: Final = "/data/*.npz"


class FixedClock:
    """A clock that stands still until ``advance``."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def advance(self, seconds: float) -> None:
        """Moves both clocks on."""
        self.seconds += seconds

    def monotonic(self) -> float:
        """Seconds since the test began."""
        return self.seconds

    def now(self) -> datetime:
        """Noon and what was advanced."""
        return NOON + timedelta(seconds=self.seconds)


class ScriptedExecutor:
    """Implements Executor: each attempt ends as the script says, well once that is used up.

    Attributes:
        script: the ends of the next attempts.
        requests: what was asked, but for proofs.
        proofs: the requests of children that only prove; they agree, unless ``second`` says else.
        second: the end of the next proof.
        is_ready: whether a child could start.
        is_holding: attempts last until they are cancelled.
        told: stage and detail that each child tells last.
    """

    def __init__(self) -> None:
        self.told = (Stage.LOWER, "int8")
        self.script: list[AttemptOutcome] = []
        self.requests: list[AttemptRequest] = []
        self.proofs: list[AttemptRequest] = []
        self.second: AttemptOutcome | None = None
        self._left = AttemptOutcome(result=AttemptResult.OK, report=a_report())
        self.is_ready = True
        self.is_holding = False

    def run_attempt(
        self, request: AttemptRequest, limits: AttemptLimits, progress: Progress, cancel: Event
    ) -> AttemptOutcome:
        """Plays the next line of the script."""
        if request.evidence:
            self.proofs.append(request)
            return self.second or self._left
        progress(*self.told)
        self.requests.append(request)
        if self.is_holding and cancel.wait(DEADLINE_SECONDS):
            return an_end(AttemptResult.CANCELLED, code="cancelled")
        self._left = AttemptOutcome(result=AttemptResult.OK, report=a_report())
        if self.script:
            self._left = self.script.pop(0)
        return self._left


class FakeSources:
    """Implements Sources over dicts.

    Attributes:
        accepted: the roots of ``accept_root``.
        looked: where ``look_again`` was asked to look.
        fetched: what ``fetch_again`` was asked for.
        data: pattern to its files.
        on_disk: path to kind of the models that are there, seen by a scan or not.
        error: raised by ``stage``, when set.
        has_changed: what ``is_unchanged`` denies.
    """

    def __init__(self) -> None:
        self.accepted: list[str] = []
        self.looked: list[tuple[str, str]] = []
        self.fetched: list[tuple[str, str]] = []
        self.data: dict[str, tuple[DataFile, ...]] = {}
        self.on_disk: dict[str, ModelKind] = {}
        self.error: TflitedError | None = None
        self.has_changed = False

    def look_again(self, root: str, path: str) -> None:
        """Remembers."""
        self.looked.append((root, path))

    def accept_root(self, root: str) -> None:
        """Remembers."""
        self.accepted.append(root)

    def find_model(self, root: Root, path: str) -> ModelKind | None:
        """As set."""
        return self.on_disk.get(path)

    def fetch_again(self, root: str, path: str) -> None:
        """Remembers."""
        self.fetched.append((root, path))

    def stage(self, model: ModelId, destination: Path, expected: Digest) -> Path:
        """Makes a file with the digest in it."""
        if self.error is not None:
            raise self.error
        copy = destination / "model.keras"
        copy.write_text(expected, encoding="ascii")
        return copy

    def is_unchanged(self, model: ModelId, digest: Digest) -> bool:
        """As set."""
        return not self.has_changed

    def find_data(self, pattern: str) -> tuple[DataFile, ...]:
        """As set."""
        return self.data.get(pattern, ())

    def digest_data(self, files: Sequence[DataFile]) -> Digest:
        """Of names and identities."""
        return combine(*(f"{file.path} {file.identity}" for file in files))

    def stage_data(self, file: Path, destination: Path, expected: Digest) -> Path:
        """Makes a file with the digest in it."""
        copy = destination / file.name
        copy.write_text(expected, encoding="ascii")
        return copy


class FakeResolver:
    """Implements PolicyResolver: one policy for every model.

    Attributes:
        policy: the one.
        error: raised, when set.
        triggers: what ``resolve_trigger`` was asked.
    """

    def __init__(self) -> None:
        self.policy = Policy()
        self.error: ConfigurationError | None = None
        self.triggers: list[Trigger] = []

    def resolve(self, root: Root, path: str) -> ResolvedPolicy:
        """The policy."""
        if self.error is not None:
            raise self.error
        return ResolvedPolicy(policy=self.policy, origins={"target": "cpu (built-in)"}, name="base")

    def resolve_trigger(self, root: Root, path: str, trigger: Trigger) -> ResolvedPolicy:
        """The policy, whatever the trigger overrides."""
        self.triggers.append(trigger)
        return self.resolve(root, path)


class ListRecorder:
    """Implements Recorder: ``told`` holds the name of each call and its first argument."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []

    @property
    def refusals(self) -> list[Refusal | None]:
        """What became of triggers, in order; None where one was accepted."""
        return [told for name, told in self.told if name == "trigger_received"]

    def names(self) -> list[str]:
        """The calls in order."""
        return [name for name, _ in self.told]

    def job_accepted(self, job: Job) -> None:
        """Notes."""
        self.told.append(("job_accepted", job))

    def job_finished(self, job: Job, seconds: float) -> None:
        """Notes."""
        self.told.append(("job_finished", job))

    def attempt_finished(self, job: Job, outcome: AttemptOutcome, *, will_retry: bool) -> None:
        """Notes."""
        self.told.append(("attempt_finished", will_retry))

    def set_published(self, job: Job, report: BuildReport) -> None:
        """Notes."""
        self.told.append(("set_published", report))

    def stage_finished(self, job: Job, stage: Stage, seconds: float) -> None:
        """Notes."""
        self.told.append(("stage_finished", stage))

    def trigger_received(self, source: TriggerSource, refusal: Refusal | None) -> None:
        """Notes."""
        self.told.append(("trigger_received", refusal))

    def root_observed(self, seen: RootObservation) -> None:
        """Notes."""
        self.told.append(("root_observed", seen))

    def queue_changed(self, counts: StoreCounts, *, running: int) -> None:
        """Notes."""
        self.told.append(("queue_changed", running))

    def models_changed(
        self, root: str, by_phase: Mapping[str, int], oldest_unbuilt: datetime | None
    ) -> None:
        """Notes."""
        self.told.append(("models_changed", oldest_unbuilt))

    def removals_waiting(self, root: str, models: int) -> None:
        """Notes."""
        self.told.append(("removals_waiting", models))

    def reloaded(self, *, is_successful: bool, now: datetime) -> None:
        """Notes."""
        self.told.append(("reloaded", is_successful))


class ListHooks:
    """Implements HookRunner: remembers the states of the jobs it was told of."""

    def __init__(self) -> None:
        self.told: list[JobState] = []

    def published(self, hooks: Hooks, job: Job, published: Published) -> None:
        """Notes."""
        self.told.append(job.state)

    def failed(self, hooks: Hooks, job: Job, failure: Failure) -> None:
        """Notes."""
        self.told.append(job.state)


class World:
    """One engine and everything it talks to; ``close`` ends its slots."""

    def __init__(self, folder: Path) -> None:
        self.clock, self.store, self.publisher = FixedClock(), MemoryStore(), MemoryPublisher()
        self.sources, self.executor = FakeSources(), ScriptedExecutor()
        self.resolver, self.recorder, self.hooks = FakeResolver(), ListRecorder(), ListHooks()
        self.toolchain = {"tensorflow": "2.21.0"}
        self.root = Root(name=MODEL.root, path=folder / "models")
        self.root.path.mkdir(exist_ok=True)
        self.references = folder / "hub-references"
        self.references.mkdir(exist_ok=True)
        self.models = Models({self.root.name: RootEntry(self.root)})
        self.data = DataWatch(self.sources, self.clock, SETTLE_SECONDS)
        self.runner = AttemptRunner(
            sources=self.sources,
            executor=ProvingExecutor(self.executor, self.clock),
            publisher=self.publisher,
            clock=self.clock,
            scratch=folder / "scratch",
            limits=AttemptLimits(),
            threads=1,
        )
        self.events = EventLog(self.clock)
        inbox: SimpleQueue[Message] = SimpleQueue()
        self.records = AttemptFolder(folder / "attempts", self.clock)
        ended = recording(self.records, self.clock, inbox.put)
        self.slots = Slots(1, self.runner, self.clock, ended, self.events.stage_began)
        self.engine = Engine(self._parts(), self.models, inbox, self.slots)
        self.slots.start()

    def close(self) -> None:
        """Ends the slots."""
        self.slots.cancel_all()
        self.slots.stop(DEADLINE_SECONDS)

    def control(self) -> EngineControl:
        """The doors of this engine; whoever asks needs ``serving``."""
        return EngineControl(
            engine=self.engine,
            explainer=self.explainer(),
            version="1.2.3",
            started_at=NOON,
            alive_seconds=30.0,
            reload_settings=lambda: self.recorder.reloaded(is_successful=True, now=NOON),
            feed=self.events,
            records=self.records,
        )

    def explainer(self) -> Explainer:
        """Answers from this engine's memory."""
        return Explainer.of(self.engine)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Lets a thread drive the engine meanwhile."""
        over = Event()

        def run() -> None:
            while not over.is_set():
                self.engine.step()

        thread = Thread(target=run, name="engine")
        thread.start()
        try:
            yield
        finally:
            over.set()
            self.engine.post(Wake())
            thread.join(DEADLINE_SECONDS)

    def scan(self, **changes: Any) -> None:
        """Tells of a look at the whole root."""
        seen = RootObservation(
            root=self.root.name, scope="", is_available=True, at=self.clock.now()
        )
        self.engine.post(replace(seen, **changes))
        self.step()

    def see(self, mark: str = "1", **changes: Any) -> None:
        """Tells of the model; another mark is another content."""
        self.engine.post(an_observation(mark, **changes))
        self.step()

    def step(self) -> None:
        """One step that waits for nothing."""
        self.engine.post(Wake())
        self.engine.step()

    def run(self) -> None:
        """Steps until no attempt is under way."""
        wait_until(self._is_idle, DEADLINE_SECONDS, what="every attempt to end")

    def hold(self) -> None:
        """Lets the model's attempt begin and last."""
        self.executor.is_holding = True
        self.scan()
        self.see()
        wait_until(lambda: self.executor.requests, DEADLINE_SECONDS, what="the attempt")
        self.executor.is_holding = False

    def build(self) -> Job:
        """Scans, sees the model and runs its attempts; returns its job."""
        self.scan()
        self.see()
        self.run()
        return self.jobs()[0]

    def jobs(self) -> list[Job]:
        """Every job, oldest first."""
        return list(reversed(self.store.jobs()))

    def states(self) -> list[JobState]:
        """The states of every job, oldest first."""
        return [job.state for job in self.jobs()]

    def _is_idle(self) -> bool:
        self.step()
        return not self.store.jobs(states=(JobState.RUNNING,))

    def _parts(self) -> Parts:
        finisher = Finisher(
            store=self.store, clock=self.clock, hooks=self.hooks, recorder=self.recorder
        )
        binder = Binder(
            models=self.models,
            sources=self.sources,
            decider=self.decider(),
            store=self.store,
            finisher=finisher,
            decode_policy=decode_policy,
            encode_policy=encode_policy,
        )
        return Parts(
            clock=self.clock,
            store=self.store,
            publisher=self.publisher,
            recorder=self.recorder,
            sources=self.sources,
            decider=self.decider(),
            binder=binder,
            intake=self._intake(binder),
            finisher=finisher,
            pace=Pace(self.store, self.clock, BUILDS_PER_HOUR),
            removals=self._removals(),
            encode_policy=encode_policy,
            is_executor_ready=lambda: self.executor.is_ready,
            toolchain=self.toolchain,
            model_changed=self.events.model_changed,
        )

    def decider(self, *, should_rebuild_on_upgrade: bool = False) -> Decider:
        """What decides; shares the toolchain with everything else."""
        return Decider(
            resolver=self.resolver,
            data=self.data,
            store=self.store,
            publisher=self.publisher,
            toolchain=self.toolchain,
            should_rebuild_on_upgrade=should_rebuild_on_upgrade,
        )

    def _removals(self) -> Removals:
        return Removals(
            models=self.models,
            sources=self.sources,
            publisher=self.publisher,
            resolver=self.resolver,
            clock=self.clock,
            brake=BrakeRules(),
            settle_seconds=SETTLE_SECONDS,
            tell=tell_removals(self.recorder),
        )

    def _intake(self, binder: Binder) -> Intake:
        return Intake(
            parse=parse,
            models=self.models,
            sources=self.sources,
            references=ReferenceFolder(self.references, ()),
            resolver=self.resolver,
            binder=binder,
            store=self.store,
            encode_policy=encode_policy,
            recorder=self.recorder,
        )


def an_observation(mark: str = "1", **changes: Any) -> Observation:
    """The sample model, admitted; another mark is another content."""
    seen = Observation(
        model=MODEL,
        snapshot=Snapshot(kind=ModelKind.SAVED_MODEL, files=()),
        sight=Sight.ADMITTED,
        at=NOON,
        digest=combine("model", mark),
    )
    return replace(seen, **changes)


def an_end(
    result: AttemptResult, *, code: str = "conversion", is_retryable: bool = False
) -> AttemptOutcome:
    """An attempt that did not go well."""
    failure = Failure(code=code, message="It ended.", hint="mend it", is_retryable=is_retryable)
    return AttemptOutcome(result=result, failure=failure)


def a_data_file(name: str = "a.npz", *, size: int = 1) -> DataFile:
    """One file of data; another size is another identity."""
    identity = FileIdentity(device=1, inode=1, size=size, mtime_ns=1, ctime_ns=1)
    return DataFile(path=Path("/data") / name, identity=identity)


def with_calibration() -> Policy:
    """A policy that names data."""
    return Policy(calibration=Calibration(data=DATA))
