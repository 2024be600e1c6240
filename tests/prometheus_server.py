"""A real Prometheus that scrapes one daemon, set up as the example configuration says."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

import yaml

from brokers import free_port
from programs import find_program
from promql import INSTALL, RULES
from waiting import wait_until

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0
ANSWER_SECONDS: Final = 30.0
SCRAPE_SECONDS: Final = 1


class Prometheus:
    """One that runs; answers questions over its HTTP interface."""

    def __init__(self, port: int) -> None:
        self._port = port

    def ask(self, path: str, **query: str) -> Any:
        """The data of an answer, which must be a success."""
        document = json.loads(self._get(f"/api/v1/{path}?{urlencode(query)}")[1])
        assert document["status"] == "success", document
        return document["data"]

    def value(self, expression: str) -> float | None:
        """The first value of an expression now; None without one."""
        found = self.ask("query", query=expression)["result"]
        return float(found[0]["value"][1]) if found else None

    def is_ready(self) -> bool:
        """Whether it answers."""
        with suppress(OSError):
            return self._get("/-/ready")[0] == HTTPStatus.OK
        return False

    def _get(self, path: str) -> tuple[int, bytes]:
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_SECONDS)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read()


@contextmanager
def scraping(folder: Path, target: str) -> Iterator[Prometheus]:
    """A Prometheus with the committed rules and the example's configuration, but for the pace.

    Args:
        folder: gets its configuration, its data and its log.
        target: host and port of the daemon.
    """
    program = find_program("prometheus", INSTALL)
    setup = yaml.safe_load((RULES / "prometheus.yml").read_text("utf-8"))
    setup["global"] |= {
        "scrape_interval": f"{SCRAPE_SECONDS}s",
        "scrape_timeout": f"{SCRAPE_SECONDS}s",
        "evaluation_interval": f"{SCRAPE_SECONDS}s",
    }
    setup["rule_files"] = [str(RULES / name) for name in setup["rule_files"]]
    setup["scrape_configs"][0]["static_configs"][0]["targets"] = [target]
    (folder / "prometheus.yml").write_text(yaml.safe_dump(setup))
    port = free_port()
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
    ]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            server = Prometheus(port)
            wait_until(server.is_ready, START_SECONDS, what="a ready Prometheus")
            yield server
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)
