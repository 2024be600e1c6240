"""Words what one root's thread saw as observations, and passes them on."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from tflited.domain.model import Digest, ModelId, Scan
from tflited.domain.observation import Observation, RootObservation, Sight
from tflited.domain.ports import Clock
from tflited.sources.emitter import HintKind
from tflited.sources.root_state import RootState

Receive = Callable[[Observation | RootObservation], None]


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells what is remembered of one root."""

    clock: Clock
    receive: Receive
    state: RootState

    def model(  # an observation's parts, all named
        self,
        path: str,
        sight: Sight,
        *,
        digest: Digest | None = None,
        reason: str = "",
        hint: str = "",
        left_seconds: float | None = None,
    ) -> None:
        """How a model stands."""
        now = self.clock.now()
        self.receive(
            Observation(
                model=ModelId(root=self.state.root.name, path=path),
                snapshot=self.state.trackers[path].snapshot,
                sight=sight,
                at=now,
                digest=digest,
                reason=reason,
                hint=hint,
                until=None if left_seconds is None else now + timedelta(seconds=left_seconds),
            )
        )

    def look(self, scan: Scan, seconds: float) -> None:
        """What a look at the root, or at a part of it, found beside the models."""
        missed, self.state.missed = self.state.missed, 0
        heard, self.state.heard = self.state.heard, Counter()
        self.receive(
            RootObservation(
                root=self.state.root.name,
                scope=scan.scope,
                is_available=True,
                at=self.clock.now(),
                seconds=seconds,
                models=len(self.state.trackers),
                policies=scan.policies,
                trouble=scan.trouble,
                polled=dict(self.state.polled),
                unwatched=self.state.unwatched,
                missed=missed,
                events=heard[HintKind.CHANGED],
                overflows=heard[HintKind.OVERFLOW],
                errors=heard[HintKind.LOST] + heard[HintKind.WATCH_LIMIT],
            )
        )

    def outage(self, reason: str) -> None:
        """The root cannot be read, or is not believed."""
        self.receive(
            RootObservation(
                root=self.state.root.name,
                scope="",
                is_available=False,
                at=self.clock.now(),
                models=len(self.state.trackers),
                reason=reason,
            )
        )
