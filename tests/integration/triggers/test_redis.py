"""What is Redis's own: a flushed database, passwords, certificates, what dead consumers hold."""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis

from broker_doors import TAKE_SECONDS, OpenDoor
from brokers import RedisServer
from fakes.stored_world import StoredWorld, a_document
from producers import reading, send
from programs import requires_program
from tflited.domain.broker import BrokerSettings
from waiting import wait_until

SOURCE = "triggers"


class GuardedRedis(RedisServer):
    """Takes TLS connections alone, and asks for a password."""

    scheme = "rediss"

    def command(self) -> Sequence[str]:
        """As the other, with the certificate that stands in the folder."""
        command = list(super().command())
        command[command.index("--port") + 1] = "0"
        options = {
            "tls-port": str(self.port),
            "tls-cert-file": str(self.folder / "cert.pem"),
            "tls-key-file": str(self.folder / "key.pem"),
            "tls-auth-clients": "no",
            "requirepass": "hunter2",
        }
        pairs = (part for name, value in options.items() for part in (f"--{name}", value))
        return [*command, *pairs]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "server")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[GuardedRedis]:
    server = GuardedRedis(tmp_path / "server")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    command += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(server.folder / "key.pem"), "-out", str(server.folder / "cert.pem")]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    try:
        server.start()
        yield server
    finally:
        server.stop()


def test_flushed_database_does_not_end_the_reading(
    redis: RedisServer, open_door: OpenDoor, tmp_path: Path
) -> None:
    """The group goes with FLUSHDB; it is made anew and messages come again."""
    world = StoredWorld(tmp_path)
    with world.open(), open_door(BrokerSettings(url=redis.url, source=SOURCE), world) as door:
        door.wait_connected()
        with Redis.from_url(redis.url) as client:
            client.flushdb()
        send(redis, SOURCE, [a_document(id="t1")])
        wait_until(
            lambda: world.stored.job_of_trigger("t1"), TAKE_SECONDS, what="the message's job"
        )


def test_result_of_a_job_that_ended_meanwhile_is_told_later(
    redis: RedisServer, open_door: OpenDoor, tmp_path: Path
) -> None:
    """The broker dies with the result owed, the daemon restarts, and the result still comes."""
    world = StoredWorld(tmp_path)
    settings = BrokerSettings(url=redis.url, source=SOURCE, reply_to="results")
    world.executor.is_ready = False
    with world.open():
        with open_door(settings, world) as door:
            door.wait_connected()
            send(redis, SOURCE, [a_document(id="t1")])
            wait_until(lambda: list(tmp_path.glob("broker/*.owed.json")), 20, what="the debt")
            redis.kill()
        world.executor.is_ready = True
        redis.start()
        with open_door(settings, world), reading(redis, "results") as reader:
            wait_until(
                lambda: any(b'"ended"' in heard.body for heard in reader.heard),
                TAKE_SECONDS,
                what="the result",
            )
        assert not list(tmp_path.glob("broker/*.owed.json"))


def test_entry_without_the_field_is_refused_by_its_fields(
    redis: RedisServer, open_door: OpenDoor, tmp_path: Path
) -> None:
    """Who forgets ``data`` is told what the daemon saw."""
    world = StoredWorld(tmp_path)
    settings = BrokerSettings(url=redis.url, source=SOURCE, reply_to="results")
    with world.open(), open_door(settings, world) as door, reading(redis, "results") as reader:
        door.wait_connected()
        with Redis.from_url(redis.url) as client:
            client.xadd(SOURCE, {b"paylo\xffd": b"{}"})
        wait_until(lambda: reader.heard, TAKE_SECONDS, what="the refusal")
    assert b"paylo" in reader.heard[0].body


@requires_program("openssl", "apt-get install openssl")
def test_password_and_certificate_open_the_door(
    guarded: GuardedRedis, open_door: OpenDoor, tmp_path: Path
) -> None:
    """With the right ones it is connected; a wrong password is told and not shown."""
    world = StoredWorld(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("not-hunter2\n")
    settings = BrokerSettings(
        url=guarded.url,
        source=SOURCE,
        credentials_file=secret,
        ca_file=guarded.folder / "cert.pem",
    )
    with world.open():
        with open_door(settings, world) as door:
            wait_until(lambda: door.shown, 20, what="the failure")
            assert "password" in door.checks()[0].reason
            assert "hunter2" not in door.checks()[0].reason
            secret.write_text("hunter2\n")  # read anew for the next connection
            door.wait_connected()
        with open_door(replace(settings, ca_file=None), world) as door:
            wait_until(lambda: door.shown, 20, what="the failure")
            assert "certificate" in door.checks()[0].reason.lower()


def test_what_a_dead_consumer_of_the_group_took_is_claimed(
    redis: RedisServer, open_door: OpenDoor, tmp_path: Path
) -> None:
    """Another daemon read an entry and never acknowledged it; after a minute it is ours."""
    world = StoredWorld(tmp_path)
    with Redis.from_url(redis.url) as client:
        client.xgroup_create(SOURCE, "tflited", id="0", mkstream=True)
        send(redis, SOURCE, [a_document(id="t1")])
        ((_, ((entry, _),)),) = client.xreadgroup("tflited", "dead", {SOURCE: ">"})
        client.xclaim(SOURCE, "tflited", "dead", 0, [entry], idle=61_000)
        with world.open(), open_door(BrokerSettings(url=redis.url, source=SOURCE), world):
            wait_until(lambda: world.stored.job_of_trigger("t1"), TAKE_SECONDS, what="the job")
            wait_until(
                lambda: client.xpending(SOURCE, "tflited")["pending"] == 0,
                TAKE_SECONDS,
                what="the acknowledgement",
            )
