"""Chromium's DevTools protocol over a pair of pipes: commands, their answers, and events.

Messages are JSON with a NUL behind each (https://chromedevtools.github.io/devtools-protocol/).
"""

import fcntl
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

Message: TypeAlias = dict[str, Any]
Listener: TypeAlias = Callable[[str, Message], None]

ANSWER_SECONDS: Final = 60.0
_STOP_SECONDS: Final = 20.0
_LOW: Final = 10
"""Pipe ends are moved above the descriptors 3 and 4, which Chromium reads from and writes to."""
_SWITCHES: Final = (
    "--headless=new",
    "--no-sandbox",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-features=Translate,MediaRouter,OptimizationHints",
    "--disable-sync",
    "--hide-scrollbars",
    "--mute-audio",
    "--no-first-run",
    "--no-default-browser-check",
    "--font-render-hinting=none",
    "--force-color-profile=srgb",
)


class DevToolsError(AssertionError):
    """The browser refused a command, or did not answer."""


class DevTools:
    """One Chromium process.

    Args:
        program: path of ``chromium``.
    """

    def __init__(self, program: str) -> None:
        self._profile = tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True)
        self._answers: dict[int, Message] = {}
        self._listeners: dict[str, Listener] = {}
        self._arrived = threading.Condition()
        self._number = 0
        self._is_over = False
        commands, self._commands = _pipe()
        self._replies, replies = _pipe()
        switches = [*_SWITCHES, f"--user-data-dir={self._profile.name}"]
        # The shell gives the two ends the numbers that Chromium looks for.
        script = f'exec "$0" "$@" 3<&{commands} 4>&{replies}'
        with Path(self._profile.name, "noise").open("wb") as noise:
            self._process = subprocess.Popen(
                ["bash", "-c", script, program, *switches, "about:blank"],
                pass_fds=(commands, replies),
                stdin=subprocess.DEVNULL,
                stdout=noise,
                stderr=noise,
                env={**os.environ, "HOME": self._profile.name, "TZ": "UTC"},
            )
        os.close(commands)
        os.close(replies)
        self._reader = threading.Thread(target=self._read, name="devtools", daemon=True)
        self._reader.start()

    def listen(self, session: str, listener: Listener) -> None:
        """Has a function called with each event of a session, from the reading thread."""
        with self._arrived:
            self._listeners[session] = listener

    def ask(self, method: str, session: str = "", /, **parameters: Any) -> Message:
        """Sends a command and waits for its answer.

        Raises:
            DevToolsError: the browser refused it, ended, or did not answer in time.
        """
        with self._arrived:
            self._number += 1
            number = self._number
            message = {"id": number, "method": method, "params": parameters}
            if session:
                message["sessionId"] = session
            self._send(json.dumps(message).encode() + b"\0")
            self._arrived.wait_for(lambda: number in self._answers or self._is_over, ANSWER_SECONDS)
            answer = self._answers.pop(number, None)
        if answer is None:
            why = "the browser ended" if self._is_over else f"no answer in {ANSWER_SECONDS:g} s"
            raise DevToolsError(f"{method}: {why}")
        if "error" in answer:
            raise DevToolsError(f"{method}: {answer['error']['message']}")
        result: Message = answer["result"]
        return result

    def wait(self, condition: Callable[[], bool], deadline_seconds: float) -> bool:
        """Waits until a condition over what listeners noted holds; whether it does."""
        with self._arrived:
            return self._arrived.wait_for(condition, deadline_seconds)

    def close(self) -> None:
        """Ends the browser and removes its profile."""
        if not self._is_over:
            self.ask("Browser.close")
        self._process.wait(_STOP_SECONDS)
        self._reader.join(_STOP_SECONDS)
        os.close(self._commands)
        os.close(self._replies)
        self._profile.cleanup()

    def _send(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._commands, data) :]

    def _read(self) -> None:
        pending = b""
        while chunk := os.read(self._replies, 1 << 16):
            *whole, pending = (pending + chunk).split(b"\0")
            for text in whole:
                self._take(json.loads(text))
        with self._arrived:
            self._is_over = True
            self._arrived.notify_all()

    def _take(self, message: Message) -> None:
        with self._arrived:
            if "id" in message:
                self._answers[message["id"]] = message
            elif listener := self._listeners.get(message.get("sessionId", "")):
                listener(message["method"], message["params"])
            self._arrived.notify_all()


def _pipe() -> tuple[int, int]:
    """Both ends of a pipe, reading and writing, with high numbers."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _LOW) for end in ends]
    for end in ends:
        os.close(end)
    return moved[0], moved[1]
