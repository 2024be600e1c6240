"""What the sources tell the engine: one sighting of a model, one of a root."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from tflited.domain.model import Digest, FileIdentity, ModelId, Snapshot


class Sight(StrEnum):
    """What the sources know of a model."""

    SETTLING = "settling"
    """Its files changed a moment ago, or a temporary name says that they still do."""
    HELD = "held"
    """A ``.hold`` file asks to wait."""
    REFUSED = "refused"
    """Settled, and not whole."""
    ADMITTED = "admitted"
    """Settled and whole; its digest is known."""
    GONE = "gone"
    """No longer in its root, while the root can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """One sighting of one model.

    Attributes:
        model: which.
        snapshot: its files at that moment; the last known ones when it is gone.
        sight: what is known.
        at: when, aware UTC.
        digest: of its files, when admitted.
        reason: what it waits for or why it was refused.
        hint: the next step, when refused.
        until: when settling ends if nothing more changes.
    """

    model: ModelId
    snapshot: Snapshot
    sight: Sight
    at: datetime
    digest: Digest | None = None
    reason: str = ""
    hint: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RootObservation:
    """One look at a root, or at a part of it.

    Attributes:
        root: configured name.
        scope: the part that was looked at; "" for the whole root.
        is_available: whether it could be read; nothing is taken for gone while it cannot.
        reason: why not.
        at: when, aware UTC.
        seconds: how long the walk took.
        models: how many models the whole root has now.
        policies: folder policy files in the scope, by path below the root.
        trouble: path below the root to why it could not be read or is no model.
        polled: path below the root of every part that is looked at on a short interval, since
            events do not cover it, to the reason.
        unwatched: how many directories the kernel's limit keeps from being watched.
        missed: changes found since the last observation that no event had announced.
        events: places that events named since then.
        overflows: how often since then the kernel's queue of events ran over.
        errors: how often since then a watch ended or could not be had.
    """

    root: str
    scope: str
    is_available: bool
    at: datetime
    seconds: float = 0.0
    models: int = 0
    reason: str = ""
    policies: Mapping[str, FileIdentity] = field(default_factory=dict)
    trouble: Mapping[str, str] = field(default_factory=dict)
    polled: Mapping[str, str] = field(default_factory=dict)
    unwatched: int = 0
    missed: int = 0
    events: int = 0
    overflows: int = 0
    errors: int = 0
