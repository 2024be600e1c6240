"""The steps of one conversion for a person: live on a terminal, a line each elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Final

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from tflited.cli.show import printable
from tflited.domain.ports import Progress
from tflited.domain.report import Stage

MOST_ROWS: Final = 15
"""Steps that are shown at once; a search over layers has hundreds."""
_PER_SECOND: Final = 8


@dataclass(slots=True)
class _Step:
    stage: Stage
    detail: str
    began: float
    ended: float | None = None


@dataclass(slots=True, kw_only=True)
class Steps:
    """The steps so far; a step ends when the next one begins.

    Attributes:
        monotonic: seconds from an arbitrary start.
    """

    monotonic: Callable[[], float] = time.monotonic
    _steps: list[_Step] = field(default_factory=list)
    _spinner: Spinner = field(default_factory=lambda: Spinner("dots"))

    def begin(self, stage: Stage, detail: str) -> None:
        """A step begins."""
        now = self.monotonic()
        self.end()
        self._steps.append(_Step(stage, printable(detail), now))

    def end(self) -> None:
        """The last step is over."""
        if self._steps and self._steps[-1].ended is None:
            self._steps[-1].ended = self.monotonic()

    def table(self) -> Table:
        """The newest steps with their time; a mark where one goes on."""
        shown = Table(box=None, pad_edge=False, show_header=False)
        left_out = len(self._steps) - MOST_ROWS
        if left_out > 0:
            shown.add_row("", Text(f"{left_out} steps before", style="dim"), "", "")
        for step in self._steps[-MOST_ROWS:]:
            ended = self.monotonic() if step.ended is None else step.ended
            mark = self._spinner if step.ended is None else Text("✓", style="green")
            seconds = Text(f"{ended - step.began:.1f} s", justify="right")
            shown.add_row(mark, Text(step.stage.value), Text(step.detail), seconds)
        return shown


@contextmanager
def followed(stream: IO[str]) -> Iterator[Progress]:
    """What is to be told of each stage as it begins.

    Args:
        stream: gets a table that moves where it is a terminal, else a line for each step.
    """
    if not stream.isatty():
        began = time.monotonic()

        def tell(stage: Stage, detail: str) -> None:
            line = f"{time.monotonic() - began:6.1f} s  {stage.value} {printable(detail)}"
            print(line.rstrip(), file=stream, flush=True)

        yield tell
        return
    steps = Steps()
    console = Console(file=stream)
    with Live(console=console, get_renderable=steps.table, refresh_per_second=_PER_SECOND):
        try:
            yield steps.begin
        finally:
            steps.end()
