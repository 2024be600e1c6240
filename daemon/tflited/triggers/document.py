"""The trigger document, version 1: bytes become a trigger or a refusal with every problem."""

import uuid
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tflited.domain.job import TriggerSource
from tflited.domain.policy import ModelType
from tflited.domain.trigger import Trigger
from tflited.errors import TriggerRefusedError

MAX_DOCUMENT_BYTES = 64 * 1024
_Path = Annotated[str, Field(min_length=1, max_length=4096)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _Model(_Strict):
    path: _Path
    type: Literal["auto", "saved_model", "keras", "hub"] = "auto"


class _Policy(_Strict):
    name: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    override: dict[str, Any] = {}


class _Document(_Strict):
    version: Literal[1]
    id: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")] | None = None
    model: _Model
    policy: _Policy = _Policy()
    save_to: _Path | None = None
    priority: Annotated[int, Field(ge=0, le=9)] = 5
    force: bool = False


def parse(document: bytes, source: TriggerSource) -> Trigger:
    """Validates one trigger document.

    Args:
        document: JSON, at most ``MAX_DOCUMENT_BYTES``.
        source: the door it came through.

    Returns:
        The trigger; one without an id gets a random one.

    Raises:
        TriggerRefusedError: malformed, unknown keys, or a path that leads out with ``..``.
    """
    if len(document) > MAX_DOCUMENT_BYTES:
        raise TriggerRefusedError(
            f"The document has {len(document)} bytes, allowed {MAX_DOCUMENT_BYTES}."
        )
    try:
        parsed = _Document.model_validate_json(document)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, entry['loc'])) or 'document'}: {entry['msg']}"
            for entry in error.errors(include_url=False, include_input=False)
        )
        raise TriggerRefusedError(
            f"The trigger document is wrong: {problems}.",
            hint="docs/triggers.md shows the document",
        ) from error
    _check_path("model.path", parsed.model.path)
    if parsed.save_to is not None:
        _check_save_to(parsed.save_to)
    return Trigger(
        id=parsed.id or uuid.uuid4().hex,
        path=parsed.model.path,
        model_type=ModelType(parsed.model.type),
        policy_name=parsed.policy.name,
        override=parsed.policy.override,
        save_to=parsed.save_to,
        priority=parsed.priority,
        is_forced=parsed.force,
        source=source,
    )


def _check_path(key: str, path: str) -> None:
    if ".." in PurePosixPath(path).parts or "\0" in path:
        raise TriggerRefusedError(
            f'{key}: observed {path!r}, allowed a path below a root without "..".',
            hint="name the model by its path below a root",
        )


def _check_save_to(path: str) -> None:
    _check_path("save_to", path)
    if PurePosixPath(path).is_absolute() or path.startswith("."):
        raise TriggerRefusedError(
            f"save_to: observed {path!r}, allowed a relative path below the output tree."
        )
