"""``tflited worker`` and ``tflited scheduler``: what their options come to, and what is refused."""

from pathlib import Path

import pytest

from tflited import cluster, toolchain
from tflited.cli import main
from tflited.domain.cluster import GIB, SchedulerSettings, TlsFiles, WorkerSettings


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[WorkerSettings | SchedulerSettings]:
    """Takes what would be run; real ones run in the tests of the cluster."""
    taken: list[WorkerSettings | SchedulerSettings] = []
    monkeypatch.setattr(cluster, "work", taken.append)
    monkeypatch.setattr(cluster, "schedule", taken.append)
    return taken


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    """Three files that can be read."""
    made = [tmp_path / name for name in ("ca.pem", "me.pem", "me.key")]
    for path in made:
        path.touch()
    return TlsFiles(ca=made[0], certificate=made[1], key=made[2])


def options(files: TlsFiles) -> list[str]:
    return [
        f"--ca-file={files.ca}",
        f"--certificate-file={files.certificate}",
        f"--key-file={files.key}",
    ]


def test_a_worker_takes_what_the_machine_bears(asked: list[WorkerSettings], tmp_path: Path) -> None:
    """Without a word about slots and memory."""
    code = main(["worker", "tcp://127.0.0.1:1", f"--directory={tmp_path}"])
    (settings,) = asked
    assert code == 0
    assert settings.slots == toolchain.automatic_workers()
    assert settings.memory_bytes > 0
    assert settings.name


def test_options_of_a_worker(asked: list[WorkerSettings], files: TlsFiles) -> None:
    """Each one has its place in the settings."""
    main(
        [
            "worker",
            "tls://h:1",
            "--name=one",
            "--slots=3",
            "--memory-gib=1.5",
            "--cache-gib=2",
            "--listen=[::1]:900",
            "--drain-seconds=5",
            *options(files),
        ]
    )
    (settings,) = asked
    assert settings == WorkerSettings(
        scheduler="tls://h:1",
        tls=files,
        name="one",
        slots=3,
        memory_bytes=3 * GIB // 2,
        directory=settings.directory,
        cache_bytes=2 * GIB,
        host="::1",
        port=900,
        drain_seconds=5,
    )


def test_a_worker_can_be_set_up_by_its_environment(
    asked: list[WorkerSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the systemd unit does, from a file."""
    monkeypatch.setenv("TFLITED_SCHEDULER", "tcp://127.0.0.1:9")
    monkeypatch.setenv("TFLITED_WORKER_SLOTS", "2")
    main(["worker"])
    (settings,) = asked
    assert (settings.scheduler, settings.slots) == ("tcp://127.0.0.1:9", 2)


def test_options_of_the_scheduler(asked: list[SchedulerSettings], files: TlsFiles) -> None:
    """It listens on loopback unless it is told otherwise."""
    main(["scheduler"])
    main(["scheduler", "tls://10.0.0.1:5", "--worker-ttl-seconds=20", *options(files)])
    assert asked == [
        SchedulerSettings(listen="tcp://127.0.0.1:8786"),
        SchedulerSettings(listen="tls://10.0.0.1:5", tls=files, worker_ttl_seconds=20),
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ("worker", "tcp://127.0.0.1:1", "--ca-file=/dev/null"),
        ("worker", "tcp://127.0.0.1:1", "--listen=900"),
        ("worker", "tcp://127.0.0.1:1", "--listen=h:70000"),
        ("scheduler", "--worker-ttl-seconds=1"),
        (
            "scheduler",
            "--ca-file=/dev/null",
            "--certificate-file=/dev/null",
            "--key-file=/nowhere/me.key",
        ),
    ],
)
def test_wrong_options(asked: list[object], arguments: tuple[str, ...]) -> None:
    """Usage, told before anything starts."""
    code = main([*arguments])
    assert code == 2
    assert asked == []
