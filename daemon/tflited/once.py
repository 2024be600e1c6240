"""Composes the engine for work without a daemon: one conversion, or answers from a single look."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from pathlib import Path
from threading import Event

from tflited import toolchain
from tflited.assembly import STORE_NAME
from tflited.clock import SystemClock
from tflited.domain.attempt import AttemptLimits
from tflited.domain.job import Job, JobState, TriggerSource
from tflited.domain.model import ModelId
from tflited.domain.observation import Observation, Sight
from tflited.domain.ports import JobStore, Progress, Root
from tflited.domain.sandbox import SandboxDemand
from tflited.engine import versions
from tflited.engine.attempt import AttemptRunner, Work, work_of
from tflited.engine.data import DataWatch
from tflited.engine.decide import Decider, job_for
from tflited.engine.explain import Explainer
from tflited.engine.messages import AttemptEnded
from tflited.engine.models import Entry, Models, RootEntry
from tflited.engine.proving import ProvingExecutor
from tflited.engine.removal import Removals
from tflited.errors import ConversionError, ModelRefusedError
from tflited.hub import hub_models
from tflited.output.tree import OutputTree
from tflited.settings.codec import encode_policy
from tflited.settings.model import Settings
from tflited.settings.resolve import FolderPolicies
from tflited.sources.single import SingleLook
from tflited.store.queue import SqliteStore
from tflited.workers.local import LocalExecutor

_STOP_SECONDS = 10.0


@contextmanager
def explainer(settings: Settings, drafts: Mapping[Path, Path] | None = None) -> Iterator[Explainer]:
    """Answers ``why`` and ``plan`` from one look at the roots, changing nothing.

    Args:
        settings: the configuration; its job store is read where it exists.
        drafts: folder to a file that stands for its policy.
    """
    with tempfile.TemporaryDirectory() as empty:
        present = settings.state / STORE_NAME
        with SqliteStore(present if present.exists() else Path(empty) / STORE_NAME) as store:
            yield _explain(settings, store, FolderPolicies(settings, drafts))


def _explain(settings: Settings, store: JobStore, policies: FolderPolicies) -> Explainer:
    clock = SystemClock()
    look = SingleLook(clock, hub_models(settings, clock, is_offline=True))
    decider = _decider(settings, look, store, policies)
    roots = [root for root in settings.all_roots if root in settings.roots or root.path.is_dir()]
    models = Models({root.name: RootEntry(root) for root in roots})
    for root in roots:
        for seen in look.look(root):
            if isinstance(seen, Observation):
                decision = decider.decide(root, seen)
                models.put(Entry(seen, decision, seen.at))
            else:
                models.take_root(seen)
    _mark_older(models, decider)
    removals = _removals(settings, models, look, decider)
    for state in models.roots.values():
        if state.is_available:
            removals.scanned(state.root.name)
    return Explainer(
        models=models, store=store, publisher=OutputTree(settings.output), removals=removals
    )


def _mark_older(models: Models, decider: Decider) -> None:
    """Decides once more where another version may be the newest; the look finds them in turn."""
    for entry in models.entries.values():
        newer = versions.newer(models, entry.observation.model)
        if newer is not None:
            root = models.roots[newer.root].root
            entry.decision = decider.decide(root, entry.observation, newer)


def _removals(settings: Settings, models: Models, look: SingleLook, decider: Decider) -> Removals:
    """Tells what would leave; nobody calls ``advance``, so nothing does."""
    return Removals(
        models=models,
        sources=look,
        publisher=decider.publisher,
        resolver=decider.resolver,
        clock=SystemClock(),
        tell=lambda *_: None,
        brake=settings.brake,
        settle_seconds=0.0,
    )


def _decider(
    settings: Settings, look: SingleLook, store: JobStore, policies: FolderPolicies
) -> Decider:
    return Decider(
        resolver=policies,
        data=DataWatch(look, SystemClock(), 0.0),
        store=store,
        publisher=OutputTree(settings.output),
        toolchain=toolchain.versions(),
        should_rebuild_on_upgrade=settings.rebuild_on_upgrade,
    )


def convert(path: Path, settings: Settings, progress: Progress) -> AttemptEnded:
    """Converts one model through the same child, proof and publication as the daemon.

    Args:
        path: the model; the folder policies beside it hold.
        settings: gives named policies and the output folder, where ``NAME/`` is published.
        progress: told about stages as they begin.

    Returns:
        The attempt; its ``published`` is None when it failed.

    Raises:
        ModelRefusedError: there is no whole model at the path.
        ConfigurationError: a policy file that holds for it is wrong.
    """
    folder = path.resolve().parent
    around = [root for root in settings.roots if folder.is_relative_to(root.path.resolve())]
    root = Root(
        name="model",
        path=folder,
        is_trusted=any(root.is_trusted for root in around),
        sandbox=next((root.sandbox for root in around), SandboxDemand.REQUIRED),
    )
    with tempfile.TemporaryDirectory(prefix="tflited-") as scratch:
        store = SqliteStore(Path(scratch) / STORE_NAME)
        alone = replace(settings, roots=(root,), settle_seconds=0.0)
        hub = hub_models(alone, SystemClock())
        look = SingleLook(SystemClock(), hub, should_fetch=True)
        try:
            work = _work(root, path, alone, look, store)
        finally:
            store.close()
        executor, publisher = LocalExecutor(), OutputTree(settings.output)
        publisher.collect()
        executor.start()
        try:
            runner = AttemptRunner(
                sources=look,
                executor=ProvingExecutor(executor, SystemClock()),
                publisher=publisher,
                clock=SystemClock(),
                scratch=Path(scratch),
                limits=AttemptLimits(wall_seconds=settings.attempt_timeout_seconds),
                threads=toolchain.processors(),
            )
            return runner.run(work, progress, Event())
        finally:
            executor.stop(_STOP_SECONDS)


def _work(root: Root, path: Path, settings: Settings, look: SingleLook, store: JobStore) -> Work:
    seen = _find(root, path, look)
    decision = _decider(settings, look, store, FolderPolicies(settings)).decide(root, seen)
    if decision.key is None or decision.resolved is None or decision.data is None:
        raise ConversionError(decision.reason, hint=decision.hint)
    key, policy = decision.key, decision.resolved.policy
    named = decision.resolved.name, encode_policy(policy)
    new = job_for(seen, key, named, TriggerSource.CLI)
    fields = {entry.name: getattr(new, entry.name) for entry in dataclass_fields(new)}
    fields |= {"save_to": seen.model.stem, "sandbox": root.sandbox}
    job = Job(id=0, state=JobState.RUNNING, attempts=1, created_at=seen.at, **fields)
    return work_of(job, policy, key, decision.data, toolchain.versions())


def _find(root: Root, path: Path, look: SingleLook) -> Observation:
    wanted = ModelId(root=root.name, path=path.resolve().name)
    for seen in look.look(root, wanted.path):
        if isinstance(seen, Observation) and seen.model == wanted:
            if seen.sight is not Sight.ADMITTED:
                raise ModelRefusedError(seen.reason, hint=seen.hint)
            return seen
    raise ModelRefusedError(
        f"{path}: no model there.",
        hint="name a SavedModel directory, or a .keras, .h5, .hdf5 or .hub.toml file",
    )
