"""The command line: one file per command; turns errors into messages and exit codes."""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, cast

import structlog
import typer

from tflited import __version__
from tflited.cli import (
    configuration,
    confirm,
    convert,
    doctor,
    init,
    jobs,
    logs,
    plan,
    rebuild,
    reload,
    report,
    serve,
    state,
    status,
    trigger,
    verify,
    why,
    worker,
)
from tflited.errors import TflitedError, UsageError

if TYPE_CHECKING:
    import click

_LOG = structlog.get_logger()
# Typer may bring a copy of click whose errors are none of click's; this leaf is exported by both.
_USAGE_ERROR = cast("type[click.UsageError]", typer.BadParameter.__mro__[1])


def _tell_version(is_asked: bool) -> None:
    if is_asked:
        print(f"tflited {__version__}")
        raise typer.Exit


def _options(
    *,
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Turns folders of TensorFlow models into proven TensorFlow Lite artifacts."""


application = typer.Typer(
    name="tflited",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
application.callback()(_options)
application.command("serve")(serve.serve)
application.command("init")(init.init)
application.command("convert")(convert.convert)
application.command("trigger")(trigger.trigger)
application.command("status")(status.status)
application.command("jobs")(jobs.jobs)
application.command("logs")(logs.logs)
application.command("retry")(jobs.retry)
application.command("discard")(jobs.discard)
application.command("cancel")(jobs.cancel)
application.command("why")(why.why)
application.command("report")(report.report)
application.command("verify")(verify.verify)
application.command("plan")(plan.plan)
application.command("confirm")(confirm.confirm)
application.command("rebuild")(rebuild.rebuild)
application.command("reload")(reload.reload)
application.command("doctor")(doctor.doctor)
application.command("worker")(worker.worker)
application.command("scheduler")(worker.scheduler)
application.add_typer(configuration.application, name="config")
application.add_typer(state.application, name="state")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: without the program's name; those of the process when None.

    Returns:
        The exit code: 0 ok, 1 failure, 2 usage, 3 cannot start.
    """
    try:
        result = application(args=arguments, standalone_mode=False)
    except TflitedError as error:
        return _fail(str(error), error.exit_code)
    except _USAGE_ERROR as error:
        error.show()
        return UsageError.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return _fail("Interrupted.", 130)
    except BrokenPipeError:
        return 0
    except Exception as error:  # noqa: BLE001  # one of the four borders: no traceback for users
        if structlog.is_configured():  # by default structlog shows everything, on standard output
            _LOG.debug("unexpected_error", exc_info=True)
        return _fail(f"Unexpected: {type(error).__name__}: {error}", TflitedError.exit_code)
    return result if isinstance(result, int) else 0


def _fail(message: str, code: int) -> int:
    print(f"tflited: {message}", file=sys.stderr)
    return code
