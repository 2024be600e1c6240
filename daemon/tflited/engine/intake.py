"""Turns a trigger into a job: the same document, whatever door it came through."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from dataclasses import fields as dataclass_fields
from datetime import datetime
from typing import assert_never

from tflited.domain.audience import Recorder
from tflited.domain.hub import ROOT_NAME, is_address
from tflited.domain.job import UNBOUND, Binding, Job, NewJob, TriggerSource
from tflited.domain.model import ModelId, ModelKind
from tflited.domain.observation import Sight
from tflited.domain.policy import Policy, ResolvedPolicy
from tflited.domain.ports import JobStore, PolicyResolver, ReferenceKeeper, Root, Sources
from tflited.domain.trigger import Trigger, TriggerReceipt
from tflited.engine.binding import Binder, Bound, Over, Waits
from tflited.engine.decide import KINDS
from tflited.engine.locate import Place, places
from tflited.engine.models import Models
from tflited.errors import ConfigurationError, OverCapacityError, Refusal, TriggerRefusedError

Parse = Callable[[bytes, TriggerSource], Trigger]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """Validates triggers and makes their jobs durable; used by the engine's thread."""

    parse: Parse
    models: Models
    sources: Sources
    references: ReferenceKeeper
    resolver: PolicyResolver
    binder: Binder
    store: JobStore
    encode_policy: Callable[[Policy], str]
    recorder: Recorder
    queue_capacity: int = 10_000

    def receive(self, document: bytes, source: TriggerSource, now: datetime) -> TriggerReceipt:
        """Makes a trigger's job and its receipt durable, or refuses it with the reason.

        Args:
            document: the trigger document as it came.
            source: the door it came through.
            now: aware UTC.

        Returns:
            The receipt; a document that cannot be read is named by its content.

        Raises:
            OverCapacityError: the queue is full; nothing was recorded.
        """
        trigger_id = f"unread-{hashlib.sha256(document).hexdigest()[:32]}"
        refusal: Refusal | None = None
        try:
            trigger = self.parse(document, source)
            trigger_id = trigger.id
            receipt = self._accept(trigger, now)
        except OverCapacityError:
            self.recorder.trigger_received(source, Refusal.OVER_CAPACITY)
            raise
        except TriggerRefusedError as error:
            refusal = error.refusal
            receipt = TriggerReceipt(id=trigger_id, is_accepted=False, reason=str(error), at=now)
        self.store.record_receipt(receipt, source)
        self.recorder.trigger_received(source, refusal)
        return receipt

    def _accept(self, trigger: Trigger, now: datetime) -> TriggerReceipt:
        known = self.store.job_of_trigger(trigger.id)
        if known is not None:
            return _receipt(trigger, known, now, is_duplicate=True)
        self._check_capacity()
        trigger = self._kept(trigger)
        root, model, kind = self._find(trigger)
        _check_type(model, kind, trigger)
        has_own_policy = bool(trigger.override or trigger.policy_name)
        resolved = self._resolve(root, model, trigger)
        new = NewJob(
            model=model,
            kind=kind,
            build_key=UNBOUND,
            input_key=UNBOUND,
            model_digest=UNBOUND,
            policy_json=self.encode_policy(resolved.policy),
            policy_name=resolved.name,
            folder_key=UNBOUND if has_own_policy else None,
            trigger=trigger.source,
            trigger_id=trigger.id,
            priority=trigger.priority,
            is_forced=trigger.is_forced,
            save_to=trigger.save_to,
        )
        if trigger.is_forced and kind is ModelKind.HUB:
            self._fetch_again(model)
        return _receipt(trigger, self._store(new, now), now, is_duplicate=False)

    def _check_capacity(self) -> None:
        """Only triggers are held off: what a watch finds is bounded by the models there are."""
        active = self.store.active()
        if active >= self.queue_capacity:
            raise OverCapacityError(
                f"queue: observed {active} active jobs, allowed {self.queue_capacity}.",
                hint="send the trigger again later, or raise [daemon] queue_capacity",
            )

    def _find(self, trigger: Trigger) -> tuple[Root, ModelId, ModelKind]:
        """The model that a trigger means: one that a scan told of, else one that is on disk."""
        roots = [state.root for state in self.models.roots.values()]
        candidates = places(trigger.path, roots)
        if not candidates:
            raise TriggerRefusedError(
                f"{trigger.path!r}: outside every root; roots are"
                f" {', '.join(str(root.path) for root in roots)}.",
                hint="name a model by its path below a root",
                refusal=Refusal.OUTSIDE,
            )
        for place in candidates:
            model = ModelId(root=place.root.name, path=place.path)
            if (entry := self.models.entries.get(model)) is not None:
                return place.root, model, entry.observation.snapshot.kind
        for place in candidates:
            kind = self._on_disk(trigger, place)
            if kind is not None:
                return place.root, ModelId(root=place.root.name, path=place.path), kind
        raise TriggerRefusedError(
            f"{trigger.path!r}: no model there.",
            hint="tflited why PATH tells what is there",
            refusal=Refusal.NO_MODEL,
        )

    def _on_disk(self, trigger: Trigger, place: Place) -> ModelKind | None:
        """A copy that ended a moment ago is there before any scan has told of it."""
        try:
            return self.sources.find_model(place.root, place.path)
        except OSError as error:
            raise TriggerRefusedError(
                f"{trigger.path!r}: root {place.root.name} cannot be read: {error.strerror}.",
                hint="send the trigger again once it can",
                refusal=Refusal.ROOT_UNREADABLE,
            ) from error

    def _resolve(self, root: Root, model: ModelId, trigger: Trigger) -> ResolvedPolicy:
        try:
            return self.resolver.resolve_trigger(root, model.path, trigger)
        except ConfigurationError as error:
            problems = "; ".join(map(str, error.problems))
            raise TriggerRefusedError(
                problems, hint="mend the policy file", refusal=Refusal.POLICY
            ) from error

    def _store(self, new: NewJob, now: datetime) -> Job:
        verdict = self.binder.judge(new)
        match verdict:
            case Over():
                failure = verdict.failure
                message = f"{new.model}: {failure.message}"
                raise TriggerRefusedError(message, hint=failure.hint, refusal=Refusal.UNFIT)
            case Waits():
                if new.model not in self.models.entries:
                    self.sources.look_again(new.model.root, new.model.path)
                return self.store.accept(replace(new, waits_for=verdict.reason), now)
            case Bound():
                fields = {
                    f.name: getattr(verdict.binding, f.name) for f in dataclass_fields(Binding)
                }
                bound = replace(new, **fields)
                if verdict.is_published and not new.is_forced:
                    return self.store.finish_unchanged(bound, now)
                return self.store.accept(bound, now)
            case _:
                assert_never(verdict)

    def _kept(self, trigger: Trigger) -> Trigger:
        """A trigger for a Hub handle becomes one for the file that the reference is kept in."""
        if trigger.hub is None:
            return trigger
        path = self.references.place(trigger.hub)
        self._check_handle(trigger.hub.handle)
        kept = replace(trigger, path=str(path), hub=None)
        # What is refused leaves no file behind: it would be built all the same.
        model = ModelId(root=ROOT_NAME, path=path.name)
        self._resolve(Root(name=ROOT_NAME, path=path.parent), model, kept)
        self.references.keep(trigger.hub)
        return kept

    def _check_handle(self, handle: str) -> None:
        """A handle that is a path leads into a root, or nothing is kept for it."""
        roots = [state.root for state in self.models.roots.values()]
        if not is_address(handle) and not places(handle, roots):
            raise TriggerRefusedError(
                f"model.hub: observed {handle!r}, allowed a path inside a root; roots are"
                f" {', '.join(str(root.path) for root in roots)}.",
                hint="copy the module below a root, or name an https address",
                refusal=Refusal.HANDLE,
            )

    def _fetch_again(self, model: ModelId) -> None:
        """A forced build of a Hub reference asks the handle anew; its job waits until then."""
        self.sources.fetch_again(model.root, model.path)
        if (entry := self.models.entries.get(model)) is not None:
            entry.observation = replace(
                entry.observation,
                sight=Sight.SETTLING,
                digest=None,
                reason="its module is fetched again, as a trigger asked",
            )


def _check_type(model: ModelId, kind: ModelKind, trigger: Trigger) -> None:
    if kind not in KINDS[trigger.model_type]:
        raise TriggerRefusedError(
            f"{model}: type: observed {kind}, allowed {trigger.model_type}.",
            hint='leave out "type"',
            refusal=Refusal.MODEL_TYPE,
        )


def _receipt(trigger: Trigger, job: Job, now: datetime, *, is_duplicate: bool) -> TriggerReceipt:
    return TriggerReceipt(
        id=trigger.id,
        is_accepted=True,
        job_id=job.id,
        is_duplicate=is_duplicate,
        waits_for=job.waits_for,
        at=now,
    )
