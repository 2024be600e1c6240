"""Looks once, without watching or settling: for one-off conversions and offline questions."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from tflited.domain.model import Digest, ModelId, ModelKind, Snapshot
from tflited.domain.observation import Observation, RootObservation, Sight
from tflited.domain.ports import Clock, DataFile, Root
from tflited.errors import ModelRefusedError, SourceChangedError
from tflited.sources import data
from tflited.sources.admission import admit
from tflited.sources.digest import Digester
from tflited.sources.scan import DirectoryScanner
from tflited.sources.staging import stage_model


class SingleLook:
    """Implements the engine's ``Sources`` port over what one look found."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
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

    def stage(self, model: ModelId, destination: Path, expected: Digest) -> Path:
        """Makes a private copy of a model that was found."""
        found = self._found.get(model)
        if found is None:
            raise SourceChangedError(f"{model} was not found.")
        return stage_model(*found, destination, expected)

    def find_data(self, pattern: str) -> tuple[DataFile, ...]:
        """Files that match an absolute glob pattern, sorted by path."""
        return data.find(pattern)

    def digest_data(self, files: Sequence[DataFile]) -> Digest:
        """Digest of names and contents."""
        return data.digest(self._digester, files)

    def _observe(self, model: ModelId, path: Path, snapshot: Snapshot) -> Observation:
        reason = hint = ""
        digest = None
        try:
            admit(path, snapshot)
            digest = self._digester.model(path, snapshot)
            self._found[model] = (path, snapshot)
        except ModelRefusedError as error:
            reason, hint = error.message, error.hint
        except OSError as error:
            reason = f"{path}: {error.strerror}"
        return Observation(
            model=model,
            snapshot=snapshot,
            sight=Sight.REFUSED if digest is None else Sight.ADMITTED,
            at=self._clock.now(),
            digest=digest,
            reason=reason,
            hint=hint,
        )
