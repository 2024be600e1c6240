"""What is kept of an attempt for people: when it was, how it ended, what its children said.

The words are hostile text that was made printable and bounded before it came here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from tflited.domain.attempt import ChildRecord
from tflited.domain.job import Failure
from tflited.domain.model import ModelId


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRecord:
    """One attempt.

    Attributes:
        job_id: of which job.
        attempt: its number, from 1; a job that is tried again from the beginning begins at 1 again.
        model: of which model.
        policy: the named policy it was built under.
        ended_at: when it ended, aware UTC.
        seconds: how long it took.
        failure: why nothing was published; None where a set was.
        children: one after the other.
    """

    job_id: int
    attempt: int
    model: ModelId
    policy: str
    ended_at: datetime
    seconds: float
    failure: Failure | None = None
    children: tuple[ChildRecord, ...] = ()


def as_text(record: AttemptRecord) -> str:
    """A record as printable lines: a head, then each child's own head and words."""
    return "".join(f"{line}\n" for line in _head(record)) + words(record.children)


def words(children: Iterable[ChildRecord]) -> str:
    """What children said as printable lines, each under a head of its own."""
    return "".join(
        f"{line}\n" for number, child in enumerate(children, 1) for line in _lines(number, child)
    )


def _head(record: AttemptRecord) -> Iterator[str]:
    of = f"{record.model} under policy {record.policy or '?'}"
    yield _plain(f"job {record.job_id}, attempt {record.attempt}: {of}")
    ended = record.ended_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    yield _plain(f"ended {ended} after {record.seconds:.1f} s: {_end(record.failure, 'published')}")
    if record.failure is not None and record.failure.hint:
        yield _plain(f"next: {record.failure.hint}")


def _lines(number: int, child: ChildRecord) -> Iterator[str]:
    without = f" without {', '.join(child.given_up)}" if child.given_up else ""
    end = _end(child.failure, child.result.value)
    yield ""
    yield _plain(f"== child {number}: {child.task}{without}, {child.seconds:.1f} s: {end}")
    yield from map(_plain, child.said.splitlines() or ["(it said nothing)"])


def _plain(text: str) -> str:
    """One line that commands no terminal: names of models come from whoever may drop one."""
    return "".join(
        sign if sign.isprintable() or sign == "\t" else repr(sign)[1:-1] for sign in text
    )


def _end(failure: Failure | None, well: str) -> str:
    return well if failure is None else f"{failure.code}: {failure.message}"
