"""The one error tree: what can go wrong, whether it heals by itself, and the exit code it means.

Imports nothing of the package. A message says what failed, on what, observed against allowed;
the hint says the next step. Raise or log, never both.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar


class TflitedError(Exception):
    """Base of every error the service raises on purpose.

    Args:
        message: what failed, on what, observed against allowed.
        hint: the next step for the reader; empty when the message says it all.
    """

    code: ClassVar[str] = "internal"
    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """The message, then the hint."""
        return f"{self.message} Next: {self.hint}" if self.hint else self.message


class UsageError(TflitedError):
    """The command was called with arguments that do not fit."""

    code = "usage"
    exit_code = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in a configuration or policy file."""

    file: str
    key: str
    observed: str
    allowed: str
    suggestion: str = ""

    def __str__(self) -> str:
        """One line: file, key, observed, allowed and the suggestion."""
        text = f"{self.file}: {self.key}: observed {self.observed}, allowed {self.allowed}"
        return f"{text}; did you mean {self.suggestion!r}?" if self.suggestion else text


class ConfigurationError(TflitedError):
    """A configuration or policy file is wrong; carries every problem found, not the first."""

    code = "configuration"
    exit_code = 3

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        lines = "\n".join(f"  {problem}" for problem in problems)
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        super().__init__(f"{count} in the configuration:\n{lines}")
        self.problems = problems


class CannotStartError(TflitedError):
    """The daemon cannot start here: permissions, a busy state folder, a corrupt store."""

    code = "cannot_start"
    exit_code = 3


class ModelRefusedError(TflitedError):
    """Admission found that a settled model is not whole or not a model."""

    code = "refused"


class Refusal(StrEnum):
    """Why a trigger is refused; the metrics label ``reason``."""

    MALFORMED = "malformed"
    """It is no trigger document."""
    OUTSIDE = "outside"
    """It names a place outside the roots or the output tree."""
    NO_MODEL = "no_model"
    """No model is where it says."""
    MODEL_TYPE = "model_type"
    """The model is of another kind than it says."""
    ROOT_UNREADABLE = "root_unreadable"
    """The root cannot be read now."""
    POLICY = "policy"
    """It asks for a policy that cannot be, or the folder's is wrong."""
    HANDLE = "handle"
    """It names a Hub handle that is not allowed."""
    UNFIT = "unfit"
    """The model cannot be built as it is: torn, larger than allowed, or without a place."""
    OVER_CAPACITY = "over_capacity"
    """The queue is full: it was held off, and may come again later."""


class TriggerRefusedError(TflitedError):
    """A trigger document is malformed or asks for something outside the rules.

    Args:
        message: observed against allowed.
        hint: the next step.
        refusal: which rule.
    """

    code = "trigger_refused"
    exit_code = 2

    def __init__(
        self, message: str, *, hint: str = "", refusal: Refusal = Refusal.MALFORMED
    ) -> None:
        super().__init__(message, hint=hint)
        self.refusal = refusal


class OverCapacityError(TflitedError):
    """The queue is full: a trigger is neither accepted nor refused, and may come again later.

    A door that can keep the trigger keeps it: the spool leaves the document where it is, a broker
    is not told that the message was taken, HTTP answers 503.

    Args:
        message: observed against allowed.
        hint: the next step.
        retry_after_seconds: when to ask again.
    """

    code = "over_capacity"
    retryable = True

    def __init__(self, message: str, *, hint: str = "", retry_after_seconds: float = 30.0) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_seconds = retry_after_seconds


class SourceChangedError(TflitedError):
    """The model changed between the decision to build it and its private copy."""

    code = "source_changed"
    retryable = True


class HubError(TflitedError):
    """A TensorFlow Hub module cannot be had.

    Args:
        message: what failed, on what.
        hint: the next step.
        is_transient: whether asking again later may help.
    """

    code = "hub"

    def __init__(self, message: str, *, hint: str = "", is_transient: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.retryable = is_transient  # type: ignore[misc]  # narrowed per instance on purpose


class ConversionError(TflitedError):
    """The model cannot be converted under its policy.

    Args:
        message: what failed, on what.
        hint: the fix, naming the operator or the key.
        code: the stable name of the failure, from ``convert/faults/hints.py``.
    """

    code = "conversion"

    def __init__(self, message: str, *, hint: str = "", code: str = "") -> None:
        super().__init__(message, hint=hint)
        if code:
            self.code = code  # type: ignore[misc]  # narrowed per instance on purpose


class ProofError(ConversionError):
    """The float32 baseline does not match its source; the build fails, the last good set stays."""

    code = "baseline_mismatch"


class WorkerError(TflitedError):
    """A child or the zygote ended without a reply that can be used."""

    code = "worker"
    retryable = True


class UploadRefusedError(TflitedError):
    """An upload is no model, has a name that cannot be, or is more than is allowed.

    Args:
        message: what was observed against what is allowed.
        hint: the next step.
        kind: stable name of the reason, which is its code.
    """

    code = "upload_refused"

    def __init__(self, message: str, *, hint: str = "", kind: str = "upload_refused") -> None:
        super().__init__(message, hint=hint)
        self.code = kind  # type: ignore[misc]  # narrowed per instance on purpose


class SandboxError(TflitedError):
    """The sandbox is short of what is demanded; the model was not opened."""

    code = "sandbox_refused"


class BackupError(TflitedError):
    """A copy of the records cannot be made, is not whole, or has no place to go."""

    code = "backup"


class OutputError(TflitedError):
    """A set cannot be published, and trying again changes nothing."""

    code = "output"


class StoragePausedError(TflitedError):
    """A file system is full or read-only; work on it pauses and resumes by itself."""

    code = "storage_paused"
    retryable = True


class StorageFailedError(TflitedError):
    """An fsync failed with EIO: what is on disk is unknown, the daemon must restart cleanly."""

    code = "storage_failed"


class StoreError(TflitedError):
    """The job store cannot be opened or used."""

    code = "store"
    exit_code = 3


class StoreCorruptError(StoreError):
    """The job store's file is damaged; a start sets it aside and makes a new one."""

    code = "store_corrupt"
    exit_code = 1


class BrokerError(TflitedError):
    """The message broker cannot be used now; the daemon goes on and tries again."""

    code = "broker"
    retryable = True


class TransferError(TflitedError):
    """A model or a result could not be carried between daemon and worker now."""

    code = "transfer"
    retryable = True


class TransferRefusedError(TransferError):
    """One side refused what the other sent: a name, a size, a certificate; no repetition helps."""

    code = "transfer_refused"
    retryable = False


class TransferEndedError(TransferError):
    """The attempt is over for the daemon; whatever its worker still sends changes nothing."""

    code = "transfer_ended"
    retryable = False


class TransferFullError(TransferError):
    """There is no room for a model or a result where it was to go."""

    code = "transfer_full"


class DaemonUnreachableError(TflitedError):
    """No daemon answers on the control socket."""

    code = "daemon_unreachable"
