"""Ids of messages whose document brings none."""

import json
from pathlib import Path

import pytest

from tflited.triggers.broker.delivery import Delivery
from tflited.triggers.broker.naming import Naming

BODY = b'{"version": 1}'


async def _nothing() -> None:
    pass


def a_delivery(body: bytes = BODY, identity: str = "") -> Delivery:
    return Delivery(body=body, identity=identity, acknowledge=_nothing)


def id_of(document: bytes) -> str:
    return str(json.loads(document)["id"])


@pytest.fixture
def naming(tmp_path: Path) -> Naming:
    return Naming(tmp_path / "in-hand.json")


def test_the_broker_s_own_name_makes_the_id(naming: Naming) -> None:
    """The same message the same, another message another, though it says the same."""
    first, again, other = (
        id_of(naming.named(a_delivery(identity=name))) for name in ("s 1-0", "s 1-0", "s 1-1")
    )
    assert first == again != other


def test_without_a_name_a_redelivery_meets_its_id(naming: Naming, tmp_path: Path) -> None:
    """Also in the next process: the file is there before the trigger is stored."""
    first = id_of(naming.named(a_delivery()))
    assert id_of(Naming(tmp_path / "in-hand.json").named(a_delivery())) == first


def test_without_a_name_the_same_words_later_are_a_new_trigger(naming: Naming) -> None:
    """What was acknowledged does not come again."""
    first = id_of(naming.named(a_delivery()))
    naming.forget()
    assert id_of(naming.named(a_delivery())) != first


def test_an_id_of_its_own_stays(naming: Naming, tmp_path: Path) -> None:
    """And costs no file; nor does what is too long to be a document."""
    assert naming.named(a_delivery(b'{"id": "x"}')) == b'{"id": "x"}'
    naming.named(a_delivery(b"x" * 100_000))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_costs_nothing(naming: Naming, tmp_path: Path) -> None:
    """It is as if there were none."""
    (tmp_path / "in-hand.json").write_text("[")
    assert id_of(naming.named(a_delivery()))
