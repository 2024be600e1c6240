"""The package on a build host that systemd runs: installed, used, hurt, upgraded and purged."""

import json
import shutil
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from acceptance.build_host import UNIT, BuildHost
from programs import find_program
from waiting import wait_until

HERE = Path(__file__).parent
MODELS = "/srv/tflited/models"
PUBLISHED = "/srv/tflited/published/models"
BUILD_SECONDS = 180
RESTART_SECONDS = 60
SLOW_POLICY = 'variants = ["float32", "dynamic_range", "float16", "weight_only_int8"]\n'


@pytest.fixture
def service(host: BuildHost, package: Path) -> Iterator[BuildHost]:
    """The host with the service installed as packaged, running, and no model."""
    host.run(f"dpkg --status tflited >/dev/null || dpkg --install /opt/shared/{package.name}")
    host.run("usermod --append --groups tflited alice")
    host.run(f"rm -rf /etc/systemd/system/{UNIT}.d && systemctl daemon-reload")
    host.run("systemctl reset-failed", check=False)
    host.run("systemctl enable tflited && systemctl restart tflited.socket tflited")
    yield host
    host.run("systemctl stop tflited", check=False)
    host.run(f"rm -rf {MODELS}/* {MODELS}/.tflited.toml")


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained network that is built in a second."""
    return _made("examples/train_digits.py", tmp_path_factory, "digits.keras", "--format", "keras")


@pytest.fixture(scope="session")
def large_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A MobileNetV2, whose build can be met in its middle."""
    program = (
        "import keras, sys\n"
        "net = keras.applications.MobileNetV2(weights=None, input_shape=(96, 96, 3), classes=10)\n"
        "net.save(sys.argv[1] + '/mobilenet.keras')\n"
    )
    return _made("-c", tmp_path_factory, "mobilenet.keras", program=program)


def _made(
    script: str, factory: pytest.TempPathFactory, name: str, *options: str, program: str = ""
) -> Path:
    """What a program of TensorFlow's made, in a process of its own."""
    folder = factory.mktemp("made")
    words = [script, program, str(folder)] if program else [script, str(folder), *options]
    subprocess.run([sys.executable, *words], check=True, capture_output=True, cwd=HERE.parents[1])
    return folder / name


def drop(host: BuildHost, model: Path, name: str = "") -> str:
    """Alice, a member of the group, copies a model into the drop folder; gives its name."""
    name = name or model.name
    shutil.copyfile(model, host.path(f"/tmp/{name}"))
    host.run(f"cp /tmp/{name} {MODELS}/{name}", user="alice")
    return name


def wait_for(host: BuildHost, name: str, phase: str) -> dict[str, Any]:
    """Waits until a model is in a phase; gives the daemon's answer about it."""

    def reached() -> dict[str, Any]:
        answer = host.why(f"{MODELS}/{name}")
        return answer if (answer["model"] or {}).get("phase") == phase else {}

    return wait_until(reached, BUILD_SECONDS, what=f"{name} to be {phase}")


def is_active(host: BuildHost) -> bool:
    """Whether the service runs."""
    return host.show("ActiveState") == "active"


def test_the_installation_starts_nothing(installed: dict[str, str]) -> None:
    """User, drop folder and configuration are there; no unit is enabled or active."""
    assert installed["enabled"] == "disabled"
    assert installed["active"] == "inactive"
    assert installed["folder"] == "drwxrwsr-x tflited tflited"
    assert installed["check"] == "0"


def test_a_member_of_the_group_drops_a_model(service: BuildHost, small_model: Path) -> None:
    """Its artifacts are published, and the status tells of it."""
    name = drop(service, small_model, "member.keras")
    wait_for(service, name, "published")

    found = service.run(f"cd {PUBLISHED}/{name} && find . -type f", user="alice").split()
    assert {"./manifest.json", "./float16/member.tflite", "./float16/member.c"} <= set(found)
    told = wait_until(
        lambda: "1 published" in service.show("StatusText"), 10, what="the status text"
    )
    assert told


def test_prometheus_scrapes_through_the_socket(service: BuildHost, tmp_path: Path) -> None:
    """The service has no network of its own; the port is systemd's."""
    prometheus = find_program("prometheus", "apt-get install prometheus")
    target = "scrape_interval: 1s, static_configs: [{targets: ['127.0.0.1:8571']}]"
    file = tmp_path / "prometheus.yml"
    file.write_text(f"scrape_configs: [{{job_name: tflited, {target}}}]\n")
    command = [
        *(*service.network, prometheus, f"--config.file={file}"),
        *(f"--storage.tsdb.path={tmp_path}/data", "--web.listen-address=127.0.0.1:9090"),
    ]
    query = urllib.parse.quote('up{job="tflited"} + on() tflited_ready * 10')
    ask = [*service.network, "curl", "-s", f"http://127.0.0.1:9090/api/v1/query?query={query}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
        try:

            def value() -> str:
                done = subprocess.run(ask, capture_output=True, text=True, check=False)
                found = json.loads(done.stdout)["data"]["result"] if done.stdout else []
                return str(found[0]["value"][1]) if found else ""

            assert wait_until(value, 30, what="a sample of the target") == "11"
        finally:
            server.terminate()


def test_a_reload_waits_until_it_is_in_force(service: BuildHost) -> None:
    """A new root is watched when ``systemctl reload`` returns; a wrong file fails the reload."""
    main_file = service.path("/etc/tflited/tflited.toml")
    good = main_file.read_text()
    try:
        service.run("mkdir -p /srv/tflited/more")
        main_file.write_text(f'{good}\n[[root]]\nname = "more"\npath = "/srv/tflited/more"\n')
        service.run("systemctl reload tflited")
        roots = {root["name"] for root in service.json("tflited status --json")["roots"]}
        assert "more" in roots

        main_file.write_text(good + "polcy = 1\n")
        assert "failed" in service.run("systemctl reload tflited", check=False)
        assert is_active(service)
    finally:
        main_file.write_text(good)


def test_a_hung_engine_is_restarted(service: BuildHost) -> None:
    """The watchdog is fed by the engine's own loop, so a stop of it is noticed."""
    service.drop_in("WatchdogSec=4")
    service.run("systemctl restart tflited")
    before = service.show("MainPID")
    service.run(f"kill -STOP {before}")

    wait_until(
        lambda: service.show("MainPID") not in {before, "0"}, RESTART_SECONDS, what="a restart"
    )
    wait_until(lambda: is_active(service), RESTART_SECONDS, what="a running service")
    assert "Watchdog timeout" in service.run(f"journalctl --unit={UNIT} --lines=50")


def test_a_killed_daemon_goes_on_with_its_job(service: BuildHost, large_model: Path) -> None:
    """The same job is published by the next start, and no child is left over."""
    name = drop(service, large_model, "killed.keras")
    wait_for(service, name, "building")
    job = service.why(f"{MODELS}/{name}")["job"]["id"]
    service.run(f"kill -KILL {service.show('MainPID')}")

    wait_until(lambda: is_active(service), RESTART_SECONDS, what="a running service")
    assert wait_for(service, name, "published")["job"]["id"] == job


def test_a_stop_drains_what_is_under_way(service: BuildHost, large_model: Path) -> None:
    """The build that runs is published before the service ends, within its extended time."""
    name = drop(service, large_model, "drained.keras")
    wait_for(service, name, "building")
    service.run("systemctl stop tflited")

    assert service.show("Result") == "success"
    assert service.path(f"{PUBLISHED}/{name}/manifest.json").is_file()
    assert service.show("ActiveState", "tflited.socket") == "inactive"


def test_a_wrong_configuration_is_not_retried(service: BuildHost) -> None:
    """Exit code 3 fails the unit once; the journal names the key."""
    main_file = service.path("/etc/tflited/tflited.toml")
    good = main_file.read_text()
    try:
        main_file.write_text(good + "polcy = 1\n")
        service.run("systemctl restart tflited", check=False)
        time_of_death = service.show("ExecMainExitTimestampMonotonic")
        assert service.show("ExecMainStatus") == "3"
        service.run("sleep 4")  # RestartSec is 2
        assert service.show("ActiveState") == "failed"
        assert service.show("ExecMainExitTimestampMonotonic") == time_of_death
        assert "polcy" in service.run(f"journalctl --unit={UNIT} --lines=20")
    finally:
        main_file.write_text(good)


def test_an_upgrade_keeps_configuration_and_queue(
    service: BuildHost, package: Path, large_model: Path
) -> None:
    """Jobs that were queued under the old version are published by the new one."""
    service.run("echo '# mine' >> /etc/tflited/tflited.toml")
    names = [drop(service, large_model, f"queued-{number}.keras") for number in range(4)]
    wait_for(service, names[0], "building")
    jobs = service.json("tflited jobs --json")
    before = {job["id"] for job in jobs if job["state"] in {"queued", "running"}}
    newer = _newer(package)
    service.run(f"dpkg --install /opt/shared/{newer.name}")

    assert is_active(service)
    assert service.run("tflited --version").split()[-1]
    after = {wait_for(service, name, "published")["job"]["id"] for name in names}
    assert before <= after
    assert len(after) == len(names)
    assert "# mine" in service.run("cat /etc/tflited/tflited.toml")


def _newer(package: Path) -> Path:
    """The same package under a higher version."""
    tree = package.parent / "tree"
    control = tree / "DEBIAN" / "control"
    text = control.read_text()
    newer = package.with_name("tflited_newer.deb")
    try:
        control.write_text(text.replace("\nVersion: ", "\nVersion: 1:"))
        command = ["dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(newer)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    finally:
        control.write_text(text)
    return newer


def test_a_purge_removes_state_and_keeps_outputs(service: BuildHost, small_model: Path) -> None:
    """What users dropped and what was published for them is theirs."""
    name = drop(service, small_model, "kept.keras")
    wait_for(service, name, "published")
    service.run("dpkg --remove tflited")
    assert service.path("/var/lib/tflited/tflited.sqlite3").parent.is_dir()
    assert service.path("/etc/tflited/tflited.toml").is_file()

    service.run("dpkg --purge tflited")
    assert not service.path("/var/lib/tflited").exists()
    assert not service.path("/etc/tflited").exists()
    assert not service.path("/opt/tflited").exists()
    assert service.path(f"{PUBLISHED}/{name}/manifest.json").is_file()


def test_the_unit_refuses_what_it_says(service: BuildHost) -> None:
    """Writes only where declared, nothing executed from there, no socket but unix ones."""
    shutil.copy(HERE / "probe.py", service.path("/usr/local/lib/probe.py"))
    service.run("systemctl stop tflited")
    probe = "/opt/tflited/bin/python -I /usr/local/lib/probe.py"
    service.drop_in(f"Type=oneshot\nRestart=no\nWatchdogSec=0\nExecStart=\nExecStart={probe}")
    service.run("systemctl start tflited", check=False)
    lines = service.run(f"journalctl --unit={UNIT} --output=cat --lines=20").splitlines()
    found = json.loads(next(line for line in reversed(lines) if line.startswith("{")))

    allowed = {name for name, result in found.items() if not result.startswith("refused")}
    declared = (MODELS, "/var/lib/tflited", "/run/tflited", "/tmp", "/var/tmp")
    assert allowed == {f"write {folder}" for folder in declared}
    assert len(found) >= 30
