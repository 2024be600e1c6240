"""Addresses of pages, for every name that a disk can hold."""

import os
from urllib.parse import parse_qs, urlsplit

import pytest

from tflited.domain.model import ModelId
from tflited.domain.status import Phase
from tflited.pages import links


@pytest.mark.parametrize(
    "path", ["net", "a b&c=d?e#f", "<script>", "../up", "ä/ß.keras", os.fsdecode(b"caf\xe9")]
)
def test_a_name_comes_back_as_it_was(path: str) -> None:
    """Nothing in a name is read as a part of the address, and no byte is lost."""
    address = urlsplit(links.model(ModelId(root="r", path=path), "to/here"))
    query = parse_qs(address.query, errors="surrogateescape")
    assert (address.path, address.fragment) == ("/model", "")
    assert query == {"path": [f"r/{path}"], "save_to": ["to/here"]}


def test_what_is_not_asked_is_not_in_the_address() -> None:
    """A plain list has a plain address."""
    assert links.models() == "/models"
    assert links.jobs() == "/jobs"
    assert links.models(phases=(Phase.HELD, Phase.STALE), part=2) == (
        "/models?phase=held&phase=stale&part=2"
    )


def test_a_form_holds_only_what_can_be_typed() -> None:
    """A name that is no UTF-8 would come back as another one."""
    assert links.text(ModelId(root="r", path="net")) == "r/net"
    assert not links.text(ModelId(root="r", path=os.fsdecode(b"caf\xe9")))
