"""Listening sockets: TCP, and the unix socket with its file's mode and leftovers."""

import os
import socket
import stat
from pathlib import Path
from typing import Final

from tflited.errors import CannotStartError

BACKLOG: Final = 128
SOCKET_MODE: Final = 0o660
_ANSWER_SECONDS: Final = 2.0


def listen_tcp(host: str, port: int) -> socket.socket:
    """Listens on an address.

    Args:
        host: ``localhost`` or an address.
        port: 0 for any free port.

    Raises:
        CannotStartError: the port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        message = f"HTTP on {host} port {port}: {error}"
        raise CannotStartError(message, hint="choose another port in the configuration") from error


def listen_unix(path: Path) -> socket.socket:
    """Listens on a unix socket of mode 0660; a socket file nobody answers on is replaced.

    Raises:
        CannotStartError: another daemon answers there, something else has the name, or the place
            cannot be written.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _remove_stale(path)
        # Linux gives the file the mode of the unbound socket, so it is never open to all.
        os.fchmod(listener.fileno(), 0o600)
        listener.bind(str(path))
        path.chmod(SOCKET_MODE)
        listener.listen(BACKLOG)
    except CannotStartError:
        listener.close()
        raise
    except OSError as error:
        listener.close()
        message = f"control socket {path}: {error}"
        hint = "its directory must exist and be writable for the service's user"
        raise CannotStartError(message, hint=hint) from error
    return listener


def remove_socket(path: Path, identity: tuple[int, int]) -> None:
    """Removes a socket file unless another daemon has put its own there.

    Args:
        path: the file.
        identity: device and inode it had when it was bound.
    """
    try:
        found = path.stat()
        if (found.st_dev, found.st_ino) == identity:
            path.unlink()
    except FileNotFoundError:
        return


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        message = f"control socket {path}: observed something that is no socket, allowed nothing"
        raise CannotStartError(message, hint="move it away or configure another path")
    if _answers(path):
        message = f"control socket {path}: observed another process that answers, allowed none"
        raise CannotStartError(message, hint="stop the other tflited first")
    path.unlink()


def _answers(path: Path) -> bool:
    """Whether a process listens; one too busy to take the connection counts as listening."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(_ANSWER_SECONDS)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except (BlockingIOError, TimeoutError):
            return True
    return True
