"""Following a served double: what happens, the daemon that goes, and the one that comes back."""

from collections.abc import Iterator

import pytest

from fakes.control import FakeControl, make_job
from fakes.http_client import Daemon, serve
from tflited.cli.client import Client
from tflited.cli.following import Away, Following, Happened, Here, News
from tflited.domain.report import Stage
from waiting import wait_until

SECONDS = 30.0


@pytest.fixture
def following(daemon: Daemon) -> Iterator[Following]:
    with Following(Client(daemon.path)) as started:
        yield started


def news(following: Following) -> News:
    """The next, within reason."""
    heard = wait_until(lambda: following.next(0.1), SECONDS, what="news")
    assert heard is not None
    return heard


def test_events_come_as_they_happen(daemon: Daemon, following: Following) -> None:
    """After the word that the daemon is there."""
    assert news(following) == Here()
    daemon.control.feed.stage_began(make_job(2), Stage.QUANTISE, "int8")
    heard = news(following)
    assert isinstance(heard, Happened)
    assert (heard.event["stage"], heard.event["detail"]) == ("quantise", "int8")


def test_a_daemon_that_goes_and_comes_is_told_once_each(
    daemon: Daemon, following: Following
) -> None:
    """However often it is tried meanwhile."""
    assert news(following) == Here()
    daemon.server.stop(5)
    away = news(following)
    assert isinstance(away, Away)
    assert "No daemon answers on " in away.reason
    again = serve(FakeControl(), daemon.path)
    again.start()
    try:
        assert news(following) == Here()
    finally:
        again.stop(5)


def test_nothing_new_is_none(following: Following) -> None:
    """So that whoever follows can do something else."""
    assert news(following) == Here()
    assert following.next(0.0) is None
