"""Owns which workers of the cluster get attempts, and why the others do not."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tflited.domain.ports import Clock
from tflited.workers.cluster.messages import PROTOCOL, Description, decode_description
from tflited.workers.wire import WireError, printable

METRIC: Final = "tflited"
"""Where a worker's description stands among what it tells the scheduler with each heartbeat."""
SLOT: Final = "SLOT"
MEMORY: Final = "MEMORY_BYTES"
SILENT_SECONDS: Final = 15.0
"""A worker without a heartbeat for so long gets no attempt; Dask's own are seconds apart."""
_LONGEST_REASON: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One worker as the scheduler knows it.

    Attributes:
        address: Dask's own.
        name: its own; the address where it says none.
        slots: attempts at once; 0 where it is refused.
        refusal: why it gets no attempt; empty where it does.
    """

    address: str
    name: str
    slots: int
    refusal: str


class Roster:
    """Judges the workers that a scheduler lists.

    Args:
        versions: the daemon's own; a worker with others would make other artifacts.
        attempt_memory_bytes: what one attempt reserves.
        clock: time.
    """

    def __init__(
        self, versions: Mapping[str, str], attempt_memory_bytes: int, clock: Clock
    ) -> None:
        self._versions = versions
        self._attempt_memory_bytes = attempt_memory_bytes
        self._clock = clock
        self._beats: dict[str, tuple[float, float]] = {}

    def judge(self, workers: Mapping[str, Mapping[str, Any]]) -> tuple[Member, ...]:
        """Every worker, accepted or refused, in the order of their addresses.

        Args:
            workers: by address, as ``Scheduler.identity`` tells them.
        """
        now = self._clock.monotonic()
        self._beats = {address: self._beat(address, workers, now) for address in workers}
        return tuple(
            self._member(address, workers[address], now - self._beats[address][1])
            for address in sorted(workers)
        )

    def _beat(
        self, address: str, workers: Mapping[str, Mapping[str, Any]], now: float
    ) -> tuple[float, float]:
        """Its last heartbeat by the scheduler's clock, and when that was news by ours."""
        told = float(workers[address].get("last_seen") or 0.0)
        known = self._beats.get(address)
        return known if known is not None and known[0] == told else (told, now)

    def _member(self, address: str, worker: Mapping[str, Any], silent: float) -> Member:
        content = (worker.get("metrics") or {}).get(METRIC)
        try:
            description = decode_description(content)
        except WireError as error:
            refusal = "it was not started by `tflited worker`"
            if content is not None:
                refusal = f"what it says of itself is not understood: {error}"
            return Member(address=address, name=address, slots=0, refusal=refusal[:_LONGEST_REASON])
        faults = [*self._faults(description)]
        if silent > SILENT_SECONDS:
            faults.append(f"no heartbeat for {silent:.0f} s")
        if worker.get("status", "running") != "running":
            faults.append(f"it is {printable(str(worker['status']))}")
        return Member(
            address=address,
            name=description.name,
            slots=0 if faults else description.slots,
            refusal="; ".join(faults)[:_LONGEST_REASON],
        )

    def _faults(self, description: Description) -> Iterator[str]:
        if description.protocol != PROTOCOL:
            yield f"protocol {description.protocol} instead of {PROTOCOL}"
        theirs = description.versions
        for name in sorted({*self._versions, *theirs}):
            has, wants = theirs.get(name, "absent"), self._versions.get(name, "absent")
            if has != wants:
                yield f"{name} {has} instead of {wants}"
        if description.memory_bytes < self._attempt_memory_bytes:
            yield (
                f"{description.memory_bytes} bytes of memory, and an attempt reserves"
                f" {self._attempt_memory_bytes}"
            )
