"""What crosses Dask: an order to a worker, its answer, its signs of life and what it is, as JSON.

Either side validates what comes from the other as hostile input: it becomes a dataclass or a
``WireError``, never anything else.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Final, Literal, TypeVar

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import from_json

from tflited.domain.attempt import AttemptOutcome, AttemptRequest, AttemptResult, ChildRecord
from tflited.domain.figures import FORBID_EXTRA
from tflited.domain.report import BuildReport, Stage
from tflited.domain.sandbox import SandboxLevel
from tflited.workers.noise import HEAD_BYTES, TAIL_BYTES
from tflited.workers.wire import FailureMessage, WireError, cleaned, printable_lines

PROTOCOL: Final = 1
MAX_ORDER_BYTES: Final = 64 * 2**20
"""An offer of very many files is long."""
MAX_ANSWER_BYTES: Final = 16 * 2**20
MOST_CHILDREN: Final = 64
MAX_NOISE_CHARACTERS: Final = HEAD_BYTES + TAIL_BYTES + 1000
MAX_TOLD_BYTES: Final = 32 * 1024
MAX_DESCRIPTION_BYTES: Final = 16 * 1024
WORKERS_RESULTS: Final = frozenset(AttemptResult) - {AttemptResult.ENGINE_LOST}
"""What a worker may answer; only the daemon knows that it lost the cluster."""
_Message = TypeVar("_Message")
Token = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,100}$")]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One attempt as a worker is asked for it; every path in the request is the daemon's.

    Attributes:
        token: the attempt's own; whoever answers with another one is not heard.
        topic: where signs of life go.
        request: what to build.
        wall_seconds: of each child; 0 for no limit but the policy's.
        offer: where its files are, as the transfer writes it.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    protocol: Literal[1] = PROTOCOL
    token: Token
    topic: Token
    request: AttemptRequest
    wall_seconds: Seconds
    offer: str

    @property
    def key(self) -> str:
        """What Dask calls the task."""
        return f"tflited-{self.request.attempt}-{self.token}"

    def encode(self) -> bytes:
        """The order as JSON; names that are no UTF-8 travel as escaped lone surrogates."""
        return json.dumps(_ORDER.dump_python(self, mode="json")).encode("ascii")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How an attempt ended on a worker; its fields are those of ``AttemptOutcome``."""

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    token: Token
    result: AttemptResult
    report: BuildReport | None = None
    failure: FailureMessage | None = None
    stage_seconds: Mapping[Stage, Seconds] = field(default_factory=dict)
    peak_rss_bytes: Annotated[int, Field(ge=0)] = 0
    noise: str = ""
    sandbox: SandboxLevel | None = None
    children: Annotated[tuple[ChildRecord, ...], Field(max_length=MOST_CHILDREN)] = ()

    def encode(self) -> bytes:
        """The answer as JSON; what is no UTF-8 becomes a question mark."""
        plain = _ANSWER.dump_python(self, mode="json")
        return json.dumps(plain, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")

    @property
    def outcome(self) -> AttemptOutcome:
        """The domain's form.

        Raises:
            WireError: it contradicts itself.
        """
        is_ok = self.result is AttemptResult.OK
        if self.result not in WORKERS_RESULTS:
            raise WireError(f"no worker's result: {self.result}")
        if is_ok is (self.report is None) or is_ok is not (self.failure is None):
            raise WireError(f"{self.result} with the wrong one of report and failure")
        return AttemptOutcome(
            result=self.result,
            report=self.report,
            failure=None if self.failure is None else self.failure.failure,
            stage_seconds={stage.value: spent for stage, spent in self.stage_seconds.items()},
            peak_rss_bytes=self.peak_rss_bytes,
            noise=self.noise,
            sandbox=self.sandbox,
            children=self.children,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A sign of life of one attempt.

    Attributes:
        token: the attempt's.
        run: of this execution; another one means that the attempt was begun twice.
        worker: its name.
        stage: the stage that begins; None for a beat in between.
        detail: of the stage.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    token: Token
    run: Token
    worker: Annotated[str, Field(max_length=255)]
    stage: Stage | None = None
    detail: str = ""

    def encode(self) -> str:
        """The message as JSON."""
        return json.dumps(_TOLD.dump_python(self, mode="json"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a worker says of itself with every heartbeat.

    Attributes:
        versions: of everything that decides an artifact's bytes, and of Dask.
        slots: attempts at once.
        memory_bytes: that attempts may reserve together.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = FORBID_EXTRA
    protocol: int
    name: Annotated[str, Field(max_length=255)]
    versions: Annotated[Mapping[str, str], Field(max_length=100)]
    slots: Annotated[int, Field(ge=1)]
    memory_bytes: Annotated[int, Field(ge=0)]

    def encode(self) -> str:
        """The description as JSON."""
        return json.dumps(_DESCRIPTION.dump_python(self, mode="json"))


_ORDER: Final = TypeAdapter(Order)
_ANSWER: Final = TypeAdapter(Answer)
_TOLD: Final = TypeAdapter(Told)
_DESCRIPTION: Final = TypeAdapter(Description)


def decode_order(content: object) -> Order:
    """A daemon's order from its JSON.

    Raises:
        WireError: it is none.
    """
    # Pydantic's own parser refuses the lone surrogates of names that are no UTF-8.
    try:
        return _ORDER.validate_python(json.loads(_bounded(content, MAX_ORDER_BYTES)))
    except ValidationError as error:
        raise _fault(error) from error
    except (ValueError, RecursionError) as error:
        raise WireError(f"not JSON: {error}") from error


def decode_answer(content: object, token: str) -> AttemptOutcome:
    """A worker's answer from its JSON, every text bounded and without control characters.

    Args:
        content: what the task returned.
        token: of the attempt that it must be about.

    Raises:
        WireError: it is none, contradicts itself or is about another attempt.
    """
    plain = _parsed(content, MAX_ANSWER_BYTES)
    noise = _words(plain, "noise")
    listed = plain.get("children") if isinstance(plain, dict) else None
    said = [_words(child, "said") for child in (listed if isinstance(listed, list) else ())]
    answer = _validated(_ANSWER, cleaned(plain))
    if answer.token != token:
        raise WireError("the answer is about another attempt")
    children = tuple(map(_saying, answer.children, said))
    return replace(answer.outcome, noise=noise, children=children)


def _words(plain: object, key: str) -> str:
    """Takes a child's noise out of a JSON object: it has lines, and a limit of its own.

    Raises:
        WireError: it is no text.
    """
    if not isinstance(plain, dict):
        return ""
    text = plain.get(key, "")
    plain[key] = ""
    if not isinstance(text, str):
        raise WireError(f"{key}: not a text")
    return printable_lines(text[:MAX_NOISE_CHARACTERS])


def _saying(child: ChildRecord, said: str) -> ChildRecord:
    return replace(child, said=said)


def decode_told(content: object) -> Told:
    """A sign of life from its JSON.

    Raises:
        WireError: it is none.
    """
    return _validated(_TOLD, cleaned(_parsed(content, MAX_TOLD_BYTES)))


def decode_description(content: object) -> Description:
    """What a worker says of itself, from its JSON.

    Raises:
        WireError: it says nothing, or something else.
    """
    return _validated(_DESCRIPTION, cleaned(_parsed(content, MAX_DESCRIPTION_BYTES)))


def _bounded(content: object, most_bytes: int) -> bytes:
    if isinstance(content, str):
        content = content.encode("utf-8", "replace")
    if not isinstance(content, bytes):
        raise WireError(f"not bytes: {type(content).__name__}")
    if len(content) > most_bytes:
        raise WireError(f"{len(content)} bytes, allowed {most_bytes}")
    return content


def _parsed(content: object, most_bytes: int) -> Any:
    try:
        return from_json(_bounded(content, most_bytes), allow_inf_nan=False)
    except WireError:
        raise
    except ValueError as error:
        raise WireError(f"not JSON: {error}") from error


def _validated(adapter: TypeAdapter[_Message], plain: object) -> _Message:
    try:
        return adapter.validate_json(json.dumps(plain), strict=True)
    except ValidationError as error:
        raise _fault(error) from error


def _fault(error: ValidationError) -> WireError:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    return WireError(f"{place or 'message'}: {first['msg']}")
