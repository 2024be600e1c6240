"""The main file's ``[cluster]``: what it means, and what is refused with which words."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tflited.errors import Problem
from tflited.settings.explain import effective
from tflited.settings.load import load

ROOT = '[[root]]\nname = "models"\npath = "models"\n'
DASK = '[daemon]\nexecutor = "dask"\n[cluster]\n'
FILES = 'ca_file = "ca.pem"\ncertificate_file = "me.pem"\nkey_file = "me.key"\n'
Write = Callable[[str, str], Path]


def test_the_table_alone_switches_nothing_on(write: Write) -> None:
    """Attempts run on this machine unless the executor is another."""
    text = '[cluster]\nscheduler = "tcp://127.0.0.1:1"\n'
    assert load(path=write("tflited.toml", text + ROOT)).cluster is None


def test_certificates_are_relative_to_the_file(write: Write, tmp_path: Path) -> None:
    """As every path of the main file."""
    text = f'{DASK}scheduler = "tls://build.example:8786"\n{FILES}data_listen = "10.0.0.1:1"\n'
    cluster = load(path=write("tflited.toml", text + ROOT)).cluster
    assert cluster is not None
    assert cluster.tls is not None
    assert cluster.tls.key == tmp_path / "me.key"


@pytest.mark.parametrize(
    "text",
    [
        ROOT,
        f'{DASK}scheduler = "tcp://127.0.0.1:1"\nslots = 3\nshare_paths = false\n{ROOT}',
        f'{DASK}scheduler = "tls://h:1"\n{FILES}{ROOT}',
    ],
)
def test_effective_configuration_means_the_same(write: Write, text: str) -> None:
    """What ``tflited config show`` prints can be loaded again."""
    settings = load(path=write("tflited.toml", text))
    again = load(path=write("again.toml", effective(settings)))
    assert again.cluster == settings.cluster


@pytest.mark.parametrize(
    ("text", "key", "allowed"),
    [
        ("", "cluster.scheduler", "tls://HOST:PORT"),
        ('scheduler = "build.example:8786"\n', "cluster.scheduler", "tls://HOST:PORT"),
        ('scheduler = "tcp://10.0.0.1:8786"\n', "cluster.scheduler", "loopback host without TLS"),
        ('scheduler = "tcp://build.example:1"\n', "cluster.scheduler", "loopback host"),
        ('scheduler = "tls://10.0.0.1:8786"\n', "cluster.scheduler", "with certificates"),
        (f'scheduler = "tcp://127.0.0.1:1"\n{FILES}', "cluster.scheduler", "tls://"),
        ('scheduler = "tcp://127.0.0.1:1"\nca_file = "ca.pem"\n', "cluster", "together"),
        (
            'scheduler = "tcp://127.0.0.1:1"\ndata_listen = "0.0.0.0:1"\n',
            "cluster.data_listen",
            "loopback host",
        ),
        (
            'scheduler = "tcp://127.0.0.1:1"\ndata_listen = "8574"\n',
            "cluster.data_listen",
            "HOST:PORT",
        ),
        ('scheduler = "tcp://127.0.0.1:1"\nslots = 0\n', "cluster.slots", "1"),
        (
            'scheduler = "tcp://127.0.0.1:1"\nworker_ttl_seconds = 5\n',
            "cluster.worker_ttl_seconds",
            "15",
        ),
    ],
)
def test_what_would_let_others_in_is_refused(
    problems_of: Callable[[str], dict[str, Problem]], text: str, key: str, allowed: str
) -> None:
    """Whoever reaches a worker can run code on it, so without certificates nobody else may."""
    assert allowed in problems_of(DASK + text + ROOT)[key].allowed


def test_where_attempts_run_here_the_table_is_not_looked_at(write: Write) -> None:
    """It may be prepared beforehand."""
    text = '[cluster]\nscheduler = "tcp://10.0.0.1:8786"\n'
    assert load(path=write("tflited.toml", text + ROOT)).cluster is None
