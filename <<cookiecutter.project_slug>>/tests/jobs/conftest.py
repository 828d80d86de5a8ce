"""A kind of job for tests, and the worker that does it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from flask import Flask
from sqlalchemy import select

from app import jobs
from app.extensions import db, transaction
from app.jobs.registry import KINDS, Kind
from app.jobs.worker import Worker

DAY = 24 * 60 * 60


@dataclass
class Probe:
    """A kind of job that does what a test asks for, and records it."""

    app: Flask
    done: list[int] = field(default_factory=list)
    given_up: list[str | None] = field(default_factory=list)
    action: Callable[[jobs.Job], None] = lambda _: None

    def do(self, job: jobs.Job) -> None:
        """Do the job."""
        self.action(job)
        self.done.append(job.id)

    def give_up(self, job: jobs.Job) -> None:
        """Record that the job is given up."""
        self.given_up.append(job.last_error)

    def fail(self, reason: str = "not now", *, permanent: bool = False) -> None:
        """Let every try fail from now on."""

        def action(_: jobs.Job) -> None:
            raise jobs.JobFailed(reason, permanent=permanent)

        self.action = action

    def enqueue(self, times: int = 1) -> None:
        """Enqueue the job."""
        with self.app.app_context():
            for _ in range(times):
                with transaction():
                    jobs.enqueue("probe")

    def rows(self) -> list[jobs.Job]:
        """Return the waiting jobs."""
        with self.app.app_context():
            query = select(jobs.Job).where(jobs.Job.name == "probe").order_by(jobs.Job.id)
            return list(db.session.scalars(query))

    def run_due(self) -> None:
        """Do all jobs that are due, in this thread."""
        jobs.run_due(self.app)


@pytest.fixture
def probe(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Probe:
    """A probe whose jobs are tried for a day."""
    probe = Probe(app)
    monkeypatch.setitem(app.config, "PROBE_SECONDS", DAY)
    kind = Kind("probe", probe.do, "PROBE_SECONDS", probe.give_up)
    monkeypatch.setitem(KINDS, "probe", kind)
    return probe


@pytest.fixture
def working(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Worker]:
    """A worker that wakes when something is enqueued, and is stopped at the end."""
    monkeypatch.setitem(app.config, "JOBS_IN_PROCESS", True)
    started = Worker(app)
    monkeypatch.setitem(app.extensions, "jobs", started)
    yield started
    started.stop()
