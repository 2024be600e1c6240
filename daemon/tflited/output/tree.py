"""The output tree: publishes sets as a whole, reads them back, withdraws and retires them."""

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog

from tflited import durable
from tflited.domain.job import Job, facts
from tflited.domain.manifest import MANIFEST_NAME, REPORT_NAME, Manifest
from tflited.domain.model import ModelId
from tflited.domain.policy import Policy
from tflited.domain.publication import Published, PublishedRecords, PublishKey
from tflited.domain.report import ArtifactFile, BuildReport
from tflited.domain.verdict import Verdict, decide
from tflited.errors import OutputError, StorageFailedError, TflitedError
from tflited.output import intake, records, rename
from tflited.output.errors import NO_SWAP, output_errors
from tflited.output.generations import Generations
from tflited.output.glance import damage
from tflited.output.intake import LARGEST_ARTIFACT_BYTES
from tflited.output.layout import Layout, is_set, make_folders, remove_empty_parents
from tflited.output.leaving import Leaving
from tflited.output.shelf import Shelf

RESERVE_BYTES: Final = 64 * 2**20

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What one publication is about."""

    job: Job
    policy: Policy
    key: PublishKey
    report: BuildReport
    verdict: Verdict
    scratch: Path


class OutputTree:
    """Implements ``Publisher`` over one directory. Every method may be called from any thread.

    Args:
        root: the output tree; made when missing.
        reserve_bytes: with less free space, nothing is published.
        largest_artifact_bytes: a larger file of a child is refused.
    """

    def __init__(
        self,
        root: Path,
        *,
        reserve_bytes: int = RESERVE_BYTES,
        largest_artifact_bytes: int = LARGEST_ARTIFACT_BYTES,
    ) -> None:
        self._layout = Layout(root)
        self._leaving = Leaving(self._layout.leaving)
        self._previous = Shelf(self._layout.previous, self._leaving)
        self._archive = Shelf(self._layout.archive, self._leaving)
        self._generations = Generations(self._layout, self._leaving)
        self._reserve_bytes = reserve_bytes
        self._largest_artifact_bytes = largest_artifact_bytes
        self._has_exchange: bool | None = None
        # Held from the look at a place until it is taken, so that no two sets get it.
        self._lock = threading.Lock()

    def publish(
        self, job: Job, policy: Policy, key: PublishKey, report: BuildReport, scratch: Path
    ) -> Published:
        """Replaces a model's set as one with what the child left below ``scratch/set``.

        Raises:
            ProofError: the float32 baseline is rejected.
            OutputError: what the child left is not what it said, the policy leaves or lets nothing
                to publish, or the place is taken.
            StoragePausedError: the output is full or read-only.
            StorageFailedError: an fsync failed.
        """
        verdict = decide(report, policy)
        if verdict.is_held:
            raise OutputError(
                f"The set of {job.model} is held back by on_reject: {verdict.rejections}.",
                hint="the last good set stays; change the policy or the model",
            )
        target = self.directory(job.model, job.save_to)
        order = _Order(
            job=job, policy=policy, key=key, report=report, verdict=verdict, scratch=scratch
        )
        with output_errors(target):
            self._layout.make()
            stage = Path(tempfile.mkdtemp(dir=self._layout.staging, prefix=f"{job.id}."))
            try:
                manifest = self._fill(stage, order)
                self._swap(stage, target, order)
            except (OSError, TflitedError) as error:
                # After a failed sync nothing more may be trusted; the sweep at start removes it.
                if not _is_storage_failure(error):
                    self._abandon(stage)
                raise
        return Published(directory=target, manifest=manifest)

    def manifest(self, model: ModelId, save_to: str | None = None) -> Manifest | None:
        """The manifest of a model's present set; None without a readable one.

        Raises:
            OutputError: the path leaves the output tree.
        """
        return self._layout.manifest(self.directory(model, save_to))

    def records(self, model: ModelId, save_to: str | None = None) -> PublishedRecords | None:
        """Report and manifest of a model's present set, of one publication; None without a set.

        Raises:
            OutputError: the path leaves the output tree, or the report cannot be read.
        """
        home = self.home(model, save_to)
        if home is None or not is_set(home):
            return None
        report, manifest = records.read_report(home)
        return PublishedRecords(report=report, manifest=manifest)

    def damage(self, manifest: Manifest) -> str:
        """What a glance finds wrong with the files of a present set; empty where nothing is."""
        home = self.home(manifest.model, manifest.save_to)
        return "its place is a link to elsewhere" if home is None else damage(home, manifest)

    def home(self, model: ModelId, save_to: str | None = None) -> Path | None:
        """The directory that holds a model's set now, to be opened without following links.

        That is ``directory``, or the generation it links to where the file system has no exchange;
        None where any other link is in its place.

        Raises:
            OutputError: the path leaves the output tree.
        """
        return self._layout.home(self.directory(model, save_to))

    def directory(self, model: ModelId, save_to: str | None = None) -> Path:
        """Where a model's set is or would be.

        Raises:
            OutputError: the path leaves the output tree.
        """
        return self._layout.directory(model, save_to)

    def manifests(self) -> Sequence[Manifest]:
        """Every set in the output tree whose manifest can be read, sorted by place."""
        found = []
        for directory in sorted(self._layout.sets()):
            manifest = self._layout.manifest(directory)
            if manifest is None:
                _log.warning("manifest_unreadable", directory=str(directory))
            else:
                found.append(manifest)
        return found

    def policy_keys(self, model: ModelId) -> Mapping[str, Any]:
        """The conversion keys that a model's present set was built under; none without a set."""
        try:
            home = self.home(model)
            return {} if home is None else records.read_report(home)[0].policy
        except OutputError:
            return {}

    def models(self, root: str) -> Sequence[ModelId]:
        """The models of a root that have a set in the mirrored place, by its name alone."""
        top = self._layout.root / root
        return [
            ModelId(root=root, path="" if place == top else str(place.relative_to(top)))
            for place in sorted(self._layout.sets(top))
        ]

    def damaged(self) -> Sequence[Path]:
        """Every set in the output tree whose manifest cannot be read, sorted."""
        sets = sorted(self._layout.sets())
        return [place for place in sets if self._layout.manifest(place) is None]

    def newest_job(self) -> int:
        """The highest job number that a set here bears, present or kept; 0 without one."""
        places = (*self._layout.sets(), *self._layout.kept())
        manifests = map(self._layout.manifest, places)
        return max((manifest.job for manifest in manifests if manifest is not None), default=0)

    def withdraw(self, model: ModelId, *, archive: bool) -> None:
        """Takes a model's set out of the tree, into the archive or for good; its place only.

        Sets that a trigger saved elsewhere stay: somebody asked for them by name.

        Raises:
            OutputError: the set cannot be moved.
            StoragePausedError: the output is full or read-only.
            StorageFailedError: an fsync failed.
        """
        target = self.directory(model)
        with self._lock, output_errors(target):
            home = self._layout.home(target)
            present = self._layout.manifest(target)
            is_other = present is not None and present.model != model
            if home is None or not self._layout.is_set(target) or is_other:
                return
            self._layout.make()
            key = self._layout.key(target)
            if archive:
                self._archive.put(home, key)
            else:
                self._leaving.take(home)
                self._previous.clear(key)
            if home != target:  # the sweep at start removes a link that leads nowhere
                rename.unlink(target)
                self._generations.clear(target)
            remove_empty_parents(target, self._layout.root)

    def sweep(self) -> None:
        """At start: removes what an interrupted publication left behind, makes what is missing.

        Raises:
            OutputError: the private folders cannot be made.
            StoragePausedError: the output is full or read-only.
            StorageFailedError: an fsync failed.
        """
        with self._lock, output_errors(self._layout.private):
            self._layout.make()
            for left in self._layout.staging.iterdir():
                self._abandon(left)
            self._generations.sweep()

    def collect(self) -> None:
        """Removes the sets whose readers have had their time; called every few seconds."""
        with self._lock:
            self._leaving.collect()

    def check_writable(self) -> str:
        """Empty when a set could be published now, else the reason."""
        root = self._layout.root
        try:
            status = os.statvfs(root)
            if status.f_flag & os.ST_RDONLY:
                return f"{root} is on a read-only file system."
            free = status.f_bavail * status.f_frsize
            if free < self._reserve_bytes:
                return f"{root} is full: observed {free} bytes, at least {self._reserve_bytes}."
            if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
                return f"{root} is not writable for user {os.geteuid()}."
            return self._check_swap()
        except OSError as error:
            return f"{error.filename or root}: {error.strerror}."

    def _fill(self, stage: Path, order: _Order) -> Manifest:
        """Writes and syncs the whole set, the manifest last."""
        stage.chmod(0o755)
        files = intake.take(
            order.verdict.published,
            order.scratch,
            stage,
            largest_bytes=self._largest_artifact_bytes,
        )
        report = records.report_of(order.job, order.policy, order.key, order.report, order.verdict)
        durable.write_new(stage / REPORT_NAME, report)
        files += (_described(REPORT_NAME, report),)
        manifest = records.manifest_of(
            order.job, order.policy, order.key, order.report, order.verdict, files
        )
        durable.write_new(stage / MANIFEST_NAME, records.manifest_bytes(manifest, order.job))
        durable.sync_directory(stage)
        durable.sync_directory(stage.parent)
        return manifest

    def _swap(self, stage: Path, target: Path, order: _Order) -> None:
        """Puts the complete stage in its place and keeps what was there."""
        with self._lock:
            self._layout.check_free(target, order.job.model)
            make_folders(target.parent, self._layout.root)
            if not self._can_exchange():
                self._generations.place(stage, target)
                self._retire(None, target, order)
            elif rename.place(stage, target):
                self._retire(stage, target, order)

    def _retire(self, old: Path | None, target: Path, order: _Order) -> None:
        """Keeps a replaced set as long as the policy says, at least until the next publication.

        The new set is in place already, so whatever else goes wrong here is only told.

        Args:
            old: where the replaced set is now; None for a generation, which stays where it is.
            target: the place.
            order: its policy says how many are kept.

        Raises:
            OSError: an input/output error.
        """
        key = self._layout.key(target)
        try:
            keep = max(order.policy.output.keep_builds - 1, 1)
            if old is None:
                self._generations.prune(target, keep=keep)
            else:
                self._shelve(old, target)
            self._previous.prune(key, keep=keep)
        except OSError as error:
            if error.errno == errno.EIO:
                raise
            _log.warning(
                "previous_set_not_kept",
                **facts(order.job),
                directory=str(target),
                reason=str(error),
            )

    def _shelve(self, old: Path, target: Path) -> None:
        """Keeps a replaced set; a link to one from before the file system could exchange goes."""
        if old.is_symlink():
            old.unlink()
        else:
            self._previous.put(old, self._layout.key(target))

    def _abandon(self, stage: Path) -> None:
        """Removes a stage; one that holds another job's set was swapped already and is kept."""
        if stage.is_symlink():
            stage.unlink()
            return
        manifest = records.read_manifest(stage)
        if manifest is None or stage.name.startswith(f"{manifest.job}."):
            shutil.rmtree(stage, ignore_errors=True)
            return
        target = self.directory(manifest.model, manifest.save_to)
        with suppress(OSError):
            self._previous.put(stage, self._layout.key(target))

    def _can_exchange(self) -> bool:
        """Whether the file system swaps directories; asked once.

        Raises:
            OSError: it could not be tried.
        """
        if self._has_exchange is None:
            self._layout.make()
            self._has_exchange = rename.can_exchange(self._layout.staging)
            if not self._has_exchange:
                _log.info("output_without_exchange", output=str(self._layout.root))
        return self._has_exchange

    def _check_swap(self) -> str:
        """Empty when a set can be replaced as one; asked until the answer is yes."""
        if self._can_exchange() or rename.can_link(self._layout.staging):
            return ""
        self._has_exchange = None
        return f"{self._layout.root}: {NO_SWAP}"


def _is_storage_failure(error: OSError | TflitedError) -> bool:
    """Whether a device failed, before or after the error's translation."""
    return isinstance(error, StorageFailedError) or (
        isinstance(error, OSError) and error.errno == errno.EIO
    )


def _described(name: str, content: bytes) -> ArtifactFile:
    """The manifest's line on a record."""
    return ArtifactFile(path=name, size_bytes=len(content), sha256=records.sha256(content))
