"""The service on a build host: used by a member of the group, scraped, reloaded, hurt, stopped."""

import subprocess
from pathlib import Path

from acceptance.build_host import MODELS, UNIT, BuildHost
from acceptance.drops import PUBLISHED, drop, wait_for
from programs import find_program
from waiting import wait_until

RESTART_SECONDS = 180
SCRAPE_SECONDS = 120
DRAIN_SECONDS = 600
PATIENT = f"drain_timeout_seconds = {DRAIN_SECONDS}"
"""A build may take long where other programs want the processors, too."""


def restarted(host: BuildHost, before: str) -> None:
    """Waits until another process than before serves."""
    wait_until(lambda: host.show("MainPID") not in {before, "0"}, RESTART_SECONDS, what="a restart")
    wait_until(host.is_active, RESTART_SECONDS, what="a running service")


def test_a_member_of_the_group_drops_a_model(service: BuildHost, models: Path) -> None:
    """Its artifacts are published, and the status tells of it."""
    name = drop(service, models / "digits.keras", "member.keras")
    wait_for(service, name, "published")

    owner = service.run(f"stat --format='%U %G' {MODELS}/{name}").strip()
    assert owner == "alice tflited"  # the folder gives what is dropped to the group
    found = service.run(f"cd {PUBLISHED}/{name} && find . -type f", user="alice").split()
    assert {"./manifest.json", "./float16/member.tflite", "./float16/member.c"} <= set(found)
    wait_until(lambda: "1 published" in service.show("StatusText"), 60, what="the status text")


def test_the_journal_knows_a_job_by_its_number(service: BuildHost, models: Path) -> None:
    """Each event about it is an entry with typed fields, of a start to a publication."""
    name = drop(service, models / "digits.keras", "told.keras")
    job = wait_for(service, name, "published")["job"]["id"]
    entries = service.journal(f"TFLITED_JOB_ID={job}", f"_SYSTEMD_UNIT={UNIT}")
    events = [entry["TFLITED_EVENT"] for entry in entries]
    assert {"job_accepted", "attempt_started", "set_published"} <= set(events)
    assert {entry["TFLITED_MODEL"] for entry in entries} == {f"models/{name}"}
    assert {entry["PRIORITY"] for entry in entries} == {"6"}


def test_somebody_else_may_not_drop_a_model(service: BuildHost) -> None:
    """The folder is the group's."""
    told = service.run(f"touch {MODELS}/other.keras", user="nobody", check=False)
    assert "Permission denied" in told


def test_prometheus_scrapes_through_the_socket(service: BuildHost, tmp_path: Path) -> None:
    """The service has no network of its own; the port is systemd's."""
    prometheus = find_program("prometheus", "apt-get install prometheus")
    promtool = find_program("promtool", "apt-get install prometheus")
    target = "scrape_interval: 1s, static_configs: [{targets: ['127.0.0.1:8571']}]"
    file = tmp_path / "prometheus.yml"
    file.write_text(f"scrape_configs: [{{job_name: tflited, {target}}}]\n")
    command = [
        *(*service.network, prometheus, f"--config.file={file}"),
        *(f"--storage.tsdb.path={tmp_path}/data", "--web.listen-address=127.0.0.1:9090"),
    ]
    query = 'up{job="tflited"} + on() tflited_ready * 10'
    ask = [*service.network, promtool, "query", "instant", "http://127.0.0.1:9090", query]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:

            def is_scraped() -> bool:
                done = subprocess.run(ask, capture_output=True, text=True, check=False)
                return "=> 11 @" in done.stdout

            wait_until(is_scraped, SCRAPE_SECONDS, what="a sample of a target that is ready")
        finally:
            server.terminate()
    assert service.show("PrivateNetwork") == "yes"


def test_a_stopped_service_is_not_started_by_a_scrape(service: BuildHost) -> None:
    """The socket stops with the service, so a monitor cannot undo an operator's stop."""
    ask = "curl --silent --show-error --max-time 60 http://127.0.0.1:8571/livez"
    assert "ok" in service.run(ask)
    service.run("systemctl stop tflited")
    assert "connect" in service.run(ask, check=False)
    assert service.show("ActiveState") == "inactive"


def test_a_reload_waits_until_it_is_in_force(service: BuildHost) -> None:
    """A new root is watched when ``systemctl reload`` returns; a wrong file fails the reload."""
    main_file = service.path("/etc/tflited/tflited.toml")
    good = main_file.read_text()
    try:
        service.run("mkdir -p /srv/tflited/more")
        main_file.write_text(f'{good}\n[[root]]\nname = "more"\npath = "/srv/tflited/more"\n')
        service.run("systemctl reload tflited")
        assert "more" in {root["name"] for root in service.get("status")["roots"]}

        main_file.write_text(good + "polcy = 1\n")
        assert "failed" in service.run("systemctl reload tflited", check=False)
        assert service.is_active()
    finally:
        main_file.write_text(good)


def test_a_hung_engine_is_restarted(service: BuildHost) -> None:
    """The watchdog is fed by the engine's own loop, so a stop of it is noticed."""
    service.drop_in("WatchdogSec=20")
    service.run("systemctl restart tflited")
    before = service.show("MainPID")
    service.run(f"kill -STOP {before}")

    restarted(service, before)
    assert service.show("NRestarts") == "1"
    assert "Watchdog timeout" in service.run(f"journalctl --unit={UNIT} --lines=100")


def test_a_killed_daemon_goes_on_with_its_job(service: BuildHost, models: Path) -> None:
    """The same job is published by the next start, and no child is left over."""
    name = drop(service, models / "mobilenet.keras", "killed.keras")
    job = wait_for(service, name, "building")["job"]["id"]
    before = service.show("MainPID")
    left = service.run(f"cat /proc/{before}/task/*/children").split()
    service.run(f"kill -KILL {before}")

    restarted(service, before)
    assert wait_for(service, name, "published")["job"]["id"] == job
    assert left
    assert not [pid for pid in left if service.path(f"/proc/{pid}").exists()]


def test_a_stop_drains_what_is_under_way(service: BuildHost, models: Path) -> None:
    """The build that runs is published before the service ends, long after its own timeout."""
    service.drop_in("TimeoutStopSec=2")
    main_file = service.path("/etc/tflited/tflited.toml")
    good = main_file.read_text()
    try:
        main_file.write_text(good.replace("[daemon]", f"[daemon]\n{PATIENT}"))
        service.run("systemctl restart tflited")
        name = drop(service, models / "mobilenet.keras", "drained.keras")
        wait_for(service, name, "building")
        service.run("systemctl stop tflited", seconds=DRAIN_SECONDS)
    finally:
        main_file.write_text(good)

    assert service.show("Result") == "success"
    assert service.path(f"{PUBLISHED}/{name}/manifest.json").is_file()
    assert service.show("ActiveState", "tflited.socket") == "inactive"
    stopping, ended = (
        int(service.show(f"{name}TimestampMonotonic")) for name in ("ActiveExit", "InactiveEnter")
    )
    assert ended - stopping > 2_000_000  # EXTEND_TIMEOUT_USEC was asked for, and given


def test_a_wrong_configuration_is_not_retried(service: BuildHost) -> None:
    """Exit code 3 fails the unit once; the journal names the key."""
    main_file = service.path("/etc/tflited/tflited.toml")
    good = main_file.read_text()
    try:
        main_file.write_text(good + "polcy = 1\n")
        service.run("systemctl restart tflited", check=False)
        wait_until(
            lambda: service.show("ActiveState") == "failed", RESTART_SECONDS, what="a failed unit"
        )
        assert service.show("ExecMainStatus") == "3"
        # A unit that waits for its next start is "activating (auto-restart)", never failed.
        assert service.show("NRestarts") == "0"
        assert "polcy" in service.run(f"journalctl --unit={UNIT} --lines=20")
    finally:
        main_file.write_text(good)


def test_a_crash_is_retried(service: BuildHost) -> None:
    """So the test above means something: another end leads to a new start."""
    before = service.show("MainPID")
    service.run(f"kill -SEGV {before}")
    restarted(service, before)
    assert service.show("NRestarts") == "1"
