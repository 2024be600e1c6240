"""Ids for documents that bring none."""

import json

import pytest

from tflited.triggers.identity import with_id


def test_a_document_without_an_id_gets_the_new_one() -> None:
    """And keeps everything else."""
    assert json.loads(with_id(b'{"version": 1}', lambda: "x")) == {"version": 1, "id": "x"}


@pytest.mark.parametrize("content", [b'{"id": "own"}', b"[1]", b"{", b"\xff", b"[" * 60_000])
def test_everything_else_is_left_as_it_is(content: bytes) -> None:
    """What is no document is for the document's own check to refuse, however deep it nests."""
    assert with_id(content, lambda: "x") is content
