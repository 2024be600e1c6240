"""``tflited status --watch``: the daemon live, until Ctrl-C; a line for each event in a pipe."""

import sys
import time
from contextlib import suppress
from typing import Any, Final

from rich.console import Console
from rich.live import Live

from tflited.cli import show
from tflited.cli.client import Client
from tflited.cli.following import Away, Following, Happened, Here
from tflited.cli.screen import Screen, headline
from tflited.errors import TflitedError

REFRESH_SECONDS: Final = 1.0
"""Between two looks while nothing happens."""
LEAST_SECONDS: Final = 0.2
"""Between two looks, however much happens."""


def follow(client: Client) -> int:
    """Follows a daemon, through its restarts, until Ctrl-C; returns the exit code."""
    with suppress(KeyboardInterrupt), Following(client) as following:
        if sys.stdout.isatty():
            _live(client, following)
        else:
            _lines(client, following)
    return 0


def _live(client: Client, following: Following) -> None:
    screen = Screen()
    with Live(screen.render(), console=Console(), auto_refresh=False) as live:
        while True:
            screen.look(client)
            live.update(screen.render(), refresh=True)
            news, until = following.next(REFRESH_SECONDS), time.monotonic() + LEAST_SECONDS
            while news is not None and (left := until - time.monotonic()) > 0:
                news = following.next(left) or news


def _lines(client: Client, following: Following) -> None:
    while True:
        match following.next(REFRESH_SECONDS):
            case Happened(event):
                _print(show.moment(event["at"]), line_of(event))
            case Away(reason):
                _print(_now(), reason)
            case Here():
                with suppress(TflitedError):  # gone again: the stream tells
                    _print(_now(), headline(client.get("/api/v1/status", models="false")))
            case None:
                pass


def line_of(event: dict[str, Any]) -> str:
    """One event of a job in words."""
    what = event["state"]
    if event["stage"]:
        what = f"{event['stage']} {event['detail']}".rstrip()
    line = f"job {event['job_id']}  {show.model(event['model'])}  {what}"
    return f"{line}: {event['reason']}" if event["reason"] else line


def _print(moment: str, text: str) -> None:
    print(f"{moment}  {show.printable(text)}", flush=True)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
