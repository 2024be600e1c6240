"""That the label ``reason`` knows every failure code of the source."""

import re
from pathlib import Path

from tflited.telemetry.metrics.reasons import REASONS


def test_every_code_of_the_source_is_a_reason() -> None:
    """A failure code that is added somewhere gets its series here, too."""
    package = Path(__file__).parents[4] / "daemon" / "tflited"
    found = {
        code
        for file in package.rglob("*.py")
        if file.parent.name not in {"web", "cli"}
        for code in re.findall(r'\bcode ?= ?"([a-z_0-9]+)"', file.read_text())
    }

    assert len(found) > 30
    assert found - set(REASONS) == set()
