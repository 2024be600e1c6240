"""The trigger: a request for a build now, as the engine sees it after validation."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tflited.domain.job import TriggerSource
from tflited.domain.policy import ModelType


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """One validated trigger document.

    Attributes:
        id: idempotency key; the same id is the same job.
        path: the model as the document names it: ``ROOT/PATH``, ``PATH`` or an absolute path.
        model_type: what the document says the model is.
        policy_name: a named policy of the main file, or None for the folder's.
        override: policy keys that win over every file.
        save_to: a path below the output tree, or None for the mirrored place.
        priority: 0 (last) to 9 (first).
        is_forced: build even where the build key is unchanged.
        source: the door it came through.
    """

    id: str
    path: str
    model_type: ModelType = ModelType.AUTO
    policy_name: str | None = None
    override: Mapping[str, Any] = field(default_factory=dict)
    save_to: str | None = None
    priority: int = 5
    is_forced: bool = False
    source: TriggerSource


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerReceipt:
    """What became of a trigger.

    Attributes:
        id: the trigger's id.
        is_accepted: whether a job answers for it.
        job_id: the job, when accepted.
        is_duplicate: the id was seen before; the job is the one from then.
        reason: why it was refused; empty when accepted.
        waits_for: what the job waits for before its turn comes; empty for nothing.
        at: when, aware UTC.
    """

    id: str
    is_accepted: bool
    job_id: int | None = None
    is_duplicate: bool = False
    reason: str = ""
    waits_for: str = ""
    at: datetime
