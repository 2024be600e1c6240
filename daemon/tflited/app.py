"""The composition root: the only place that constructs concrete adapters and joins them."""

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from time import monotonic
from types import FrameType

import structlog

from tflited import __version__, toolchain
from tflited.domain.attempt import AttemptLimits
from tflited.domain.policy import ResolvedPolicy
from tflited.domain.ports import Root
from tflited.domain.trigger import Trigger
from tflited.engine.attempt import AttemptRunner
from tflited.engine.binding import Binder
from tflited.engine.control import EngineControl
from tflited.engine.data import DataWatch
from tflited.engine.decide import Decider
from tflited.engine.dispatch import Slots
from tflited.engine.engine import Engine, Parts
from tflited.engine.explain import Explainer
from tflited.engine.intake import Intake
from tflited.engine.messages import Message, Wake
from tflited.engine.models import Models, RootEntry
from tflited.engine.outcome import Finisher
from tflited.errors import CannotStartError, ConfigurationError
from tflited.hub import hub_models
from tflited.output.hooks import HookThread
from tflited.output.tree import OutputTree
from tflited.settings.codec import decode_policy, encode_policy
from tflited.settings.model import Settings
from tflited.settings.resolve import FolderPolicies
from tflited.sources.watch import SourceWatch
from tflited.store.lock import StateLock
from tflited.store.queue import SqliteStore
from tflited.telemetry.metrics import Metrics
from tflited.telemetry.notify import Notifier
from tflited.telemetry.room import RoomWatch
from tflited.triggers.document import parse
from tflited.triggers.references import ReferenceFolder
from tflited.triggers.spool import Spool
from tflited.web.api import create_app
from tflited.web.server import HttpServer
from tflited.workers.local import LocalExecutor

_LOG = structlog.get_logger()
_ALIVE_SECONDS = 30.0
_JOIN_SECONDS = 10.0
STORE_NAME = "jobs.sqlite3"
SPOOL_NAME = "spool"
_RESTART_KEYS = ("output", "state", "workers", "http_host", "http_port", "socket", "hub")


class SystemClock:
    """Implements the ``Clock`` port."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start."""
        return monotonic()

    def now(self) -> datetime:
        """The present, aware UTC."""
        return datetime.now(UTC)


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


class Daemon:
    """One running service.

    Args:
        settings: the configuration to start with.
        load: reads the configuration again.

    Raises:
        CannotStartError: the state folder is in use or cannot be written.
        StoreError: the job store cannot be opened.
    """

    def __init__(self, settings: Settings, load: Callable[[], Settings]) -> None:
        self._settings = settings
        self._load = load
        self._stop_signals = 0
        self._should_reload = False
        self._clock = SystemClock()
        self._notifier = Notifier.from_environment()
        _make_folders(settings)
        self._lock = StateLock(settings.state)
        self._store = SqliteStore(settings.state / STORE_NAME, self._clock)
        versions = toolchain.versions()
        workers = settings.workers or toolchain.automatic_workers()
        self._metrics = Metrics(
            roots=[root.name for root in settings.all_roots],
            version=__version__,
            toolchain=versions,
            slots=workers,
        )
        self._room = RoomWatch(settings.output)
        self._metrics.show_output_free(self._room.free_bytes)
        self._policies = CurrentPolicies(settings)
        self._executor = LocalExecutor()
        self._hooks = HookThread()
        self._publisher = OutputTree(settings.output)
        self._references = ReferenceFolder(settings.references, settings.hub.limits.hosts)
        self._inbox: SimpleQueue[Message] = SimpleQueue()
        self._sources = SourceWatch(
            self._clock,
            self._inbox.put,
            settle_seconds=settings.settle_seconds,
            scan_interval_seconds=settings.scan_interval_seconds,
            hub=hub_models(settings, self._clock, record=self._metrics.hub_fetched),
        )
        self._models = Models({root.name: RootEntry(root) for root in settings.all_roots})
        self.engine = self._make_engine(versions, workers)
        self.control = EngineControl(
            engine=self.engine,
            explainer=Explainer(models=self._models, store=self._store, publisher=self._publisher),
            version=__version__,
            started_at=self._clock.now(),
            alive_seconds=_ALIVE_SECONDS,
            reload_settings=self._reload,
        )
        self._spool = Spool(settings.state / SPOOL_NAME, self.control)
        self._http = HttpServer(
            create_app(self.control, self._metrics.render, version=__version__),
            host=settings.http_host,
            port=settings.http_port,
            socket=settings.socket,
        )

    def _make_engine(self, versions: dict[str, str], workers: int) -> Engine:
        settings = self._settings
        data = DataWatch(self._sources, self._clock, settings.settle_seconds)
        decider = Decider(
            resolver=self._policies,
            data=data,
            store=self._store,
            publisher=self._publisher,
            toolchain=versions,
            should_rebuild_on_upgrade=settings.rebuild_on_upgrade,
        )
        finisher = Finisher(
            store=self._store, clock=self._clock, hooks=self._hooks, recorder=self._metrics
        )
        binder = Binder(
            models=self._models,
            sources=self._sources,
            decider=decider,
            store=self._store,
            finisher=finisher,
            decode_policy=decode_policy,
            encode_policy=encode_policy,
        )
        intake = Intake(
            parse=parse,
            models=self._models,
            sources=self._sources,
            references=self._references,
            resolver=self._policies,
            binder=binder,
            store=self._store,
            encode_policy=encode_policy,
        )
        parts = Parts(
            clock=self._clock,
            store=self._store,
            publisher=self._publisher,
            recorder=self._metrics,
            sources=self._sources,
            decider=decider,
            binder=binder,
            intake=intake,
            finisher=finisher,
            encode_policy=encode_policy,
            is_executor_ready=lambda: self._executor.is_ready,
            toolchain=versions,
        )
        slots = Slots(workers, self._make_runner(workers), self._clock, self._inbox.put)
        return Engine(parts, self._models, self._inbox, slots)

    def _make_runner(self, workers: int) -> AttemptRunner:
        settings = self._settings
        return AttemptRunner(
            sources=self._sources,
            executor=self._executor,
            publisher=self._publisher,
            clock=self._clock,
            scratch=settings.state / "scratch",
            limits=AttemptLimits(wall_seconds=settings.attempt_timeout_seconds),
            threads=max(1, toolchain.processors() // workers),
        )

    def run(self) -> None:
        """Runs until SIGTERM or SIGINT, then drains and stops.

        Raises:
            CannotStartError: a door cannot be opened.
            StorageFailedError: an fsync failed while it ran.
        """
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            self._start()
            self._loop()
        finally:
            self._stop()
        if self.engine.fatal is not None:
            raise self.engine.fatal

    def _start(self) -> None:
        scratch = self._settings.state / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        recovered = self._store.recover()
        self._publisher.sweep()
        self._executor.start()
        self._hooks.start()
        self._room.start()
        self.engine.slots.start()
        self._sources.start(self._settings.all_roots)
        self._http.start()
        self._spool.start()
        _LOG.info(
            "daemon_started",
            version=__version__,
            pid=os.getpid(),
            http_port=self._http.port,
            socket=str(self._settings.socket),
            roots={root.name: str(root.path) for root in self._settings.roots},
            output=str(self._settings.output),
            recovered_jobs=[job.id for job in recovered],
        )

    def _loop(self) -> None:
        is_ready = False
        next_watchdog = 0.0
        while not self._stop_signals and self.engine.fatal is None:
            self.engine.step()
            if not self._sources.is_alive:
                raise CannotStartError(
                    "The sources thread ended unexpectedly.", hint="its log tells why; start again"
                )
            if self._should_reload:
                self._reload_on_signal()
            now_ready = all(check.is_ok for check in self.control.readiness())
            if now_ready != is_ready:
                is_ready = now_ready
                self._metrics.set_ready(is_ready=is_ready)
                self._notifier.ready("ready") if is_ready else self._notifier.status("not ready")
                _LOG.info("readiness_changed", is_ready=is_ready)
            now = self._clock.monotonic()
            if self._notifier.watchdog_seconds is not None and now >= next_watchdog:
                self._notifier.watchdog()
                next_watchdog = now + self._notifier.watchdog_seconds / 3

    def _stop(self) -> None:
        """Drains within the limit, then ends every thread and process in one written order."""
        self._notifier.stopping()
        self.engine.is_draining = True
        self._spool.stop(_JOIN_SECONDS)
        self._drain()
        self.engine.slots.stop(_JOIN_SECONDS)
        self._executor.stop(_JOIN_SECONDS)
        self._sources.stop(_JOIN_SECONDS)
        self._http.stop(_JOIN_SECONDS)
        self._hooks.stop(deadline_seconds=_JOIN_SECONDS)
        self._room.stop(_JOIN_SECONDS)
        self._store.close()
        self._lock.release()
        _LOG.info("daemon_stopped")

    def _drain(self) -> None:
        deadline = self._clock.monotonic() + self._settings.drain_timeout_seconds
        is_cut = False
        while self.engine.slots.free < self.engine.slots.count or not self._inbox.empty():
            is_hurried = self._stop_signals > 1 or self.engine.fatal is not None
            hurry = is_hurried or self._clock.monotonic() > deadline
            if hurry and not is_cut:
                is_cut = True
                self.engine.cancel_running()
                deadline = self._clock.monotonic() + _JOIN_SECONDS
            elif is_cut and self._clock.monotonic() > deadline:
                break
            self._notifier.extend_timeout(self._settings.drain_timeout_seconds)
            self.engine.step()

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._should_reload = True
        else:
            self._stop_signals += 1
        self._inbox.put(Wake())

    def _reload_on_signal(self) -> None:
        self._should_reload = False
        try:
            self._apply(self._load_again())
        except ConfigurationError as error:
            _LOG.error("reload_failed", reason=error.message, hint="the old one stays in force")

    def _reload(self) -> None:
        """Reads the configuration again; called from the HTTP threads."""
        settings = self._load_again()
        self.engine.call(lambda: self._apply(settings))

    def _load_again(self) -> Settings:
        try:
            return self._load()
        except ConfigurationError:
            self._metrics.reloaded(is_successful=False, now=self._clock.now())
            raise

    def _apply(self, settings: Settings) -> None:
        """Puts a new configuration in force; on the engine's thread."""
        self._notifier.reloading()
        for key in _RESTART_KEYS:
            if getattr(settings, key) != getattr(self._settings, key):
                _LOG.warning("restart_needed", key=key, reason="takes effect at the next start")
        settings = replace(settings, references=self._settings.references)  # as the state folder
        self._policies.current = FolderPolicies(settings)
        known = {root.name: root for root in settings.all_roots}
        roots = self._models.roots
        for name in [name for name, entry in roots.items() if known.get(name) != entry.root]:
            del roots[name]
            for model in [m for m in self._models.entries if m.root == name]:
                del self._models.entries[model]
        for name, root in known.items():
            roots.setdefault(name, RootEntry(root))
        self._settings = settings
        self._metrics.set_roots(known)
        self._sources.watch(settings.all_roots)
        self.engine.reconsider_all()
        self._metrics.reloaded(is_successful=True, now=self._clock.now())
        self._notifier.ready("reloaded")
        _LOG.info("reloaded", source=settings.source)


def _make_folders(settings: Settings) -> None:
    try:
        for folder in (settings.state, settings.output, settings.references):
            folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotStartError(
            f"{error.filename}: {error.strerror}.",
            hint="make the folder writable for the service's user, or name another one",
        ) from error


def state_files(settings: Settings) -> tuple[Path, Path]:
    """The job store and the spool of a configuration."""
    return settings.state / STORE_NAME, settings.state / SPOOL_NAME
