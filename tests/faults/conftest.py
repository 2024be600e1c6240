"""What the fault tests share: a process that real daemons are forked from."""

from collections.abc import Iterator

import pytest

import zoo
from faults.kill.nursery import Nursery


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery(zoo.recorded())
    yield made
    made.close()
