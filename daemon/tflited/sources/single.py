"""Looks once, without watching or settling: for one-off conversions and offline questions."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tflited.domain.model import Digest, ModelId, ModelKind, Snapshot
from tflited.domain.observation import Observation, RootObservation, Sight
from tflited.domain.ports import Clock, DataFile, Root
from tflited.errors import HubError, ModelRefusedError, SourceChangedError
from tflited.sources import data
from tflited.sources.admission import admit
from tflited.sources.digest import Digester
from tflited.sources.hub import HubModels, News
from tflited.sources.scan import DirectoryScanner
from tflited.sources.staging import is_unchanged, stage_data, stage_model


class SingleLook:
    """Implements the engine's ``Sources`` port over what one look found.

    Args:
        clock: time.
        hub: makes models of Hub references.
        should_fetch: get modules that are not in the cache, and block for it.
    """

    def __init__(self, clock: Clock, hub: HubModels, *, should_fetch: bool = False) -> None:
        self._clock = clock
        self._hub = hub
        self._should_fetch = should_fetch
        self._digester = Digester()
        self._found: dict[ModelId, tuple[Path, Snapshot]] = {}

    def look(self, root: Root, scope: str = "") -> Iterator[Observation | RootObservation]:
        """Yields what a scan finds, every model admitted or refused at once.

        Args:
            root: the root.
            scope: path below it; "" for all.
        """
        try:
            scan = DirectoryScanner().scan(root, scope)
        except OSError as error:
            reason = f"{root.path}: {error.strerror}"
            yield RootObservation(
                root=root.name, scope="", is_available=False, at=self._clock.now(), reason=reason
            )
            return
        yield RootObservation(
            root=root.name,
            scope=scan.scope,
            is_available=True,
            at=self._clock.now(),
            models=len(scan.models),
            policies=scan.policies,
            trouble=scan.trouble,
        )
        for path, snapshot in scan.models.items():
            yield self._observe(ModelId(root=root.name, path=path), root.path / path, snapshot)

    def look_again(self, root: str, path: str) -> None:
        """Does nothing: a single look is not repeated."""

    def find_model(self, root: Root, path: str) -> ModelKind | None:
        """The kind of the model at exactly that path on disk now; None where there is none."""
        found = DirectoryScanner().scan(root, path).models.get(path)
        return None if found is None else found.kind

    def fetch_again(self, root: str, path: str) -> None:
        """Does nothing, as ``look_again``."""

    def accept_root(self, root: str) -> None:
        """Does nothing: a single look freezes nothing."""

    def stage(self, model: ModelId, destination: Path, expected: Digest) -> Path:
        """Makes a private copy of a model that was found."""
        found = self._found.get(model)
        if found is None:
            raise SourceChangedError(f"{model} was not found.")
        if found[1].kind is ModelKind.HUB:
            return self._hub.stage(model, destination, expected)
        return stage_model(*found, destination, expected)

    def is_unchanged(self, model: ModelId, digest: Digest) -> bool:
        """Whether the model on disk is still the one that was found."""
        found = self._found.get(model)
        if found is None:
            return False
        if found[1].kind is ModelKind.HUB:
            return self._hub.is_unchanged(model, digest)
        return is_unchanged(*found)

    def find_data(self, pattern: str) -> tuple[DataFile, ...]:
        """Files that match an absolute glob pattern, sorted by path."""
        return data.find(pattern)

    def digest_data(self, files: Sequence[DataFile]) -> Digest:
        """Digest of names and contents."""
        return data.digest(self._digester, files)

    def stage_data(self, file: Path, destination: Path, expected: Digest) -> Path:
        """Makes a private copy of one data file and proves that it has the expected digest."""
        return stage_data(file, destination, expected)

    def _observe(self, model: ModelId, path: Path, snapshot: Snapshot) -> Observation:
        news = News(sight=Sight.REFUSED)
        try:
            admit(path, snapshot)
            digest = self._digester.model(path, snapshot)
            news = News(sight=Sight.ADMITTED, digest=digest)
            if snapshot.kind is ModelKind.HUB:
                news = self._module(model, path, snapshot, digest)
            self._found[model] = (path, snapshot)
        except (ModelRefusedError, HubError) as error:
            news = News(sight=Sight.REFUSED, reason=error.message, hint=error.hint)
        except OSError as error:
            news = News(sight=Sight.REFUSED, reason=f"{path}: {error.strerror}")
        return Observation(
            model=model,
            snapshot=snapshot,
            sight=news.sight,
            at=self._clock.now(),
            digest=news.digest,
            reason=news.reason,
            hint=news.hint,
        )

    def _module(self, model: ModelId, path: Path, snapshot: Snapshot, digest: Digest) -> News:
        self._hub.open(model, path, snapshot, digest)
        if self._should_fetch:
            self._hub.fetch_now(model)
        return self._hub.tell(model)
