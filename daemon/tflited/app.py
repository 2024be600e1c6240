"""The daemon's life: starts what was assembled, runs it, applies reloads, drains and stops."""

import gc
import os
import shutil
import signal
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import FrameType

import structlog

from tflited import __version__
from tflited.assembly import STORE_NAME, Assembly
from tflited.domain.headline import headline
from tflited.domain.status import HealthCheck, are_ready
from tflited.engine.messages import Wake
from tflited.engine.models import RootEntry
from tflited.errors import CannotStartError, ConfigurationError, StoreCorruptError
from tflited.settings.model import Settings
from tflited.settings.resolve import FolderPolicies
from tflited.store.repair import condemn
from tflited.telemetry.notify import Notifier

_LOG = structlog.get_logger()
_GC_THRESHOLDS = (50_000, 20, 100)
"""A scan makes very many small objects that live on; looking at them each time is a third of it."""
_JOIN_SECONDS = 10.0
_STATUS_SECONDS = 2.0
"""Between two lines for ``systemctl status``; each counts every model once."""
_HTTP_KEYS = ("http_enabled", "http_host", "http_port", "http", "socket")
_RESTART_KEYS = (
    "output",
    "state",
    "workers",
    "queue_capacity",
    "hub",
    "broker",
    "cluster",
    *_HTTP_KEYS,
)


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
        self._notifier = Notifier.from_environment()
        self._made = Assembly(settings, self._reload)

    def run(self) -> None:
        """Runs until SIGTERM or SIGINT, then drains and stops.

        Raises:
            CannotStartError: a door cannot be opened.
            StorageFailedError: an fsync failed while it ran.
            StoreCorruptError: the job store was found damaged; the next start repairs it.
        """
        gc.set_threshold(*_GC_THRESHOLDS)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        try:
            self._start()
            self._loop()
        finally:
            self._stop()
        fatal = self._made.engine.fatal
        if isinstance(fatal, StoreCorruptError):
            condemn(self._settings.state / STORE_NAME, self._made.clock)
        if fatal is not None:
            raise fatal

    def _start(self) -> None:
        scratch = self._settings.state / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(mode=0o700)
        recovered = self._made.store.recover()
        self._made.publisher.sweep()
        self._made.records.sweep()
        self._made.executor.start()
        self._made.hooks.start()
        self._made.output_room.start()
        self._made.state_room.start()
        self._made.engine.slots.start()
        self._made.sources.start(self._settings.all_roots)
        self._made.http.start()
        self._made.spool.start()
        self._made.broker.start()
        _LOG.info(
            "daemon_started",
            version=__version__,
            pid=os.getpid(),
            http_port=self._made.http.port,
            socket=str(self._settings.socket),
            roots={root.name: str(root.path) for root in self._settings.roots},
            output=str(self._settings.output),
            recovered_jobs=[job.id for job in recovered],
        )

    def _loop(self) -> None:
        is_ready = False
        next_status = next_watchdog = 0.0
        while not self._stop_signals and self._made.engine.fatal is None:
            self._made.engine.step()
            if not self._made.sources.is_alive:
                raise CannotStartError(
                    "The sources thread ended unexpectedly.", hint="its log tells why; start again"
                )
            if self._should_reload:
                self._reload_on_signal()
            now = self._made.clock.monotonic()
            checks = self._made.control.readiness()
            has_changed = are_ready(checks) != is_ready
            if has_changed:
                is_ready = not is_ready
                self._made.metrics.daemon.set_ready(is_ready=is_ready)
                _LOG.info("readiness_changed", is_ready=is_ready)
            if has_changed or now >= next_status:
                self._tell_status(checks, is_ready=is_ready and has_changed)
                next_status = now + _STATUS_SECONDS
            if self._notifier.watchdog_seconds is not None and now >= next_watchdog:
                self._notifier.watchdog()
                next_watchdog = now + self._notifier.watchdog_seconds / 3

    def _tell_status(self, checks: Sequence[HealthCheck], *, is_ready: bool) -> None:
        """Tells the service manager how things stand; ``is_ready`` where they just became so."""
        phases = Counter(entry.phase for entry in self._made.models.entries.values())
        text = headline(checks, phases)
        self._notifier.ready(text) if is_ready else self._notifier.status(text)

    def _stop(self) -> None:
        """Drains within the limit, then ends every thread and process in one written order."""
        self._notifier.stopping()
        self._made.engine.is_draining = True
        self._made.metrics.daemon.set_draining()
        self._made.broker.stop_taking()
        self._made.spool.stop(_JOIN_SECONDS)
        self._drain()
        self._made.broker.stop(_JOIN_SECONDS)
        self._made.engine.slots.stop(_JOIN_SECONDS)
        self._made.executor.stop(_JOIN_SECONDS)
        self._made.sources.stop(_JOIN_SECONDS)
        self._made.http.stop(_JOIN_SECONDS)
        self._made.hooks.stop(deadline_seconds=_JOIN_SECONDS)
        self._made.output_room.stop(_JOIN_SECONDS)
        self._made.state_room.stop(_JOIN_SECONDS)
        self._made.store.close()
        self._made.lock.release()
        _LOG.info("daemon_stopped")

    def _drain(self) -> None:
        deadline = self._made.clock.monotonic() + self._settings.drain_timeout_seconds
        is_cut = False
        engine = self._made.engine
        while engine.slots.free < engine.slots.count or not self._made.inbox.empty():
            is_hurried = self._stop_signals > 1 or engine.fatal is not None
            hurry = is_hurried or self._made.clock.monotonic() > deadline
            if hurry and not is_cut:
                is_cut = True
                self._made.engine.cancel_running()
                deadline = self._made.clock.monotonic() + _JOIN_SECONDS
            elif is_cut and self._made.clock.monotonic() > deadline:
                break
            self._notifier.extend_timeout(self._settings.drain_timeout_seconds)
            self._made.engine.step()

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self._should_reload = True
        else:
            self._stop_signals += 1
        self._made.inbox.put(Wake())

    def _reload_on_signal(self) -> None:
        self._should_reload = False
        try:
            self._apply(self._load_again())
        except ConfigurationError as error:
            _LOG.error("reload_failed", reason=error.message, hint="the old one stays in force")
            # With Type=notify-reload systemd would wait for both until its time is up.
            self._notifier.reloading()
            self._notifier.ready(f"the old configuration stays in force: {error.message}")

    def _reload(self) -> None:
        """Reads the configuration again; called from the HTTP threads."""
        settings = self._load_again()
        self._made.engine.call(lambda: self._apply(settings))

    def _load_again(self) -> Settings:
        try:
            return self._load()
        except ConfigurationError:
            self._made.metrics.reloaded(is_successful=False, now=self._made.clock.now())
            raise

    def _apply(self, settings: Settings) -> None:
        """Puts a new configuration in force; on the engine's thread."""
        self._notifier.reloading()
        for key in _RESTART_KEYS:
            if getattr(settings, key) != getattr(self._settings, key):
                _LOG.warning("restart_needed", key=key, reason="takes effect at the next start")
        settings = replace(settings, references=self._settings.references)  # as the state folder
        self._made.policies.current = FolderPolicies(settings)
        known = {root.name: root for root in settings.all_roots}
        roots = self._made.models.roots
        for name in [name for name, entry in roots.items() if known.get(name) != entry.root]:
            del roots[name]
            for model in [m for m in self._made.models.entries if m.root == name]:
                del self._made.models.entries[model]
        for name, root in known.items():
            roots.setdefault(name, RootEntry(root))
        self._settings = settings
        self._made.engine.parts.removals.brake = settings.brake
        self._made.engine.parts.pace.builds_per_hour = settings.builds_per_hour
        self._made.metrics.roots.set_roots(known)
        self._made.sources.watch(settings.all_roots)
        self._made.engine.reconsider_all()
        self._made.metrics.reloaded(is_successful=True, now=self._made.clock.now())
        self._notifier.ready("reloaded")
        _LOG.info("reloaded", source=settings.source)
