"""The path that a query asks about, byte for byte as it is on disk."""

from urllib.parse import parse_qs

from fastapi import Request


def asked_path(request: Request) -> str:
    """The query's ``path``, where the framework replaces what is not UTF-8."""
    query = bytes(request.scope["query_string"]).decode("ascii", "surrogateescape")
    return parse_qs(query, errors="surrogateescape").get("path", [""])[-1]
