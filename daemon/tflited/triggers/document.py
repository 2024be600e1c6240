"""The trigger document, version 1: bytes become a trigger or a refusal with every problem."""

import uuid
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from tflited.domain.hub import LONGEST_HANDLE, HubReference
from tflited.domain.job import TriggerSource
from tflited.domain.policy import ModelType
from tflited.domain.trigger import Trigger
from tflited.errors import Refusal, TriggerRefusedError

MAX_DOCUMENT_BYTES = 64 * 1024
_Path = Annotated[str, Field(min_length=1, max_length=4096)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


_Shape = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1, max_length=32)]


class _Model(_Strict):
    path: _Path | None = None
    type: Literal["auto", "saved_model", "keras", "hub"] = "auto"
    hub: Annotated[str, Field(min_length=1, max_length=LONGEST_HANDLE)] | None = None
    input_shape: _Shape | Annotated[dict[str, _Shape], Field(max_length=64)] | None = None

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.path is None) is (self.hub is None):
            raise ValueError("either path or hub must be there, and not both")
        if self.input_shape is not None and self.hub is None:
            raise ValueError("input_shape goes with hub; for a path it is a key of the policy")
        if self.hub is not None and self.type not in {"auto", "hub"}:
            raise ValueError("type of a hub handle is auto or hub")
        return self

    def reference(self) -> HubReference | None:
        """The Hub reference, where the model is one."""
        if self.hub is None:
            return None
        asked = self.input_shape or {}
        table = asked if isinstance(asked, dict) else {"": asked}
        shapes = {name: tuple(shape) for name, shape in table.items()}
        return HubReference(handle=self.hub, input_shape=shapes)


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


def json_schema() -> dict[str, Any]:
    """The JSON schema of the document; what it refers to is in its ``$defs``."""
    return _Document.model_json_schema()


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
    path = parsed.model.path or ""
    _check_path("model.path", path)
    if parsed.save_to is not None:
        _check_save_to(parsed.save_to)
    return Trigger(
        id=parsed.id or uuid.uuid4().hex,
        path=path,
        hub=parsed.model.reference(),
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
            refusal=Refusal.OUTSIDE,
        )


def _check_save_to(path: str) -> None:
    _check_path("save_to", path)
    if PurePosixPath(path).is_absolute() or path.startswith("."):
        raise TriggerRefusedError(
            f"save_to: observed {path!r}, allowed a relative path below the output tree.",
            refusal=Refusal.OUTSIDE,
        )
