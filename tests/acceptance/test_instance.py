"""A second instance on a build host: beside the first, with a port and a token of its own."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.build_host import BuildHost
from acceptance.drops import BUILD_SECONDS
from waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
UNIT = "tflited@second.service"
SOCKET = "/run/tflited-second/tflited.sock"
MODELS = "/srv/second/models"
OUTPUT = "/srv/tflited/published/second"
TOKEN = "t0ken-of-the-second-instance"
CONFIGURATION = f"""\
[daemon]
output = "{OUTPUT}"
state = "/var/lib/tflited/second"

[http]
listen = "127.0.0.1:8572"
socket = "{SOCKET}"
require_token_for_reading = true

[[http.token]]
name = "prometheus"
credential = "tflited.http-token.second"

[[root]]
name = "models"
path = "{MODELS}"
"""


def documented_socket() -> str:
    """The socket unit that the documents tell an operator to write, for this instance."""
    text = (REPOSITORY / "docs" / "systemd.md").read_text()
    (block,) = re.findall(r"```\n# \S+tflited@NAME\.socket\n(.*?)```", text, re.DOTALL)
    return str(block).replace("NAME", "second")


@pytest.fixture
def second(service: BuildHost) -> Iterator[BuildHost]:
    """The host with both instances running."""
    service.run(f"install --directory --group=tflited --mode=2775 {MODELS}")
    service.path("/etc/tflited/second.toml").write_text(CONFIGURATION)
    socket = service.path("/etc/systemd/system/tflited@second.socket")
    socket.write_text(documented_socket())
    store = service.path("/etc/credstore/tflited.http-token.second")
    store.parent.mkdir(mode=0o700, exist_ok=True)
    store.touch(mode=0o600)
    store.write_text(TOKEN)
    service.run("systemctl daemon-reload && systemctl start tflited@second.socket")
    service.run(f"systemctl start {UNIT}")
    yield service
    service.run(f"systemctl stop {UNIT}", check=False)
    service.run("systemctl reset-failed", check=False)
    socket.unlink()
    store.unlink()
    service.run(f"rm -rf /etc/tflited/second.toml /srv/second {OUTPUT}")


def test_it_builds_what_is_dropped(second: BuildHost, models: Path) -> None:
    """From its own folder into its own tree, with its own records."""
    second.path("/tmp/beside.keras").write_bytes((models / "digits.keras").read_bytes())
    second.run(f"cp /tmp/beside.keras {MODELS}/", user="alice")
    manifest = second.path(f"{OUTPUT}/models/beside.keras/manifest.json")
    wait_until(manifest.is_file, BUILD_SECONDS, what="a set of the second instance")
    assert "beside.keras" in json.dumps(second.get("jobs", socket=SOCKET))
    assert "beside.keras" not in json.dumps(second.get("jobs"))


def test_its_port_asks_for_the_credential(second: BuildHost) -> None:
    """Systemd hands the token to this service alone; nobody else may read it."""
    ask = "curl --silent --max-time 60 --output /dev/null --write-out '%{http_code}'"
    url = "http://127.0.0.1:8572/metrics"
    assert second.run(f"{ask} {url}") == "401"
    assert second.run(f"{ask} --header 'Authorization: Bearer {TOKEN}' {url}") == "200"
    kept = f"/run/credentials/{UNIT}/tflited.http-token.second"
    assert "Permission denied" in second.run(f"cat {kept}", user="alice", check=False)
    assert second.run(f"cat {kept}") == TOKEN


def test_it_reloads(second: BuildHost) -> None:
    """The unit names its own file."""
    file = second.path("/etc/tflited/second.toml")
    file.write_text(file.read_text() + f'\n[[root]]\nname = "more"\npath = "{MODELS}"\n')
    assert "failed" in second.run(f"systemctl reload {UNIT}", check=False)  # the same place twice
    file.write_text(CONFIGURATION.replace('name = "models"', 'name = "renamed"'))
    second.run(f"systemctl reload {UNIT}")
    roots = second.get("status", socket=SOCKET)["roots"]
    assert "renamed" in {root["name"] for root in roots}


def test_the_end_of_one_is_not_the_end_of_the_other(second: BuildHost) -> None:
    """Each has its own folder for its socket, which systemd removes with its service."""
    second.run("systemctl stop tflited")
    assert second.get("status", socket=SOCKET)["is_ready"]
    second.run("systemctl start tflited")
    second.run(f"systemctl stop {UNIT}")
    assert second.get("status")["is_ready"]
