"""Hub references in the real program, with a server of modules on the loopback address."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import hub_modules
from daemon_process import BUILD_SECONDS, MAIN_FILE, DaemonProcess
from hub_server import HubServer, Reply, archive
from waiting import wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[HubServer]:
    with HubServer().running() as started:
        yield started


@pytest.fixture(scope="module")
def hub_daemon(
    tmp_path_factory: pytest.TempPathFactory, server: HubServer
) -> Iterator[DaemonProcess]:
    """A daemon that may ask the server."""
    daemon = DaemonProcess(tmp_path_factory.mktemp("hub"))
    daemon.main_file.write_text(f'{MAIN_FILE}\n[hub]\nhosts = ["{server.host}"]\n')
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()


def manifest(folder: Path) -> dict[str, Any]:
    """What is published there; nothing while there is none."""
    with suppress(OSError):
        read: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
        return read
    return {}


def states(folder: Path) -> dict[str, str]:
    """Variant to state of a set."""
    return {entry["variant"]: entry["state"] for entry in manifest(folder)["variants"]}


def trigger(daemon: DaemonProcess, **document: Any) -> None:
    """Sends a trigger, which is accepted while its module is still to be fetched."""
    body = json.dumps({"version": 1, **document}).encode()
    assert daemon._client.post("/api/v1/triggers", body)["is_accepted"]


def test_a_reference_is_fetched_built_and_built_anew(
    hub_daemon: DaemonProcess, server: HubServer, tmp_path: Path
) -> None:
    """By file; a moved handle by a forced trigger; a scan alone asks for nothing."""
    server.replies["/net/1"] = Reply(content=archive(hub_modules.with_signature(tmp_path / "one")))
    file = hub_daemon.root / "vision" / "net.hub.toml"
    file.parent.mkdir()
    file.write_text(f'handle = "{server.handle()}"\ninput_shape = [1, 4]\n')
    hub_daemon.wait_for("vision/net.hub.toml", "published")
    place = hub_daemon.output / "models" / "vision" / "net.hub.toml"
    assert states(place)["float32"] == "proven"
    first = manifest(place)
    assert server.asked.count("/net/1?tf-hub-format=compressed") == 1

    moved = hub_modules.with_signature(tmp_path / "two", factor=2.0)
    server.replies["/net/1"] = Reply(content=archive(moved))
    trigger(hub_daemon, model={"path": "vision/net.hub.toml"}, force=True)
    wait_until(
        lambda: manifest(place)["model_digest"] != first["model_digest"],
        BUILD_SECONDS,
        what="the moved module to be published",
    )
    assert states(place)["float32"] == "proven"
    assert server.asked.count("/net/1?tf-hub-format=compressed") == 2


def test_a_handle_in_a_trigger_is_built(
    hub_daemon: DaemonProcess, server: HubServer, tmp_path: Path
) -> None:
    """The daemon keeps it as a reference of its own root, and publishes it below that name."""
    content = archive(hub_modules.without_signature(tmp_path / "one"))
    server.replies["/net/called"] = Reply(content=content)
    model = {"hub": server.handle("/net/called"), "input_shape": [1, 4]}
    trigger(hub_daemon, model=model)
    (kept,) = (hub_daemon.state / "hub-references").glob("*.hub.toml")
    assert kept.name.startswith("net-called-")
    place = hub_daemon.output / "hub" / kept.name
    wait_until(lambda: manifest(place), BUILD_SECONDS, what="the set of the trigger's module")
    assert states(place)["float32"] == "proven"

    def phase() -> str:
        return str(hub_daemon.get("why", path=f"hub/{kept.name}")["model"]["phase"])

    wait_until(lambda: phase() == "published", BUILD_SECONDS, what="the explained phase")


def test_a_handle_that_cannot_be_had_is_refused(
    hub_daemon: DaemonProcess, server: HubServer
) -> None:
    """With the server's answer, in the place where one looks."""
    (hub_daemon.root / "no.hub.toml").write_text(f'handle = "{server.handle("/no")}"\n')
    hub_daemon.wait_for("no.hub.toml", "refused")
    assert "404" in hub_daemon.why("no.hub.toml")["summary"]


def test_one_reference_is_converted_without_a_daemon(server: HubServer, tmp_path: Path) -> None:
    """It is fetched, and the second time it is in the cache."""
    server.replies["/net/once"] = Reply(content=archive(hub_modules.tf1_format(tmp_path / "one")))
    main_file, file = tmp_path / "tflited.toml", tmp_path / "net.hub.toml"
    main_file.write_text(f'{MAIN_FILE}\n[hub]\nhosts = ["{server.host}"]\n')
    file.write_text(f'handle = "{server.handle("/net/once")}"\n')
    options = ["--output", str(tmp_path / "output"), "--config", str(main_file)]
    command = [sys.executable, "-m", "tflited", "convert", str(file), *options]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
    assert states(tmp_path / "output" / "net")["float32"] == "proven"
    assert server.asked.count("/net/once?tf-hub-format=compressed") == 1
