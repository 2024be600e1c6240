"""The real store against a small model of it, under every order of operations that comes up."""

import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fakes.samples import FAILURE, NOON, a_new_job
from tflited.domain.job import ACTIVE, Job, JobState
from tflited.errors import StoreError
from tflited.store.queue import SqliteStore

QUEUED, RUNNING = JobState.QUEUED, JobState.RUNNING
OVER = sorted(set(JobState) - ACTIVE)
ENDS = {
    QUEUED: {"unchanged", "failed", "superseded", "cancelled"},
    RUNNING: {"published", "failed", "dead", "superseded", "cancelled"},
}
"""Written down once more on purpose: the table of the domain is what is tested."""
numbers = st.integers(0, 30)
"""Which job, counted round and round; the last one is nobody's."""
NOBODY = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the model knows of a job."""

    path: str
    save_to: str | None
    trigger_id: str | None
    priority: int
    state: JobState = QUEUED
    attempts: int = 0
    deaths: int = 0
    not_before: datetime | None = None
    waits_for: str = ""


def seen(job: Job) -> Row:
    """A job as the model would write it down."""
    return Row(
        path=job.model.path,
        save_to=job.save_to,
        trigger_id=job.trigger_id,
        priority=job.priority,
        state=job.state,
        attempts=job.attempts,
        deaths=job.deaths,
        not_before=job.not_before,
        waits_for=job.waits_for,
    )


class JobTable(RuleBasedStateMachine):
    """Does the same to the store and to a dictionary."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.file = Path(self.folder.name, "jobs.sqlite3")
        self.store = SqliteStore(self.file)
        self.rows: dict[int, Row] = {}
        self.now = NOON

    def teardown(self) -> None:
        """Ends the example."""
        self.store.close()
        self.folder.cleanup()

    @rule(
        path=st.sampled_from("abc"),
        save_to=st.sampled_from([None, "x"]),
        trigger_id=st.sampled_from([None, "t1", "t2", "t3"]),
        priority=st.integers(0, 9),
    )
    def accept(self, path: str, save_to: str | None, trigger_id: str | None, priority: int) -> None:
        """A trigger id stands for one job for ever; a newer job replaces the queued one."""
        new = a_new_job(path, save_to=save_to, trigger_id=trigger_id, priority=priority)
        job = self.store.accept(new, self.now)
        known = [n for n, row in self.rows.items() if trigger_id and row.trigger_id == trigger_id]
        if known:
            assert job.id == known[0]
            return
        for number, row in self.rows.items():
            if row.state is QUEUED and (row.path, row.save_to) == (path, save_to):
                self.rows[number] = replace(row, state=JobState.SUPERSEDED, waits_for="")
        assert job.id not in self.rows
        self.rows[job.id] = Row(
            path=path, save_to=save_to, trigger_id=trigger_id, priority=priority
        )

    @rule()
    def claim(self) -> None:
        """The most urgent job that may run, and of one model never two."""
        busy = {row.path for row in self.rows.values() if row.state is RUNNING}
        able = [
            (-row.priority, number)
            for number, row in self.rows.items()
            if row.state is QUEUED and not row.waits_for and row.path not in busy
            if row.not_before is None or row.not_before <= self.now
        ]
        job = self.store.claim(self.now)
        assert (job.id if job else None) == (min(able)[1] if able else None)
        if job is not None:
            row = self.rows[job.id]
            self.rows[job.id] = replace(
                row, state=RUNNING, attempts=row.attempts + 1, not_before=None
            )

    @rule(number=numbers, state=st.sampled_from(OVER))
    def finish(self, number: int, state: JobState) -> None:
        """A result that comes late, for a job that is over or was queued anew, changes nothing."""
        number, row = self._job(number)
        if row is not None and state.value in ENDS.get(row.state, ()):
            self.store.finish(number, state, self.now)
            self.rows[number] = replace(row, state=state, waits_for="")
        else:
            self._refused(lambda: self.store.finish(number, state, self.now))

    @rule(number=numbers, has_died=st.booleans(), seconds=st.integers(0, 20))
    def requeue(self, number: int, seconds: int, *, has_died: bool) -> None:
        """Only what runs goes back, and rests as long as was asked."""
        number, row = self._job(number)
        later = self.now + timedelta(seconds=seconds)

        def requeued() -> Job:
            return self.store.requeue(number, FAILURE, later, has_died=has_died)

        if row is None or row.state is not RUNNING:
            self._refused(requeued)
            return
        requeued()
        deaths = row.deaths + has_died
        self.rows[number] = replace(row, state=QUEUED, not_before=later, deaths=deaths)

    @rule(number=numbers)
    def wait(self, number: int) -> None:
        """A job that was claimed for nothing has used up no attempt."""
        number, row = self._job(number)
        if row is None or row.state not in ACTIVE:
            self._refused(lambda: self.store.wait(number, "its model settles"))
            return
        self.store.wait(number, "its model settles")
        attempts = row.attempts - (row.state is RUNNING)
        self.rows[number] = replace(
            row, state=QUEUED, attempts=attempts, waits_for="its model settles"
        )

    @rule(number=numbers)
    def retry(self, number: int) -> None:
        """Only what failed is tried again, from the beginning."""
        number, row = self._job(number)
        if row is None or row.state not in {JobState.FAILED, JobState.DEAD}:
            self._refused(lambda: self.store.retry(number, self.now))
            return
        self.store.retry(number, self.now)
        self.rows[number] = replace(row, state=QUEUED, attempts=0, deaths=0, not_before=None)

    @rule(number=numbers)
    def discard(self, number: int) -> None:
        """Only what failed is put away."""
        number, row = self._job(number)
        if row is None or row.state not in {JobState.FAILED, JobState.DEAD}:
            self._refused(lambda: self.store.discard(number))
            return
        self.store.discard(number)
        self.rows[number] = replace(row, state=JobState.CANCELLED)

    @rule(seconds=st.integers(1, 15))
    def pass_by(self, seconds: int) -> None:
        """Time passes."""
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.rows)
    @rule()
    def restart(self) -> None:
        """What ran is queued again with its counters; what waited is looked at anew."""
        self.store.close()
        self.store = SqliteStore(self.file)
        recovered = {job.id for job in self.store.recover()}
        assert recovered == {n for n, row in self.rows.items() if row.state is RUNNING}
        for number, row in self.rows.items():
            state = QUEUED if row.state is RUNNING else row.state
            self.rows[number] = replace(row, state=state, waits_for="")

    @invariant()
    def same(self) -> None:
        """Every job stands in the store as the model says, and none is there beside them."""
        jobs = self.store.jobs(limit=1000)
        assert {job.id: seen(job) for job in jobs} == self.rows
        running = [row.path for row in self.rows.values() if row.state is RUNNING]
        assert len(running) == len(set(running))

    def _job(self, number: int) -> tuple[int, Row | None]:
        """A job that is there, as a rule."""
        known = sorted(self.rows)
        if not known or number == 30:
            return NOBODY, None
        chosen = known[-1 - number % len(known)]
        return chosen, self.rows[chosen]

    def _refused(self, change: object) -> None:
        """The store must refuse; ``same`` finds whatever it changed all the same."""
        assert callable(change)
        with suppress(StoreError):
            change()
            raise AssertionError("the store took a change that the model forbids")


TestJobTable = JobTable.TestCase
TestJobTable.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
