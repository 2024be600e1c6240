"""How log records leave the process: one chain for structlog and the standard library."""

import logging
import sys
from logging import StreamHandler
from typing import IO, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from tflited.telemetry.escape import escaped
from tflited.telemetry.journal import JournalHandler, is_connected

FORMATS: Final = ("auto", "json", "console", "journal")
LEVELS: Final = ("debug", "info", "warning", "error", "critical")

_SHARED: Final[tuple[Processor, ...]] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.stdlib.PositionalArgumentsFormatter(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


def configure(*, format: str, level: str) -> None:  # noqa: A002 - named as the setting is
    """Sends every log record to standard output, one record a line, or to the journal.

    Records of structlog and of the standard library (uvicorn, watchdog) get the same keys. May be
    called again, as a reload does; the last call holds.

    Args:
        format: ``json``, ``console``, ``journal``, or ``auto``: the console's where standard output
            is a terminal, the journal's where it is the journal, else JSON.
        level: the lowest level shown: ``debug``, ``info``, ``warning``, ``error`` or ``critical``.

    Raises:
        ValueError: the format or the level is none of these.
    """
    _check("format", format, FORMATS)
    _check("level", level, LEVELS)
    chosen = _automatic() if format == "auto" else format
    handler: StreamHandler[IO[str]]
    handler = JournalHandler(sys.stdout) if chosen == "journal" else StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED, processors=_renderers(is_console=chosen == "console")
        )
    )
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    for old in root.handlers:
        if isinstance(old, JournalHandler):
            old.close()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        # A logger cached before a reload would keep the level and format of then.
        cache_logger_on_first_use=False,
    )


def _automatic() -> str:
    if sys.stdout.isatty():
        return "console"
    return "journal" if is_connected(sys.stdout) else "json"


def _check(setting: str, observed: str, allowed: tuple[str, ...]) -> None:
    if observed not in allowed:
        raise ValueError(f"log {setting}: observed {observed!r}, allowed {', '.join(allowed)}")


def _renderers(*, is_console: bool) -> list[Processor]:
    drop = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if is_console:
        # Plain tracebacks: the rich ones print local variables, which may hold secrets.
        plain = structlog.dev.plain_traceback
        console = structlog.dev.ConsoleRenderer(exception_formatter=plain)
        return [drop, structlog.processors.format_exc_info, _escape, console]
    # ASCII throughout: control characters and names that are not UTF-8 come out as \uXXXX.
    render = structlog.processors.JSONRenderer(default=str)
    return [drop, structlog.processors.format_exc_info, render]


def _escape(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Takes texts' power over the terminal; a traceback has lines of its own, nothing else may."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = escaped(value, "\n" if key in {"exception", "stack"} else "")
    return event
