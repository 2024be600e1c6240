"""The output tree in memory: implements ``Publisher`` for tests of what stands above it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tflited.domain.job import Job
from tflited.domain.manifest import MANIFEST_VERSION, Manifest, ManifestVariant
from tflited.domain.model import ModelId
from tflited.domain.policy import Policy
from tflited.domain.publication import Published, PublishedRecords, PublishKey
from tflited.domain.report import BuildReport
from tflited.domain.verdict import Verdict, decide
from tflited.errors import OutputError, TflitedError


class MemoryPublisher:
    """Holds manifests in a dict; looks at no file.

    Attributes:
        errors: raised by the next publications, one each.
        reason: what ``check_writable`` answers.
        hurt: what ``damage`` answers, by place, until the next publication there.
        archived: the models that were withdrawn into the archive.
        sweeps: how often ``sweep`` was called.
        collections: how often ``collect`` was called.
    """

    def __init__(self, root: Path = Path("/output")) -> None:
        self._root = root
        self._sets: dict[Path, Manifest] = {}
        self._policies: dict[Path, Mapping[str, Any]] = {}
        self.errors: list[TflitedError] = []
        self.reason = ""
        self.hurt: dict[Path, str] = {}
        self.archived: list[ModelId] = []
        self.sweeps = 0
        self.collections = 0

    def publish(
        self, job: Job, policy: Policy, key: PublishKey, report: BuildReport, scratch: Path
    ) -> Published:
        """Keeps the manifest that the real tree would write, its files not proven."""
        if self.errors:
            raise self.errors.pop(0)
        verdict = decide(report, policy)
        if verdict.is_held:
            raise OutputError(f"The set of {job.model} is held back: {verdict.rejections}.")
        target = self.directory(job.model, job.save_to)
        present = self._sets.get(target)
        if present is not None and present.model != job.model:
            raise OutputError(f"{target} holds the set of {present.model}.")
        if any(taken in target.parents or target in taken.parents for taken in self._sets):
            raise OutputError(f"{target} lies inside or around another set.")
        self.hurt.pop(target, None)
        self._sets[target] = _manifest_of(job, policy, key, report, verdict)
        self._policies[target] = json.loads(json.dumps(policy.conversion_keys()))
        return Published(directory=target, manifest=self._sets[target])

    def manifest(self, model: ModelId, save_to: str | None = None) -> Manifest | None:
        """The manifest of a model's present set."""
        return self._sets.get(self.directory(model, save_to))

    def records(self, model: ModelId, save_to: str | None = None) -> PublishedRecords | None:
        """None: this double keeps no report."""
        return None

    def damage(self, manifest: Manifest) -> str:
        """What the test wants it to be."""
        return self.hurt.get(self.directory(manifest.model, manifest.save_to), "")

    def directory(self, model: ModelId, save_to: str | None = None) -> Path:
        """Where a model's set is or would be."""
        text = str(model) if save_to is None else save_to
        parts = text.split("/")
        if parts[0] == ".tflited" or any(part in {"", ".", ".."} for part in parts):
            raise OutputError(f"{text!r} cannot be a place in the output tree.")
        return self._root.joinpath(*parts)

    def manifests(self) -> Sequence[Manifest]:
        """Every set, sorted by place."""
        return [self._sets[place] for place in sorted(self._sets)]

    def policy_keys(self, model: ModelId) -> Mapping[str, Any]:
        """The keys of the policy that the set was published under, as JSON has them."""
        return self._policies.get(self.directory(model), {})

    def models(self, root: str) -> Sequence[ModelId]:
        """The models whose sets lie below the root's folder."""
        top = self._root / root
        return [
            ModelId(root=root, path="" if place == top else str(place.relative_to(top)))
            for place in sorted(self._sets)
            if place.is_relative_to(top)
        ]

    def withdraw(self, model: ModelId, *, archive: bool) -> None:
        """Forgets a model's set in its own place."""
        present = self._sets.get(self.directory(model))
        if present is None or present.model != model:
            return
        del self._sets[self.directory(model)]
        if archive:
            self.archived.append(model)

    def sweep(self) -> None:
        """Counts."""
        self.sweeps += 1

    def collect(self) -> None:
        """Counts."""
        self.collections += 1

    def check_writable(self) -> str:
        """What the test wants it to be."""
        return self.reason


def _manifest_of(
    job: Job, policy: Policy, key: PublishKey, report: BuildReport, verdict: Verdict
) -> Manifest:
    files = [file for entry in verdict.published for file in entry.files]
    return Manifest(
        version=MANIFEST_VERSION,
        root=job.model.root,
        path=job.model.path,
        kind=job.kind,
        job=job.id,
        build_key=key.build_key,
        input_key=key.input_key,
        model_digest=key.model,
        policy_digest=key.policy,
        data_digest=key.data,
        toolchain=dict(key.toolchain),
        files=tuple(sorted(files, key=lambda file: file.path)),
        variants=tuple(
            ManifestVariant(
                variant=entry.variant.value,
                state=entry.state,
                reason=entry.reason,
                seconds=entry.seconds,
            )
            for entry in verdict.variants
        ),
        save_to=job.save_to,
        folder_key=job.folder_key or None,
        on_source_removed=policy.output.on_source_removed,
        stage_seconds=report.stage_seconds,
    )
