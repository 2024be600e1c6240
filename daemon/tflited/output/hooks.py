"""Hooks: tells the operator's programs and addresses of publications and failures.

One thread works through a bounded queue, so that a slow hook delays other hooks and nothing else.
A hook never fails a build; what becomes of it is a log event.
"""

import http.client
import json
import os
import queue
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import structlog

from tflited.domain.job import Failure, Job, facts
from tflited.domain.manifest import MANIFEST_NAME
from tflited.domain.policy import Hooks
from tflited.domain.ports import Published
from tflited.output import command

QUEUE_LIMIT: Final = 256
THREAD_NAME: Final = "tflited-hooks"
PLACEHOLDERS: Final = ("manifest", "model", "output", "job", "code", "message")

_PLACEHOLDER: Final = re.compile(r"\{(" + "|".join(PLACEHOLDERS) + r")\}")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """One hook to run."""

    event: str
    hook: tuple[str, ...] | str
    job: Job
    told: Mapping[str, str]
    timeout_seconds: float


class HookThread:
    """Implements ``HookRunner``; runs hooks one after the other, in order.

    Args:
        queue_limit: calls that may wait; further ones are dropped and logged.
    """

    def __init__(self, *, queue_limit: int = QUEUE_LIMIT) -> None:
        self._calls: queue.Queue[_Call | None] = queue.Queue(queue_limit)
        self._thread = threading.Thread(target=self._work, name=THREAD_NAME, daemon=True)
        self._is_aborted = threading.Event()
        self._abort = -1

    def start(self) -> None:
        """Starts the thread; calls from before it wait for it."""
        self._abort = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._thread.start()

    def stop(self, *, deadline_seconds: float) -> bool:
        """Lets waiting hooks run until the deadline, then kills what runs and drops the rest.

        Args:
            deadline_seconds: time for what still waits; killing may take a second more.

        Returns:
            Whether the thread ended; an address that does not answer holds it up to its timeout.
        """
        if not self._thread.ident:
            return True
        try:
            self._calls.put(None, timeout=deadline_seconds)
        except queue.Full:
            self._kill()
        else:
            self._thread.join(deadline_seconds)
            if self._thread.is_alive():
                self._kill()
        if self._thread.is_alive():
            return False
        if self._abort >= 0:
            os.close(self._abort)
            self._abort = -1
        return True

    def published(self, hooks: Hooks, job: Job, published: Published) -> None:
        """After publication."""
        told = _told_of(job)
        told["output"] = str(published.directory)
        told["manifest"] = str(published.directory / MANIFEST_NAME)
        self._enqueue(_call("published", hooks.published, job, told, hooks))

    def failed(self, hooks: Hooks, job: Job, failure: Failure) -> None:
        """After a failure that is final for its build key."""
        told = _told_of(job) | {"code": failure.code, "message": failure.message}
        self._enqueue(_call("failed", hooks.failed, job, told, hooks))

    def _enqueue(self, call: _Call) -> None:
        """Queues a call; without a hook, nothing."""
        if not call.hook:
            return
        try:
            self._calls.put_nowait(call)
        except queue.Full:
            waiting = self._calls.qsize()
            _log.warning("hook_dropped", **facts(call.job), hook=call.event, waiting=waiting)

    def _kill(self) -> None:
        """Ends the program that runs and lets the thread drop what waits."""
        self._is_aborted.set()
        os.eventfd_write(self._abort, 1)
        self._thread.join(1.0)

    def _work(self) -> None:
        """The thread: calls in order, until the end mark or the abort."""
        while not self._is_aborted.is_set():
            call = self._calls.get()
            if call is None:
                return
            self._run(call)

    def _run(self, call: _Call) -> None:
        """Runs one hook and logs how it ended."""
        log = _log.bind(**facts(call.job), hook=call.event, target=_shown(call.hook))
        try:
            if isinstance(call.hook, str):
                log.info("hook_finished", status=_post(call.hook, call), output="")
                return
            arguments = [_filled(argument, call.told) for argument in call.hook]
            result = command.run(arguments, timeout_seconds=call.timeout_seconds, abort=self._abort)
        except (OSError, ValueError, http.client.HTTPException) as error:
            log.warning("hook_failed", reason=str(error), output="")
            return
        if result.exit_code == 0 and not result.is_killed:
            log.info("hook_finished", status=0, output=result.output)
        else:
            reason = "killed" if result.is_killed else f"exit code {result.exit_code}"
            log.warning("hook_failed", reason=reason, output=result.output)


def _call(
    event: str, hook: tuple[str, ...] | str, job: Job, told: Mapping[str, str], hooks: Hooks
) -> _Call:
    return _Call(event=event, hook=hook, job=job, told=told, timeout_seconds=hooks.timeout_seconds)


def _told_of(job: Job) -> dict[str, str]:
    """What every hook may be told; each placeholder has a value, if an empty one."""
    return dict.fromkeys(PLACEHOLDERS, "") | {"model": str(job.model), "job": str(job.id)}


def _filled(argument: str, told: Mapping[str, str]) -> str:
    """An argument with its placeholders replaced, in one pass: values are never read again."""
    return _PLACEHOLDER.sub(lambda match: told[match[1]], argument)


def _post(address: str, call: _Call) -> int:
    """Posts the facts as JSON.

    Returns:
        The HTTP status.

    Raises:
        OSError: there is no answer, or one that says no.
        ValueError: the address is not http or https.
    """
    if urlsplit(address).scheme not in {"http", "https"}:
        raise ValueError("a hook's address starts with http:// or https://")
    body = json.dumps({"event": call.event, **{k: v for k, v in call.told.items() if v}}).encode()
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
        address,
        data=body,
        method="POST",
        headers={"Content-Type": "application/json", "User-Agent": "tflited"},
    )
    # The body is never read: a hook's answer is its status.
    try:
        with urllib.request.urlopen(request, timeout=call.timeout_seconds) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        raise


def _shown(hook: tuple[str, ...] | str) -> str:
    """What the log names: a program's path, or an address without its secrets."""
    if not isinstance(hook, str):
        return hook[0]
    try:
        return f"{urlsplit(hook).scheme}://{urlsplit(hook).hostname or ''}"
    except ValueError:
        return "address"
