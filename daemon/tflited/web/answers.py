"""How answers become bytes: domain dataclasses and errors as JSON, health checks as lines."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Response
from pydantic import TypeAdapter

from tflited.domain.status import HealthCheck, are_ready
from tflited.errors import (
    CannotStartError,
    ConfigurationError,
    OverCapacityError,
    StoragePausedError,
    TflitedError,
    UploadRefusedError,
    UsageError,
)

JSON = "application/json"
_PAUSE_SECONDS: Final = 30.0
_UPLOAD_STATUS: Final = {
    "upload_exists": 409,
    "upload_too_large": 413,
    "no_room": 507,
    "not_writable": 503,
}


class RequestError(TflitedError):
    """The daemon does not do what a request asks.

    Args:
        status: the HTTP status.
        code: stable name of the reason.
        message: what failed, observed against allowed.
        hint: the next step; empty when the message says it all.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        hint: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.headers = headers or {}
        self.status = status
        self.code = code  # type: ignore[misc]  # narrowed per instance on purpose


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The body of every answer that is an error.

    Attributes:
        code: stable name of the reason.
        message: what failed, observed against allowed.
        hint: the next step; empty when the message says it all.
    """

    code: str
    message: str
    hint: str


def answer(
    adapter: TypeAdapter[Any],
    value: Any,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A domain value as JSON."""
    return _as_json(adapter.dump_python(value, mode="json"), status, headers)


def refuse(
    status: int, code: str, message: str, hint: str = "", headers: Mapping[str, str] | None = None
) -> Response:
    """An error as a ``Refusal``."""
    return _as_json({"code": code, "message": message, "hint": hint}, status, headers)


def refuse_error(error: TflitedError) -> Response:
    """An error of the daemon's own as JSON with the status that fits it."""
    return refuse(_status_of(error), error.code, error.message, error.hint, _headers_of(error))


def retry_after(seconds: float) -> dict[str, str]:
    """The header that says when to ask again (RFC 9110, section 10.2.3), in whole seconds."""
    return {"Retry-After": str(max(1, math.ceil(seconds)))}


def health(checks: Sequence[HealthCheck], *, is_verbose: bool) -> Response:
    """Health as text; machines read the status alone, 200 or 503."""
    is_ok = are_ready(checks)
    lines = [_line(check) for check in checks] if is_verbose else []
    lines.append("ok" if is_ok else "not ok")
    text = "\n".join(lines) + "\n"
    body = text.encode(errors="backslashreplace")
    return Response(body, 200 if is_ok else 503, media_type="text/plain")


def _as_json(document: Any, status: int, headers: Mapping[str, str] | None) -> Response:
    # Names on disk need not be UTF-8 and reach us with lone surrogates (PEP 383): escaped in
    # ASCII they go through and back unharmed, encoded they would fail the whole answer.
    body = json.dumps(document, separators=(",", ":")).encode("ascii")
    return Response(body, status_code=status, headers=dict(headers or {}), media_type=JSON)


def _line(check: HealthCheck) -> str:
    if check.is_ok:
        return f"[+]{check.name} ok"
    reason = " ".join(check.reason.split())
    return f"[-]{check.name} {'failed' if check.is_required else '(not required)'}: {reason}"


def _status_of(error: TflitedError) -> int:
    match error:
        case RequestError():
            return error.status
        case UsageError():
            return 409
        case ConfigurationError():
            return 422
        case UploadRefusedError():
            return _UPLOAD_STATUS.get(error.code, 422)
        case CannotStartError() | OverCapacityError() | StoragePausedError():
            return 503
        case _:
            return 500


def _headers_of(error: TflitedError) -> Mapping[str, str]:
    match error:
        case RequestError():
            return error.headers
        case OverCapacityError():
            return retry_after(error.retry_after_seconds)
        case CannotStartError() | StoragePausedError():
            return retry_after(_PAUSE_SECONDS)
        case _:
            return {}
