"""The steps of a conversion in lines and in a table."""

import io

from rich.console import Console

from tflited.cli.steps import MOST_ROWS, Steps, followed
from tflited.domain.report import Stage


def shown(steps: Steps) -> list[str]:
    console = Console(file=io.StringIO(), width=80, color_system=None)
    console.print(steps.table())
    text = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_step_ends_with_the_next_one() -> None:
    """Each has its time; the mark tells which goes on."""
    now = 0.0
    steps = Steps(monotonic=lambda: now)
    steps.begin(Stage.LOAD, "")
    now = 1.5
    steps.begin(Stage.QUANTISE, "int8")
    now = 4.0
    first, second = shown(steps)
    assert first == "✓ load 1.5 s"
    assert second.endswith("quantise int8 2.5 s")
    assert "✓" not in second
    steps.end()
    assert shown(steps)[1] == "✓ quantise int8 2.5 s"


def test_many_steps_fit_on_a_screen() -> None:
    """The newest are shown, the others counted."""
    steps = Steps()
    for number in range(100):
        steps.begin(Stage.PROVE, f"layer {number}")
    lines = shown(steps)
    assert len(lines) == MOST_ROWS + 1
    assert lines[0] == f"{100 - MOST_ROWS} steps before"
    assert "layer 99" in lines[-1]


def test_details_are_text() -> None:
    """Neither markup nor control characters of a model's names are obeyed."""
    steps = Steps()
    steps.begin(Stage.LOWER, "[red]a\x1b[2J\nb")
    (line,) = shown(steps)
    assert r"[red]a\x1b[2J\nb" in line


def test_elsewhere_a_step_is_a_line() -> None:
    """With the seconds since the beginning."""
    out = io.StringIO()
    with followed(out) as tell:
        tell(Stage.LOAD, "")
        tell(Stage.QUANTISE, "int8\nx")
    first, second = out.getvalue().splitlines()
    assert first.endswith(" s  load")
    assert second.endswith(r" s  quantise int8\nx")
