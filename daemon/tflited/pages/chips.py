"""States as words with a sign and a colour: neither says anything that the word does not."""

import xml.etree.ElementTree as ET
from enum import StrEnum
from typing import Final

from tflited.domain.job import JobState
from tflited.domain.report import VariantState
from tflited.domain.status import Phase
from tflited.pages.elements import element


class Tone(StrEnum):
    """How a state looks; each has a sign of its own in the style sheet."""

    GOOD = "good"
    """Done, nothing to do."""
    BUSY = "busy"
    """Work is under way."""
    WAIT = "wait"
    """It goes on by itself."""
    WARN = "warn"
    """Worth a look."""
    BAD = "bad"
    """It needs somebody."""
    IDLE = "idle"
    """Over, without consequence."""


PHASES: Final = {
    Phase.SETTLING: Tone.WAIT,
    Phase.HELD: Tone.WAIT,
    Phase.CHECKING: Tone.WAIT,
    Phase.QUEUED: Tone.WAIT,
    Phase.BUILDING: Tone.BUSY,
    Phase.PUBLISHED: Tone.GOOD,
    Phase.OLDER: Tone.IDLE,
    Phase.STALE: Tone.WARN,
    Phase.REFUSED: Tone.BAD,
    Phase.POLICY_ERROR: Tone.BAD,
    Phase.FAILED: Tone.BAD,
    Phase.REMOVED: Tone.IDLE,
}
_JOBS: Final = {
    JobState.QUEUED: Tone.WAIT,
    JobState.RUNNING: Tone.BUSY,
    JobState.PUBLISHED: Tone.GOOD,
    JobState.UNCHANGED: Tone.GOOD,
    JobState.FAILED: Tone.BAD,
    JobState.DEAD: Tone.BAD,
    JobState.SUPERSEDED: Tone.IDLE,
    JobState.CANCELLED: Tone.IDLE,
}
_VARIANTS: Final = {
    VariantState.PROVEN: Tone.GOOD,
    VariantState.UNVERIFIED: Tone.WARN,
    VariantState.REJECTED: Tone.BAD,
}


def phase(state: Phase) -> ET.Element:
    """Where a model stands."""
    return chip(words(state.value), PHASES[state])


def job(state: JobState) -> ET.Element:
    """Where a job stands."""
    return chip(state.value, _JOBS[state])


def variant(state: VariantState) -> ET.Element:
    """What became of a variant."""
    return chip(state.value, _VARIANTS[state])


def chip(text: str, tone: Tone) -> ET.Element:
    """A word with the sign of its tone."""
    return element("span", text, class_=f"chip {tone.value}")


def words(name: str) -> str:
    """A name of a closed set as people read it: ``policy_error`` is a policy error."""
    return name.replace("_", " ")
