"""Names in a query, byte for byte as they are on disk."""

from urllib.parse import parse_qs

from fastapi import Request


def asked_path(request: Request) -> str:
    """The query's ``path``."""
    return asked_name(request, "path")


def asked_name(request: Request, key: str) -> str:
    """The last value of a key of the query, where the framework replaces what is not UTF-8."""
    query = bytes(request.scope["query_string"]).decode("ascii", "surrogateescape")
    return parse_qs(query, errors="surrogateescape").get(key, [""])[-1]
