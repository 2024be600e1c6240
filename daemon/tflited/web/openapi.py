"""Completes the OpenAPI document: bodies that are read as bytes, and every answer that is given."""

from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from tflited.web.answers import Refusal

TRIGGER: Final = "TriggerDocument"
_WHEN: Final[Mapping[int, str]] = {
    400: "The request cannot be understood.",
    401: "It needs a token, or the token is unknown.",
    403: "The token has another scope, or the request names another host or comes from a page.",
    404: "There is no such job or root.",
    408: "The body took too long.",
    409: "The job's state does not allow it.",
    413: "The body is too long.",
    507: "There is no room for it.",
    422: "An argument, the document or the configuration is wrong.",
    429: "Too often; Retry-After says when to ask again.",
    503: "Not now: stopping, or over capacity; Retry-After says when to ask again.",
}
_RETRY: Final = {"Retry-After": {"schema": {"type": "integer", "minimum": 1}}}
_CHALLENGE: Final = {"WWW-Authenticate": {"schema": {"type": "string"}}}
_HEADERS: Final[Mapping[int, Mapping[str, Any]]] = {401: _CHALLENGE, 429: _RETRY, 503: _RETRY}
ALWAYS: Final = (400, 401, 403, 422, 429, 503)

Answers = dict[int | str, dict[str, Any]]


def refusals(*statuses: int) -> Answers:
    """What FastAPI's ``responses`` says of the errors that a path may answer."""
    return {
        status: {
            "model": Refusal,
            "description": _WHEN[status],
            **({"headers": dict(_HEADERS[status])} if status in _HEADERS else {}),
        }
        for status in sorted({*ALWAYS, *statuses})
    }


def trigger_body() -> dict[str, Any]:
    """The body of a trigger, for ``openapi_extra``."""
    schema = {"$ref": f"#/components/schemas/{TRIGGER}"}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def describe(app: FastAPI, trigger_schema: Mapping[str, Any]) -> dict[str, Any]:
    """The document.

    Args:
        app: with every route.
        trigger_schema: JSON schema of the trigger document, with what it refers to in ``$defs``.
    """
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, routes=app.routes)
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas |= _renamed(trigger_schema)
        app.openapi_schema = document
    return app.openapi_schema


def _renamed(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema and its definitions as components, none of which meets a name that is taken."""
    top = {key: value for key, value in schema.items() if key != "$defs"}
    parts = {f"{TRIGGER}{name}": part for name, part in schema.get("$defs", {}).items()}
    return {name: _pointed(part) for name, part in {TRIGGER: top, **parts}.items()}


def _pointed(node: Any) -> Any:
    if isinstance(node, list):
        return [_pointed(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value.replace("#/$defs/", f"#/components/schemas/{TRIGGER}")
        if key == "$ref"
        else _pointed(value)
        for key, value in node.items()
    }
