"""Real message brokers on free loopback ports: started, killed and started again by the tests."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from programs import find_program
from waiting import wait_until

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 20.0
_PORTS: Final = range(15_000, 32_000)
# Debian keeps servers where PATH of a user need not lead.
_SERVER_PATH: Final = f"{os.environ.get('PATH', '')}:/usr/local/sbin:/usr/sbin:/sbin"


def free_port() -> int:
    """A port of the loopback interface that nobody listens on.

    Below the range from which the kernel serves connections: one of those would take the port of a
    server that is killed to be started again.
    """
    while True:
        port = secrets.choice(_PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Server(ABC):
    """One server over a folder of its own, on one port; data outlive ``kill``.

    Args:
        folder: for its data and its log.
    """

    scheme = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it and waits until it takes connections."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self.command(),
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a server may be a script that starts the real one
            )
        wait_until(self.is_up, START_SECONDS, what=f"{self.scheme} on port {self.port}")

    def kill(self) -> None:
        """Ends it as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Ends it for good."""
        self._end(signal.SIGKILL)

    def is_up(self) -> bool:
        """Whether it takes connections."""
        assert self._process is not None
        assert self._process.poll() is None, self._log.read_text(errors="replace")[-3000:]
        return self._answers()

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What to run."""

    def environment(self) -> dict[str, str]:
        """With what."""
        return {**os.environ, "PATH": _SERVER_PATH}

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            process.wait(STOP_SECONDS)
            wait_until(lambda: not self._answers(), STOP_SECONDS, what="the port to be free")


class RedisServer(Server):
    """redis-server that syncs every write, so that none is lost by ``kill``."""

    scheme = "redis"

    def start(self) -> None:
        """Waits until its data are loaded, too: a client that asks before is refused."""
        began = self._log.stat().st_size if self._log.exists() else 0
        super().start()
        ready = b"Ready to accept connections"
        wait_until(lambda: ready in self._log.read_bytes()[began:], START_SECONDS, what="its data")

    def command(self) -> Sequence[str]:
        """Loopback only, no snapshots, every write synced."""
        options = {
            "port": str(self.port),
            "bind": "127.0.0.1",
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "always",
        }
        pairs = (part for name, value in options.items() for part in (f"--{name}", value))
        return [_find("redis-server", "redis-server"), *pairs]


class MosquittoServer(Server):
    """mosquitto that saves its sessions after every change.

    Args:
        folder: for its data and its log.
    """

    scheme = "mqtt"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser {_user()}\n"
            f"persistence true\npersistence_location {folder}/\n"
            "autosave_on_changes true\nautosave_interval 1\nmax_queued_messages 10000\n"
        )

    def command(self) -> Sequence[str]:
        """With its file."""
        return [_find("mosquitto", "mosquitto"), "-c", str(self.folder / "mosquitto.conf")]


class NatsServer(Server):
    """nats-server with JetStream in the folder."""

    scheme = "nats"

    def command(self) -> Sequence[str]:
        """Loopback only."""
        program = _find("nats-server", "nats-server")
        return [program, "-js", "-a", "127.0.0.1", "-p", str(self.port), "-sd", str(self.folder)]


class RabbitServer(Server):
    """RabbitMQ under a node name, a port mapper and a cookie of its own.

    Args:
        folder: for its data and its log.
    """

    scheme = "amqp"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._mapper_port, self._distribution_port = free_port(), free_port()
        self._mapper: subprocess.Popen[bytes] | None = None
        (folder / "plugins").write_text("[].\n")
        (folder / "rabbitmq.conf").write_text(
            f"listeners.tcp.local = 127.0.0.1:{self.port}\nlog.console = true\n"
        )

    def start(self) -> None:
        """Starts the port mapper of Erlang first; left alone, the node would start a daemon."""
        if self._mapper is None:
            command = [_find("epmd", "erlang-base"), "-port", str(self._mapper_port)]
            self._mapper = subprocess.Popen(
                [*command, "-address", "127.0.0.1"], stdin=subprocess.DEVNULL
            )
        super().start()

    def stop(self) -> None:
        """Ends the node, then the port mapper."""
        super().stop()
        if self._mapper is not None:
            self._mapper.kill()
            self._mapper.wait(STOP_SECONDS)
            self._mapper = None

    def command(self) -> Sequence[str]:
        """The script behind Debian's, which would become another user."""
        _find("rabbitmq-server", "rabbitmq-server")
        inner = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
        return [str(inner) if inner.exists() else "rabbitmq-server"]

    def environment(self) -> dict[str, str]:
        """Everything that would be shared with another node is put into the folder."""
        return {
            **super().environment(),
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self._mapper_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"tflited{self.port}@localhost",
            "RABBITMQ_DIST_PORT": str(self._distribution_port),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.folder / "log"),
            "RABBITMQ_PID_FILE": str(self.folder / "pid"),
            # The default of 128 MB would be taken from every test beside it.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +MBacul 0",
        }


SERVERS: Final[dict[str, type[Server]]] = {
    "redis": RedisServer,
    "rabbitmq": RabbitServer,
    "nats": NatsServer,
    "mqtt": MosquittoServer,
}
"""The servers by the name of their kind."""


def _find(program: str, package: str) -> str:
    found = shutil.which(program, path=_SERVER_PATH)
    return found or find_program(program, f"apt-get install {package}")


def _user() -> str:
    import pwd

    return pwd.getpwuid(os.getuid()).pw_name
