"""The real program and a real broker: a message becomes a published set."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import zoo
from brokers import RedisServer
from daemon_process import BUILD_SECONDS, DaemonProcess
from producers import reading, send
from tree_copy import copy_tree
from waiting import wait_until

SEEN_SECONDS = 30.0


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    try:
        yield server
    finally:
        server.stop()


def check(daemon: DaemonProcess) -> dict[str, object]:
    """What the daemon says of the broker."""
    (found,) = (each for each in daemon.get("status")["checks"] if each["name"] == "broker")
    return dict(found)


def test_daemon_works_with_and_without_its_broker(redis: RedisServer, tmp_path: Path) -> None:
    """Ready without the broker, which it names; a message then builds, and the result is told."""
    daemon = DaemonProcess(tmp_path)
    with daemon.main_file.open("a") as stream:
        stream.write(f'\n[broker]\nurl = "{redis.url}"\nreply_to = "results"\n')
    daemon.start()  # ready
    try:
        assert check(daemon)["is_ok"] is False
        redis.start()
        wait_until(lambda: check(daemon)["is_ok"], SEEN_SECONDS, what="the connection")
        copy_tree(zoo.digits().model, daemon.root / "digits")
        document = {"version": 1, "id": "t1", "model": {"path": "digits"}}
        with reading(redis, "results") as reader:
            send(redis, "tflited.triggers", [json.dumps(document).encode()])
            wait_until(lambda: len(reader.heard) == 2, BUILD_SECONDS, what="both results")
        receipt, result = (json.loads(heard.body) for heard in reader.heard)
        assert (receipt["event"], receipt["is_accepted"]) == ("received", True)
        assert (result["event"], result["state"]) == ("ended", "published")
        assert Path(result["manifest"]).is_file()
        redis.kill()
        wait_until(lambda: not check(daemon)["is_ok"], SEEN_SECONDS, what="the loss to be told")
        assert daemon.get("status")["is_ready"] is True
    finally:
        daemon.stop()
