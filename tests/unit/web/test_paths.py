"""The path of a query, byte for byte."""

import os

import pytest
from starlette.requests import Request

from tflited.web.paths import asked_path


@pytest.mark.parametrize(
    ("query", "path"),
    [
        (b"path=a%2Fb", "a/b"),
        (b"path=caf%E9", os.fsdecode(b"caf\xe9")),
        (b"path=a&path=b", "b"),
        (b"other=a", ""),
        (b"path=\xff", os.fsdecode(b"\xff")),
    ],
)
def test_bytes_are_kept(query: bytes, path: str) -> None:
    """What is no UTF-8 comes as the surrogates that stand for it on disk."""
    assert asked_path(Request({"type": "http", "query_string": query})) == path
