"""The main file's ``[broker]``: what it means, and what is refused with which words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tflited.errors import ConfigurationError, Problem
from tflited.settings.explain import effective
from tflited.settings.load import CREDENTIALS_VARIABLE, load

ROOT = '[[root]]\nname = "models"\npath = "models"\n'
Write = Callable[[str, str], Path]


def problem_of(write: Write, text: str) -> Problem:
    with pytest.raises(ConfigurationError) as raised:
        load(path=write("tflited.toml", f"[broker]\n{text}\n{ROOT}"))
    (problem,) = raised.value.problems
    return problem


def test_no_address_means_no_broker(write: Write) -> None:
    """The table alone switches nothing on."""
    assert load(path=write("tflited.toml", f"[broker]\n{ROOT}")).broker is None


def test_effective_configuration_means_the_same(write: Write, tmp_path: Path) -> None:
    """What ``tflited config`` prints can be loaded again."""
    text = '[broker]\nurl = "mqtts://h:1"\nsource = "a/b"\nreply_to = "c"\ncredentials_file = "p"\n'
    settings = load(path=write("tflited.toml", text + ROOT))
    again = load(path=write("again.toml", effective(settings)))
    assert settings.broker is not None
    assert settings.broker.credentials_file == tmp_path / "p"
    assert again.broker == settings.broker


def test_credentials_may_be_systemd_s(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable of systemd.exec(5) is filled in."""
    monkeypatch.setenv(CREDENTIALS_VARIABLE, "/run/credentials/x")
    text = f'[broker]\nurl = "nats://h"\ncredentials_file = "${{{CREDENTIALS_VARIABLE}}}/broker"\n'
    broker = load(path=write("tflited.toml", text + ROOT)).broker
    assert broker is not None
    assert broker.credentials_file == Path("/run/credentials/x/broker")


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        ('url = "kafka://h"', "broker.url", "'redis://'"),
        ('url = "redis://"', "broker.url", "HOST"),
        ('url = "redis://h:70000"', "broker.url", "HOST:PORT"),
        ('url = "redis://h?db=1"', "broker.url", "HOST"),
        ('url = "amqp://h"\nsource = "a b"', "broker.source", "matches"),
        ('url = "amqp://h"\nprefetch = 0', "broker.prefetch", "1"),
        ('url = "amqp://h"\nsource = "a"\nreply_to = "a"', "broker.reply_to", "another name"),
        ('url = "mqtt://h"\nreply_to = "a/#"', "broker.reply_to", "without + #"),
        ('url = "nats://h"\nreply_to = "a.*"', "broker.reply_to", "without * >"),
    ],
)
def test_what_cannot_work_is_refused(write: Write, text: str, key: str, allowed: str) -> None:
    """Each with what is allowed instead."""
    problem = problem_of(write, text)
    assert problem.key == key
    assert allowed in problem.allowed


def test_a_mistyped_scheme_is_guessed(write: Write) -> None:
    """As any other mistyped word."""
    assert problem_of(write, 'url = "reddis://h"').suggestion == "redis://"


def test_a_password_in_the_address_is_refused_and_not_repeated(write: Write) -> None:
    """The main file is read by many; the refusal is pasted into reports."""
    problem = problem_of(write, 'url = "amqp://user:hunter2@h/"')
    assert "credentials_file" in problem.allowed
    assert "hunter2" not in str(problem)
