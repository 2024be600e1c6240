"""Metrics of the daemon itself: versions, readiness, room, configuration, broker."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime

from tflited.telemetry.metrics.declare import Declare


class DaemonMetrics:
    """The daemon as a whole.

    Args:
        declare: declares them.
        version: the daemon's own version.
        toolchain: what converts, by name, to its version; labels of ``tflited_build_info``.
    """

    def __init__(self, declare: Declare, *, version: str, toolchain: Mapping[str, str]) -> None:
        versions = {"version": version} | {
            re.sub(r"\W", "_", name) + "_version": value for name, value in toolchain.items()
        }
        labels = {name: (value,) for name, value in versions.items()}
        build = declare.gauge("tflited_build_info", "Versions in use; always 1.", **labels)
        build.labels(**versions).set(1)
        self._ready = declare.gauge("tflited_ready", "1 while the daemon accepts work.")
        self._draining = declare.gauge("tflited_draining", "1 while it ends what runs.")
        self._broker = declare.gauge("tflited_broker_connected", "1 while the broker is connected.")
        self._output_free = declare.gauge("tflited_output_free_bytes", "Room in the output tree.")
        self._state_free = declare.gauge("tflited_state_free_bytes", "Room in the state folder.")
        self._set_aside = declare.gauge(
            "tflited_stores_set_aside", "Damaged job stores that are kept."
        )
        self._reloads = declare.counter(
            "tflited_config_reloads", "Configuration reloads.", result=("success", "failure")
        )
        self._reload_ok = declare.gauge(
            "tflited_config_last_reload_successful", "1 while the newest configuration holds."
        )
        self._reload_ok.set(1)
        self._reload_at = declare.gauge(
            "tflited_config_last_reload_success_timestamp_seconds", "When a reload last worked."
        )

    def set_ready(self, *, is_ready: bool) -> None:
        """Tells whether the daemon accepts work."""
        self._ready.set(is_ready)

    def set_draining(self) -> None:
        """The daemon stops: it takes no more work and ends what runs."""
        self._draining.set(1)

    def show_free(self, output: Callable[[], float], state: Callable[[], float]) -> None:
        """Tells whom each exposition asks for room; both answer at once, NaN where it is not known.

        Args:
            output: bytes left in the output tree's file system.
            state: bytes left in that of the state folder.
        """
        self._output_free.set_function(output)
        self._state_free.set_function(state)

    def show_stores_set_aside(self, count: Callable[[], float]) -> None:
        """Gives what counts the damaged job stores in the state folder."""
        self._set_aside.set_function(count)

    def broker_connected(self, is_connected: bool) -> None:  # noqa: FBT001  # a plain callback
        """The message broker came or went."""
        self._broker.set(is_connected)

    def reloaded(self, *, is_successful: bool, now: datetime) -> None:
        """The configuration was read again."""
        self._reloads.labels("success" if is_successful else "failure").inc()
        self._reload_ok.set(is_successful)
        if is_successful:
            self._reload_at.set(now.timestamp())
