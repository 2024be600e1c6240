"""Hub references as models: the file and its module are one, admitted and copied together.

Belongs to the thread of whoever looks; only ``stage`` is called from others.
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tflited.domain.build_key import combine
from tflited.domain.hub import (
    COPY_MODULE,
    COPY_REFERENCE,
    REFERENCE_SUFFIX,
    HubReference,
    is_address,
    shown,
)
from tflited.domain.model import Digest, ModelId, Snapshot
from tflited.domain.observation import Sight
from tflited.domain.ports import Clock, Root
from tflited.durable import storage_errors
from tflited.errors import ConfigurationError, ModelRefusedError, SourceChangedError
from tflited.sources.admission import admit
from tflited.sources.digest import Digester
from tflited.sources.hub_cache import HubCache
from tflited.sources.scan import snapshot_of
from tflited.sources.settle import SettleTracker
from tflited.sources.staging import copy_model, is_unchanged

Read = Callable[[Path], HubReference]


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """How a reference's module stands.

    Attributes:
        sight: SETTLING while it is fetched or still changes, ADMITTED, or REFUSED.
        reason: of waiting or refusal.
        hint: the next step, when refused.
        digest: of file and module together, when admitted.
        folder: the module, when admitted.
        snapshot: its files, when admitted.
    """

    sight: Sight
    reason: str = ""
    hint: str = ""
    digest: Digest | None = None
    folder: Path | None = None
    snapshot: Snapshot | None = None


@dataclass(slots=True)
class _Known:
    """One reference that was read."""

    reference: HubReference
    file: Path
    file_digest: Digest
    file_snapshot: Snapshot
    told: News | None = None


@dataclass(slots=True, kw_only=True)
class HubModels:
    """Every Hub reference that was admitted as a file.

    Attributes:
        clock: time.
        cache: modules that are fetched.
        read: reads a reference, or tells everything that is wrong with it.
        settle_seconds: quiet time before a module inside a root is used.
    """

    clock: Clock
    cache: HubCache
    read: Read
    settle_seconds: float
    roots: tuple[Root, ...] = ()
    _known: dict[ModelId, _Known] = field(default_factory=dict)
    _asked: set[ModelId] = field(default_factory=set)
    _trackers: dict[Path, SettleTracker] = field(default_factory=dict)
    _digester: Digester = field(default_factory=Digester)

    def open(self, model: ModelId, file: Path, snapshot: Snapshot, digest: Digest) -> None:
        """Reads a reference that has settled.

        Args:
            model: which.
            file: the ``NAME.hub.toml``.
            snapshot: of the file.
            digest: of the file.

        Raises:
            ModelRefusedError: with every problem of the file.
        """
        self._drop(model)
        try:
            reference = self.read(file)
        except ConfigurationError as error:
            problems = "; ".join(map(str, error.problems))
            raise ModelRefusedError(
                problems, hint="mend the file; it is looked at again as soon as it changes"
            ) from error
        if is_address(reference.handle):
            self.cache.try_again(reference.handle)
            if model in self._asked:
                self.cache.ask_again(reference.handle)
        self._asked.discard(model)
        self._known[model] = _Known(reference, file, digest, snapshot)

    def fetch_again(self, model: ModelId) -> None:
        """Asks for a module anew, although it is there; also before its reference is read."""
        known = self._known.get(model)
        if known is None:
            self._asked.add(model)
        elif is_address(known.reference.handle):
            self.cache.ask_again(known.reference.handle)

    def fetch_now(self, model: ModelId) -> None:
        """Fetches a module where needed, and blocks until it is there.

        Raises:
            HubError: it could not be had.
        """
        handle = self._known[model].reference.handle
        if is_address(handle):
            self.cache.fetch_now(handle)

    def news(self, root: str, admitted: Mapping[str, Snapshot]) -> tuple[dict[str, News], float]:
        """What has changed in one root since it was last told.

        Args:
            root: its name.
            admitted: path to snapshot of every model whose files have settled.

        Returns:
            Path to news, and the monotonic seconds at which there may be more without a wake.
        """
        changed: dict[str, News] = {}
        due = math.inf
        for model in [model for model in self._known if model.root == root]:
            if model.path not in admitted:
                self._drop(model)
                continue
            before = self._known[model].told
            news = self.tell(model)
            due = min(due, self._due(self._known[model].reference.handle))
            if news != before:
                changed[model.path] = news
        return changed, due

    def _drop(self, model: ModelId) -> None:
        known = self._known.pop(model, None)
        if known is not None and known.told is not None and known.told.snapshot is not None:
            self._digester.forget(known.told.snapshot)

    def _due(self, handle: str) -> float:
        if is_address(handle):
            return self.cache.next_due(handle)
        tracker = self._trackers.get(Path(handle))
        due = math.inf if tracker is None else tracker.deadline(self.settle_seconds)
        return due if due > self.clock.monotonic() else math.inf

    def tell(self, model: ModelId) -> News:
        """How a reference's module stands now, which ``stage`` relies on; may start a fetch."""
        known = self._known[model]
        news, before = self._look(known), known.told
        is_in_force = before is not None and before.sight is Sight.ADMITTED
        if before is not None and is_in_force and news.sight is Sight.SETTLING:
            # Halfway through a swap the folder is not there; that supersedes no running build.
            news = before if self.cache.is_replacing(known.reference.handle) else news
        known.told = news
        return news

    def _look(self, known: _Known) -> News:
        try:
            handle = known.reference.handle
            news = self._fetched(handle) if is_address(handle) else self._local(Path(handle))
        except ModelRefusedError as error:
            return News(sight=Sight.REFUSED, reason=error.message, hint=error.hint)
        except (FileNotFoundError, NotADirectoryError):
            return News(sight=Sight.SETTLING, reason="its module changes while it is read")
        except OSError as error:
            return News(
                sight=Sight.REFUSED,
                reason=f"its module cannot be read: {error}",
                hint="give the service's user permission to read it",
            )
        if news.digest is None or news.sight is not Sight.ADMITTED:
            return news
        return News(
            sight=news.sight,
            digest=combine(known.file_digest, news.digest),
            folder=news.folder,
            snapshot=news.snapshot,
        )

    def stage(self, model: ModelId, destination: Path, expected: Digest) -> Path:
        """Makes a private copy of a reference and its module.

        Returns:
            A folder below ``destination`` with both.

        Raises:
            SourceChangedError: one of them is gone or another by now.
            StoragePausedError: no room for the copy.
        """
        known = self._known.get(model)
        told = known.told if known else None
        if known is None or told is None or told.folder is None or told.snapshot is None:
            raise SourceChangedError(f"{model} changed or went away before its copy was made.")
        copy = destination / known.file.name.removesuffix(REFERENCE_SUFFIX)
        with storage_errors(destination):
            copy.mkdir()
        file_digest = copy_model(known.file, known.file_snapshot, copy / COPY_REFERENCE)
        module_digest = copy_model(told.folder, told.snapshot, copy / COPY_MODULE)
        if combine(file_digest, module_digest) != expected:
            raise SourceChangedError(f"{model}: it or its module changed during the copy.")
        return copy

    def is_unchanged(self, model: ModelId, digest: Digest) -> bool:
        """Whether a reference and a module inside a root still are what has that digest.

        A fetched module may be replaced meanwhile: that is another version, not a torn one.
        """
        known = self._known.get(model)
        told = known.told if known else None
        if known is None or told is None or told.folder is None or told.snapshot is None:
            return False
        is_same = told.digest == digest and is_unchanged(known.file, known.file_snapshot)
        if is_address(known.reference.handle):
            return is_same
        return is_same and is_unchanged(told.folder, told.snapshot)

    def _fetched(self, handle: str) -> News:
        view = self.cache.view(handle)
        if view.folder is not None:
            snapshot = snapshot_of(view.folder)
            if snapshot is not None:
                return self._admitted(view.folder, snapshot)
        if view.failure is not None:
            raise ModelRefusedError(view.failure.message, hint=view.failure.hint)
        return News(sight=Sight.SETTLING, reason=f"fetching {shown(handle)}")

    def _local(self, folder: Path) -> News:
        self._require_inside(folder)
        snapshot = snapshot_of(folder)
        if snapshot is None:
            self._trackers.pop(folder, None)
            raise ModelRefusedError(
                f"{folder}: no folder there; a handle that is a path names a SavedModel directory.",
                hint="copy the module there, or correct the handle",
            )
        now = self.clock.monotonic()
        tracker = self._trackers.setdefault(folder, SettleTracker(snapshot, now))
        tracker.observe(snapshot, now)
        if snapshot.blockers or now < tracker.deadline(self.settle_seconds):
            return News(sight=Sight.SETTLING, reason=f"{folder} changed a moment ago")
        tracker.rest()
        return self._admitted(folder, snapshot)

    def _admitted(self, folder: Path, snapshot: Snapshot) -> News:
        admit(folder, snapshot)
        return News(
            sight=Sight.ADMITTED,
            digest=self._digester.model(folder, snapshot),
            folder=folder,
            snapshot=snapshot,
        )

    def _require_inside(self, folder: Path) -> None:
        real = Path(os.path.realpath(folder))
        for root in self.roots:
            base = Path(os.path.realpath(root.path))
            if real.is_relative_to(base) and real != base:
                return
        roots = ", ".join(str(root.path) for root in self.roots)
        raise ModelRefusedError(
            f"{folder} is outside every root; a handle that is a path may lead to {roots}.",
            hint="copy the module into a root, or use an https handle",
        )
