"""Turns a trigger into a job: the same document, whatever door it came through."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from tflited.domain.build_key import BuildKey
from tflited.domain.hub import ROOT_NAME
from tflited.domain.job import Job, TriggerSource
from tflited.domain.model import ModelKind
from tflited.domain.observation import Sight
from tflited.domain.policy import ModelType, Policy, ResolvedPolicy
from tflited.domain.ports import (
    JobStore,
    PolicyResolver,
    Publisher,
    ReferenceKeeper,
    Root,
    Sources,
)
from tflited.domain.trigger import Trigger, TriggerReceipt
from tflited.engine.data import DataWatch
from tflited.engine.decide import KINDS, job_for
from tflited.engine.locate import Place, owner, places
from tflited.engine.models import Entry, Models
from tflited.errors import ConfigurationError, TriggerRefusedError

Parse = Callable[[bytes, TriggerSource], Trigger]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Validates triggers and makes their jobs durable; used by the engine's thread."""

    parse: Parse
    models: Models
    sources: Sources
    references: ReferenceKeeper
    resolver: PolicyResolver
    data: DataWatch
    store: JobStore
    publisher: Publisher
    toolchain: dict[str, str]
    encode_policy: Callable[[Policy], str]

    def receive(self, document: bytes, source: TriggerSource, now: datetime) -> TriggerReceipt:
        """Makes a trigger's job and its receipt durable, or refuses it with the reason.

        Args:
            document: the trigger document as it came.
            source: the door it came through.
            now: aware UTC.

        Returns:
            The receipt; a document that cannot be read is named by its content.
        """
        trigger_id = f"unread-{hashlib.sha256(document).hexdigest()[:32]}"
        try:
            trigger = self.parse(document, source)
            trigger_id = trigger.id
            receipt = self._accept(trigger, now)
        except TriggerRefusedError as error:
            receipt = TriggerReceipt(id=trigger_id, is_accepted=False, reason=str(error), at=now)
        self.store.record_receipt(receipt, source)
        return receipt

    def _accept(self, trigger: Trigger, now: datetime) -> TriggerReceipt:
        known = self.store.job_of_trigger(trigger.id)
        if known is not None:
            return _receipt(trigger, known, now, is_duplicate=True)
        trigger = self._kept(trigger)
        place, entry = self._find(trigger)
        resolved = self._resolve(place, entry, trigger)
        _check_place(trigger)
        job = self._store(trigger, entry, resolved, now)
        if trigger.is_forced:
            self._fetch_again(job)
        return _receipt(trigger, job, now, is_duplicate=False)

    def _find(self, trigger: Trigger) -> tuple[Place, Entry]:
        roots = [state.root for state in self.models.roots.values()]
        candidates = places(trigger.path, roots)
        if not candidates:
            raise TriggerRefusedError(
                f"{trigger.path!r}: outside every root; roots are"
                f" {', '.join(str(root.path) for root in roots)}.",
                hint="name a model by its path below a root",
            )
        for place in candidates:
            model = owner(place, self.models.entries)
            if model is not None and model.path == place.path:
                return place, self.models.entries[model]
        raise TriggerRefusedError(
            f"{trigger.path!r}: no model there.", hint="tflited why PATH tells what is there"
        )

    def _resolve(self, place: Place, entry: Entry, trigger: Trigger) -> ResolvedPolicy:
        seen = entry.observation
        if seen.sight is not Sight.ADMITTED:
            raise TriggerRefusedError(
                f"{seen.model}: {seen.sight}: {seen.reason}.",
                hint="it is built by itself once it has settled and is whole",
            )
        if (
            trigger.model_type is not ModelType.AUTO
            and seen.snapshot.kind not in KINDS[trigger.model_type]
        ):
            raise TriggerRefusedError(
                f"{seen.model}: type: observed {seen.snapshot.kind}, allowed {trigger.model_type}.",
                hint='leave out "type"',
            )
        return self._policy(place.root, seen.model.path, trigger)

    def _policy(self, root: Root, path: str, trigger: Trigger) -> ResolvedPolicy:
        try:
            return self.resolver.resolve_trigger(root, path, trigger)
        except ConfigurationError as error:
            problems = "; ".join(map(str, error.problems))
            raise TriggerRefusedError(problems, hint="mend the policy file") from error

    def _store(
        self, trigger: Trigger, entry: Entry, resolved: ResolvedPolicy, now: datetime
    ) -> Job:
        seen = entry.observation
        data = self.data.view(resolved.policy)
        if data.digest is None or seen.digest is None:
            raise TriggerRefusedError(
                f"{seen.model}: data that matches {data.waits_for} still changes.",
                hint="send the trigger again in a moment",
            )
        key = BuildKey.of(
            model=seen.digest,
            policy=resolved.policy.digest,
            data=data.digest,
            toolchain=self.toolchain,
        )
        new = replace(
            job_for(seen, key, self.encode_policy(resolved.policy), trigger.source),
            trigger_id=trigger.id,
            priority=trigger.priority,
            is_forced=trigger.is_forced,
            save_to=trigger.save_to,
        )
        manifest = self.publisher.manifest(seen.model, trigger.save_to)
        is_unchanged = manifest is not None and manifest.build_key == key.value
        if is_unchanged and not trigger.is_forced:
            return self.store.finish_unchanged(new, now)
        return self.store.accept(new, now)

    def _kept(self, trigger: Trigger) -> Trigger:
        """A trigger for a Hub handle becomes one for the file that the reference is kept in."""
        if trigger.hub is None:
            return trigger
        path = self.references.place(trigger.hub)
        kept = replace(trigger, path=str(path), hub=None)
        # What is refused leaves no file behind: it would be built all the same.
        _check_place(kept)
        self._policy(Root(name=ROOT_NAME, path=path.parent), path.name, kept)
        self.references.keep(trigger.hub)
        return kept

    def _fetch_again(self, job: Job) -> None:
        """A forced build of a Hub reference asks the handle anew; its job waits until then."""
        if job.kind is not ModelKind.HUB:
            return
        self.sources.fetch_again(job.model.root, job.model.path)
        if (entry := self.models.entries.get(job.model)) is not None:
            entry.observation = replace(
                entry.observation,
                sight=Sight.SETTLING,
                digest=None,
                reason="its module is fetched again, as a trigger asked",
            )


def _check_place(trigger: Trigger) -> None:
    if (trigger.override or trigger.policy_name) and not trigger.save_to:
        raise TriggerRefusedError(
            f"{trigger.path}: a trigger with a policy of its own needs save_to, since the"
            " mirrored place belongs to the folder's policy.",
            hint='add "save_to": "PATH" below the output tree',
        )


def _receipt(trigger: Trigger, job: Job, now: datetime, *, is_duplicate: bool) -> TriggerReceipt:
    return TriggerReceipt(
        id=trigger.id, is_accepted=True, job_id=job.id, is_duplicate=is_duplicate, at=now
    )
