"""Which models a whole scan that brings no news decides anew: the restless, and some that rest.

A published model is decided anew by what happens to it. That its set was taken from the output tree
by other hands is found in turns, so that ten thousand models cost a scan no more than a few do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tflited.domain.model import ModelId
from tflited.domain.status import Phase
from tflited.engine.models import Entry

TURN: Final = 1000
"""Published models in one turn."""


@dataclass(slots=True)
class Turns:
    """Remembers for each root where the next turn begins."""

    _begin: dict[str, int] = field(default_factory=dict)

    def take(self, root: str, entries: Sequence[Entry]) -> frozenset[ModelId]:
        """The models of a root to decide anew after a whole scan."""
        resting = [entry for entry in entries if entry.phase is Phase.PUBLISHED]
        begin = self._begin.get(root, 0) % max(len(resting), 1)
        chosen = resting[begin : begin + TURN]
        self._begin[root] = begin + TURN if begin + TURN < len(resting) else 0
        restless = (entry for entry in entries if entry.phase is not Phase.PUBLISHED)
        return frozenset(entry.observation.model for entry in (*restless, *chosen))
