"""What becomes of the sets of models that are gone: kept, archived or removed, never in haste.

Derived from what a whole scan saw and what the output tree holds, so that a restart, or a removal
while the daemon was down, changes nothing. Belongs to the engine's thread.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import structlog

from tflited.domain.model import ModelId, is_below
from tflited.domain.policy import OnSourceRemoved
from tflited.domain.ports import Clock, PolicyResolver, Publisher, Sources
from tflited.domain.removal import WINDOW_SECONDS, BrakeRules
from tflited.engine.models import Models, RootEntry
from tflited.errors import ConfigurationError, OutputError, StorageFailedError, TflitedError

_LOG = structlog.get_logger()
_SLICE_SECONDS = 0.5
"""Time for removals in one tick of the engine; a thousand of them must not stop it."""
Tell = Callable[[str, int, str | None], None]
"""Takes a root, how many of its sets wait, and where that number is news, why they do."""
_DONE = {OnSourceRemoved.ARCHIVE: "archived", OnSourceRemoved.REMOVE: "removed"}


@dataclass(slots=True, kw_only=True)
class Gone:
    """A model that is no longer in its root while its set is in the output tree.

    Attributes:
        model: which.
        since: monotonic seconds at which that was first seen.
        recorded: the rule that held when the model was last known.
        rule: the rule that holds now; None while it cannot be told.
        reason: what becomes of the set, or what that waits for.
        needs_person: only ``tflited confirm`` lets it go.
        is_confirmed: that was given.
    """

    model: ModelId
    since: float
    recorded: OnSourceRemoved | None
    rule: OnSourceRemoved | None = None
    reason: str = ""
    needs_person: bool = False
    is_confirmed: bool = False


@dataclass(slots=True)
class _Root:
    """What is remembered of one root; a root that a reload changed begins anew."""

    entry: RootEntry
    is_compared: bool = False
    is_accepted: bool = False
    gone: dict[ModelId, Gone] = field(default_factory=dict)
    left_at: deque[float] = field(default_factory=deque)
    waiting: int = 0


@dataclass(slots=True, kw_only=True)
class Removals:
    """Follows models that left and, when nothing speaks against it, withdraws their sets.

    Attributes:
        settle_seconds: a set is touched no sooner than this after the last model left its root:
            one that is replaced by ``rm -r`` and a new copy has not left.
        brake: how many may leave unasked.
        tell: told with every judgement how many sets of a root wait.
    """

    models: Models
    sources: Sources
    publisher: Publisher
    resolver: PolicyResolver
    clock: Clock
    brake: BrakeRules
    settle_seconds: float
    tell: Tell
    _roots: dict[str, _Root] = field(default_factory=dict)
    _due: deque[Gone] = field(default_factory=deque)

    def left(self, model: ModelId, rule: OnSourceRemoved | None) -> Gone | None:
        """Takes notice of a model that left; None where nothing of it is published.

        Args:
            model: which.
            rule: what held for it while it was there; None where that is not known.
        """
        try:
            manifest = self.publisher.manifest(model)
        except OutputError:  # no place could carry its name, so nothing is there
            return None
        # A trigger may have saved its set to just this place: somebody asked for it by name.
        if manifest is None or manifest.model != model or manifest.save_to is not None:
            return None
        gone = Gone(
            model=model,
            since=self.clock.monotonic(),
            recorded=rule or manifest.on_source_removed,
        )
        self._of(model.root).gone[model] = gone
        gone.rule, gone.reason = self._rule(gone)
        return gone

    def back(self, model: ModelId) -> None:
        """Takes notice of a model that is there."""
        if (state := self._roots.get(model.root)) is not None:
            state.gone.pop(model, None)

    def of(self, root: str | None = None) -> Iterator[Gone]:
        """The models that are gone and still have a set."""
        for name in [root] if root is not None else list(self.models.roots):
            yield from self._of(name).gone.values()

    def find(self, model: ModelId) -> Gone | None:
        """One of them."""
        return self._of(model.root).gone.get(model)

    def waiting(self, root: str) -> int:
        """How many sets of a root wait for ``tflited confirm``; for any thread."""
        entry, state = self.models.roots.get(root), self._roots.get(root)
        return 0 if state is None or state.entry is not entry else state.waiting

    def scanned(self, root: str) -> None:
        """Judges what is gone, after a whole look at a root that could be read."""
        state = self._of(root)
        if not state.is_compared:
            state.is_compared = True
            for model in self.publisher.models(root):
                if model not in self.models.entries and model not in state.gone:
                    self.left(model, None)
        leaving = [gone for gone in state.gone.values() if self._leaves(gone)]
        if any(self.clock.monotonic() < gone.since + self.settle_seconds for gone in leaving):
            return  # judged together once no further model leaves
        self._judge(root, state, leaving)

    def confirm(self, root: str) -> int:
        """Lets what waits in a root go, and takes a root that came back empty as it is.

        Returns:
            How many sets waited.
        """
        state = self._of(root)
        state.is_accepted = not state.entry.is_available  # what the next look shows is meant
        self.sources.accept_root(root)
        confirmed = [gone for gone in state.gone.values() if gone.needs_person]
        for gone in confirmed:
            gone.is_confirmed, gone.needs_person = True, False
            gone.reason = f"its set is {_DONE[gone.rule or OnSourceRemoved.ARCHIVE]} now: confirmed"
        self._due.extend(confirmed)
        self._told(root, state, 0, "")
        _LOG.info("removals_confirmed", root=root, models=len(confirmed))
        return len(confirmed)

    def advance(self) -> None:
        """Withdraws some of the sets that are due.

        Raises:
            StorageFailedError: an fsync failed.
        """
        end = self.clock.monotonic() + _SLICE_SECONDS
        while self._due and self.clock.monotonic() < end:
            gone = self._due.popleft()
            is_known = gone.model.root in self.models.roots
            if is_known and self.find(gone.model) is gone:  # and not back meanwhile
                self._withdraw(gone)

    def _of(self, root: str) -> _Root:
        entry = self.models.roots[root]
        state = self._roots.get(root)
        if state is None or state.entry is not entry:
            state = self._roots[root] = _Root(entry)
        return state

    def _leaves(self, gone: Gone) -> bool:
        gone.rule, gone.reason = self._rule(gone)
        gone.needs_person = False
        return gone.rule in _DONE

    def _rule(self, gone: Gone) -> tuple[OnSourceRemoved | None, str]:
        """What holds for a set whose model is gone, in words as well."""
        entry, path = self.models.roots[gone.model.root], gone.model.path
        for place, trouble in entry.trouble.items():
            if is_below(path, place):
                return None, f"its set is kept: {place or 'the root'}: {trouble}"
        folder = PurePosixPath(path).parent
        rule = gone.recorded
        # A folder that left with its model took its policy along: what was known last holds.
        if rule is None or (entry.root.path / folder).is_dir():
            try:
                resolved = self.resolver.resolve(entry.root, path)
            except ConfigurationError as error:
                return None, f"its set is kept: {'; '.join(map(str, error.problems))}"
            rule = resolved.policy.output.on_source_removed
        if rule is OnSourceRemoved.KEEP:
            return rule, 'its set is kept, as on_source_removed = "keep" says'
        return rule, f"its set is {_DONE[rule]} once a whole scan finds it gone still"

    def _judge(self, root: str, state: _Root, leaving: list[Gone]) -> None:
        now = self.clock.monotonic()
        while state.left_at and state.left_at[0] <= now - WINDOW_SECONDS:
            state.left_at.popleft()
        for gone in leaving:
            gone.is_confirmed = gone.is_confirmed or state.is_accepted
        asked = [gone for gone in leaving if not gone.is_confirmed]
        staying = sum(1 for _ in self.models.of_root(root))
        count = len(asked) + len(state.left_at)
        state.is_accepted = False
        if asked and self.brake.holds(leaving=count, staying=staying):
            reason = f"{len(asked)} of {len(asked) + staying} sets would go at once"
            for gone in asked:
                gone.needs_person = True
                gone.reason = f"its set waits for tflited confirm {root}: {reason}"
            leaving = [gone for gone in leaving if not gone.needs_person]
            self._told(root, state, len(asked), reason)
        else:
            self._told(root, state, 0, "")
        self._due.extend(leaving)

    def _told(self, root: str, state: _Root, waiting: int, reason: str) -> None:
        is_news = waiting != state.waiting
        state.waiting = waiting
        self.tell(root, waiting, reason if is_news else None)

    def _withdraw(self, gone: Gone) -> None:
        """Takes one set out of the tree; where that fails, the next whole scan tries again."""
        model, rule = gone.model, gone.rule
        root = self.models.roots[model.root].root
        try:
            if (root.path / model.path).exists() and self.sources.find_model(root, model.path):
                self.sources.look_again(model.root, model.path)
                return
            self.publisher.withdraw(model, archive=rule is not OnSourceRemoved.REMOVE)
        except StorageFailedError:
            raise
        except (OSError, TflitedError) as error:
            _LOG.warning("removal_failed", model=str(model), reason=str(error))
            return
        state = self._of(model.root)
        del state.gone[model]
        if not gone.is_confirmed:
            state.left_at.append(self.clock.monotonic())
        _LOG.info("set_withdrawn", model=str(model), outputs=rule.value if rule else "")
