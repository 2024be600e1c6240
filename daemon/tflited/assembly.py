"""The composition root: the only place that constructs the daemon's adapters and joins them.

Nothing is started here; ``app.py`` does that.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from tflited import __version__, toolchain
from tflited.clock import SystemClock
from tflited.domain.attempt import AttemptLimits
from tflited.domain.policy import ResolvedPolicy
from tflited.domain.ports import Executor, Root
from tflited.domain.status import HealthCheck
from tflited.domain.trigger import Trigger
from tflited.engine.attempt import AttemptRunner
from tflited.engine.binding import Binder
from tflited.engine.control import EngineControl
from tflited.engine.data import DataWatch
from tflited.engine.decide import Decider
from tflited.engine.dispatch import Slots, slots_in
from tflited.engine.engine import Engine, Parts
from tflited.engine.events import EventLog
from tflited.engine.explain import Explainer
from tflited.engine.intake import Intake
from tflited.engine.journal import tell_removals
from tflited.engine.messages import Message
from tflited.engine.models import Models, RootEntry
from tflited.engine.outcome import Finisher
from tflited.engine.pace import Pace
from tflited.engine.proving import ProvingExecutor
from tflited.engine.records import recording
from tflited.engine.removal import Removals
from tflited.errors import CannotStartError
from tflited.hub import hub_models
from tflited.output.hooks import HookThread
from tflited.output.reading import PublishedSets
from tflited.output.tree import OutputTree
from tflited.settings.codec import decode_policy, encode_policy
from tflited.settings.cross_checks import REFERENCES_NAME
from tflited.settings.model import Settings
from tflited.settings.resolve import FolderPolicies
from tflited.sources.recall import Recall
from tflited.sources.settle import Waits
from tflited.sources.uploads.desk import Uploads
from tflited.sources.watch import SourceWatch
from tflited.store.attempt_records import AttemptFolder
from tflited.store.backup import Kept
from tflited.store.lock import StateLock
from tflited.store.repair import open_store, set_aside
from tflited.telemetry.metrics.exposition import Metrics
from tflited.telemetry.notify import inherited_sockets
from tflited.telemetry.room import RoomWatch
from tflited.triggers.broker.door import BrokerDoor
from tflited.triggers.document import json_schema, parse
from tflited.triggers.references import ReferenceFolder
from tflited.triggers.spool import Spool
from tflited.web.api import create_app
from tflited.web.counted import Counted
from tflited.web.offers import Offers
from tflited.web.server import HttpServer
from tflited.web.tokens import load_tokens
from tflited.workers.cluster.executor import DaskExecutor
from tflited.workers.local import LocalExecutor

_ALIVE_SECONDS = 30.0
STORE_NAME = "jobs.sqlite3"
SPOOL_NAME = "spool"
RECALL_NAME = "sources.sqlite3"
ATTEMPTS_NAME = "attempts"


class CurrentPolicies:
    """The policies of the configuration in force; a reload puts new ones in their place."""

    def __init__(self, settings: Settings) -> None:
        self.current = FolderPolicies(settings)

    def resolve(self, root: Root, path: str) -> ResolvedPolicy:
        """The policy of the model at a path below the root."""
        return self.current.resolve(root, path)

    def resolve_trigger(self, root: Root, path: str, trigger: Trigger) -> ResolvedPolicy:
        """The policy of a model with a trigger's name and override on top."""
        return self.current.resolve_trigger(root, path, trigger)


class Assembly:
    """Everything that a daemon is made of, joined and not started.

    Args:
        settings: the configuration to start with.
        reload: reads the configuration again and applies it, on the caller's thread.

    Raises:
        CannotStartError: the state folder is in use or cannot be written.
        StoreError: the job store can be neither opened nor repaired.
    """

    def __init__(self, settings: Settings, reload: Callable[[], None]) -> None:
        self._settings = settings
        self._reload = reload
        self.clock = SystemClock()
        _make_folders(settings)
        self.lock = StateLock(settings.state)
        self.events = EventLog(self.clock)
        self.publisher = OutputTree(settings.output)
        self.store = open_store(
            settings.state / STORE_NAME,
            self.clock,
            self.events.state_changed,
            self.publisher.newest_job,
        )
        versions = toolchain.versions()
        workers = settings.workers or toolchain.automatic_workers()
        if settings.cluster is not None:
            workers = settings.cluster.slots
        self.metrics = Metrics(
            roots=[root.name for root in settings.all_roots],
            version=__version__,
            toolchain=versions,
            slots=workers,
            queue_capacity=settings.queue_capacity,
        )
        self.output_room, self.state_room = RoomWatch(settings.output), RoomWatch(settings.state)
        self.metrics.daemon.show_free(self.output_room.free_bytes, self.state_room.free_bytes)
        self.metrics.daemon.show_stores_set_aside(lambda: len(self._set_aside()))
        self.policies = CurrentPolicies(settings)
        self.executor = self._make_executor(versions)
        self.hooks = HookThread()
        self.references = ReferenceFolder(settings.references, settings.hub.limits.hosts)
        self.inbox: SimpleQueue[Message] = SimpleQueue()
        self.sources = self._make_sources()
        self.records = AttemptFolder(settings.state / ATTEMPTS_NAME, self.clock)
        self.models = Models({root.name: RootEntry(root) for root in settings.all_roots})
        self.engine = self._make_engine(versions, workers)
        self.metrics.workers.show(partial(slots_in, self.engine.slots, self.executor))
        self.control = self._make_control()
        self.broker = self._make_broker()
        self.spool = Spool(settings.state / SPOOL_NAME, self.control)
        self.uploads = _uploads(settings)
        self.http = self._make_http()

    def _make_http(self) -> HttpServer:
        settings = self._settings
        app = create_app(
            self.control,
            self.metrics.render,
            version=__version__,
            rules=settings.http,
            tokens=load_tokens(settings.http.tokens),
            offers=Offers(
                trigger_schema=json_schema(),
                sets=PublishedSets(settings.output),
                policies=lambda: self.policies.current.names,
                uploads=self.uploads,
            ),
        )
        server = HttpServer(
            Counted(app, self.metrics.http.answered),
            host=settings.http_host,
            port=settings.http_port if settings.http_enabled else None,
            socket=settings.socket,
            inherited=inherited_sockets(),
            rules=settings.http,
        )
        server.before_stop(app.state.streams.close)
        return server

    def _make_sources(self) -> SourceWatch:
        settings = self._settings
        return SourceWatch(
            self.clock,
            self.inbox.put,
            waits=Waits(settings.settle_seconds, settings.settle_whole_seconds),
            scan_interval_seconds=settings.scan_interval_seconds,
            hub=hub_models(settings, self.clock, record=self.metrics.hub.fetched),
            recall=Recall(settings.state / RECALL_NAME),
        )

    def _make_engine(self, versions: dict[str, str], workers: int) -> Engine:
        decider = self._make_decider(versions)
        finisher = Finisher(
            store=self.store, clock=self.clock, hooks=self.hooks, recorder=self.metrics
        )
        binder = Binder(
            models=self.models,
            sources=self.sources,
            decider=decider,
            store=self.store,
            finisher=finisher,
            decode_policy=decode_policy,
            encode_policy=encode_policy,
        )
        intake = Intake(
            parse=parse,
            models=self.models,
            sources=self.sources,
            references=self.references,
            resolver=self.policies,
            binder=binder,
            store=self.store,
            encode_policy=encode_policy,
            recorder=self.metrics,
            queue_capacity=self._settings.queue_capacity,
        )
        parts = Parts(
            clock=self.clock,
            store=self.store,
            publisher=self.publisher,
            recorder=self.metrics,
            sources=self.sources,
            decider=decider,
            binder=binder,
            intake=intake,
            finisher=finisher,
            pace=Pace(self.store, self.clock, self._settings.builds_per_hour),
            removals=self._make_removals(),
            encode_policy=encode_policy,
            is_executor_ready=lambda: self.executor.is_ready,
            toolchain=versions,
            model_changed=self.events.model_changed,
        )
        return Engine(parts, self.models, self.inbox, self._make_slots(workers))

    def _make_decider(self, versions: dict[str, str]) -> Decider:
        return Decider(
            resolver=self.policies,
            data=DataWatch(self.sources, self.clock, self._settings.settle_seconds),
            store=self.store,
            publisher=self.publisher,
            toolchain=versions,
            should_rebuild_on_upgrade=self._settings.rebuild_on_upgrade,
        )

    def _make_removals(self) -> Removals:
        return Removals(
            models=self.models,
            sources=self.sources,
            publisher=self.publisher,
            resolver=self.policies,
            clock=self.clock,
            tell=tell_removals(self.metrics),
            brake=self._settings.brake,
            settle_seconds=self._settings.settle_seconds,
        )

    def _make_control(self) -> EngineControl:
        return EngineControl(
            engine=self.engine,
            explainer=Explainer.of(self.engine),
            version=__version__,
            started_at=self.clock.now(),
            alive_seconds=_ALIVE_SECONDS,
            reload_settings=self._reload,
            feed=self.events,
            records=self.records,
            doors=self._doors,
            free_bytes={
                "Output": self.output_room.free_bytes,
                "State": self.state_room.free_bytes,
            },
        )

    def _make_broker(self) -> BrokerDoor:
        return BrokerDoor(
            self._settings.broker,
            self.control,
            self._settings.state,
            directory_of=lambda job: self.publisher.directory(job.model, job.save_to),
            show_connected=self.metrics.daemon.broker_connected,
        )

    def _doors(self) -> tuple[HealthCheck, ...]:
        cluster = self.executor.checks() if isinstance(self.executor, DaskExecutor) else ()
        return self._store_checks() + self.broker.checks() + cluster

    def _store_checks(self) -> tuple[HealthCheck, ...]:
        names = ", ".join(map(str, self._set_aside()))
        reason = f"the job store was damaged and rebuilt; the damaged file is kept as {names}"
        if not names:
            return (HealthCheck(name="store", is_ok=True),)
        return (HealthCheck(name="store", is_ok=False, reason=reason, is_required=False),)

    def _set_aside(self) -> list[Path]:
        return set_aside(self._settings.state / STORE_NAME)

    def _make_executor(self, versions: dict[str, str]) -> LocalExecutor | DaskExecutor:
        settings = self._settings
        if settings.cluster is None:
            return LocalExecutor(recorder=self.metrics.workers)
        return DaskExecutor(
            settings.cluster,
            versions=versions,
            staging=settings.state / "scratch" / "delivered",
            clock=self.clock,
            show=self.metrics.cluster.changed,
        )

    def _make_slots(self, workers: int) -> Slots:
        settings = self._settings
        executor: Executor = self.executor
        if not isinstance(self.executor, DaskExecutor):  # a worker of a cluster proves by itself
            executor = ProvingExecutor(self.executor, self.clock)
        runner = AttemptRunner(
            sources=self.sources,
            executor=executor,
            publisher=self.publisher,
            clock=self.clock,
            scratch=settings.state / "scratch",
            limits=AttemptLimits(wall_seconds=settings.attempt_timeout_seconds),
            threads=max(1, toolchain.processors() // workers),
        )
        ended = recording(self.records, self.clock, self.inbox.put)
        return Slots(workers, runner, self.clock, ended, self.events.stage_began)


def _uploads(settings: Settings) -> Uploads | None:
    """Where uploads land, swept of what an earlier process had begun to receive."""
    rules = settings.http.uploads
    if rules is None:
        return None
    (root,) = [root for root in settings.roots if root.name == rules.root]
    desk = Uploads(rules, root.path)
    desk.sweep()
    return desk


def _make_folders(settings: Settings) -> None:
    try:
        for folder in (settings.state, settings.output, settings.references):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStartError(
            f"{error.filename}: {error.strerror}.",
            hint="make the folder writable for the service's user, or name another one",
        ) from error


RECORDS: Final = Kept(store=STORE_NAME, folders=(REFERENCES_NAME, f"{SPOOL_NAME}/new"))
"""What of a state folder must not be lost."""


def state_files(settings: Settings) -> tuple[Path, Path]:
    """The job store and the spool of a configuration."""
    return settings.state / STORE_NAME, settings.state / SPOOL_NAME
