"""The queue: add jobs, take them with a lease, delete them."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from flask import current_app
from sqlalchemy import Update, delete, func, select, update
from sqlalchemy.exc import IntegrityError

from app.columns import now
from app.extensions import changed_rows, db, on_commit, transaction
from app.jobs.models import ERROR_LENGTH, Job
from app.jobs.registry import KINDS
from app.per_app import PerApp

if TYPE_CHECKING:
    from app.jobs.worker import Worker

WORKER: PerApp["Worker"] = PerApp("jobs")
# The last try comes this long before a job is given up.
LAST_TRY = timedelta(minutes=1)
# One that would wait this much longer than any pause was enqueued by a wrong clock.
TOO_FAR = timedelta(days=2)


_collected: ContextVar[list[Job] | None] = ContextVar("_collected", default=None)


class JobCancelled(Exception):
    """The job was cancelled, or another worker took it, while this one was doing it."""


class JobStopped(Exception):
    """The process is about to end, and the job lets another worker go on with it."""


def enqueue(
    name: str, *, email: str | None = None, account_id: int | None = None, **arguments: int | str
) -> None:
    """Enqueue a job, which runs soon after the transaction around this call is committed.

    `email` is whom it is about where nothing was looked up yet; a job about an account is
    deleted with it.
    """
    kind = KINDS[name]
    seconds = current_app.config[kind.deadline] if kind.deadline else None
    job = Job(
        name=name,
        account_id=account_id,
        email=email,
        arguments=json.dumps(arguments),
        due_at=now() - _skew(),  # due on every server, whatever its clock says
        give_up_at=now() + timedelta(seconds=seconds) if seconds else None,
        repeats=name if kind.pause else None,
    )
    db.session.add(job)
    jobs = _collected.get()
    if jobs is None:
        on_commit(WORKER.current().wake)
    else:
        on_commit(lambda: jobs.append(job))


@contextmanager
def collected() -> Iterator[list[Job]]:
    """Gather the jobs that the block enqueues, for a caller that runs them itself."""
    jobs: list[Job] = []
    token = _collected.set(jobs)
    try:
        yield jobs
    finally:
        _collected.reset(token)


def ensure_repeating() -> None:
    """Enqueue each job that repeats, unless it's there already: the database decides."""
    for kind in KINDS.values():
        if kind.pause is None or db.session.scalar(select(Job.id).where(Job.repeats == kind.name)):
            continue
        try:
            with transaction():
                enqueue(kind.name)
        except IntegrityError:
            continue  # another process was quicker


def take(job_id: int | None = None, *, urgent_first: bool = False) -> Job | None:
    """Take the job that has been due longest, or the one with an id, until its lease ends.

    With `urgent_first`, take another only if no urgent one is due. Of several workers that want
    the same row, the one whose UPDATE finds it unchanged wins.
    """
    while True:
        job = _next(job_id, urgent_first)
        if job is None:
            return None
        # From here on a note of what the row said, which no commit writes back.
        db.session.expunge(job)
        lease = _update(job).where(Job.due_at == job.due_at)
        with transaction():
            taken = changed_rows(lease.values(due_at=_lease_end(), tries=job.tries + 1))
        if taken:
            job.tries += 1
            return job


def hold(job: Job) -> None:
    """Check, inside a transaction, that a job is still to be done, and keep it so until its end.

    Raises:
        JobCancelled: It was cancelled, or its lease ended and another worker took it.
    """
    if not changed_rows(_update(job).values(due_at=_lease_end())):
        raise JobCancelled


def cancel(*names: str, account_id: int, email: str | None = None) -> None:
    """Delete the jobs with these names, or all jobs, that are about an account or its address.

    Jobs of other accounts that are changing to this address are kept.
    """
    about_either = [Job.account_id == account_id]
    if email is not None:
        about_either.append(Job.account_id.is_(None) & (Job.email == email))
    # Two statements, each along an index: a server may lock every row that it looks at.
    for about in about_either:
        jobs = delete(Job).where(about)
        db.session.execute(jobs.where(Job.name.in_(names)) if names else jobs)


def check_stop() -> None:
    """Raise JobStopped if this process is about to end, for a job that takes long.

    It is taken again by the next worker, so it calls this where nothing it did would be lost.
    """
    if WORKER.current().stopping:
        raise JobStopped


def give_back(job: Job) -> None:
    """Have a job that was stopped wait for another worker. What it didn't commit is rolled back."""
    db.session.rollback()
    with transaction():
        db.session.execute(_update(job).values(due_at=now() - _skew(), tries=job.tries - 1))


def finish(job: Job, *, done: bool = False) -> bool:
    """Delete a job, or have it wait until it repeats. Returns whether this worker did that.

    One that is `done` is done even if its lease ended meanwhile. Otherwise an email would be sent,
    or a report made, without end by workers that are all slower than the lease.
    """
    mine = (Job.id == job.id) if done else (Job.id == job.id) & (Job.tries == job.tries)
    pause = KINDS[job.name].pause if job.name in KINDS else None
    if pause is None:
        return changed_rows(delete(Job).where(mine)) == 1
    again = update(Job).where(mine).values(due_at=now() + pause, tries=0, last_error=None)
    return changed_rows(again.execution_options(synchronize_session=False)) == 1


def put_back(job: Job, error: str) -> datetime | None:
    """Have a job that failed wait for its next try. Returns when that is, None if there is none."""
    pauses = current_app.config["JOB_PAUSES_SECONDS"]
    due_at = now() + timedelta(seconds=pauses[min(job.tries, len(pauses)) - 1])
    if job.name not in KINDS and job.tries > len(pauses):
        return None  # by now every worker should run the code that knows it
    if job.give_up_at is not None:
        due_at = min(due_at, job.give_up_at - LAST_TRY)
        if due_at <= now():
            return None
    last_error = " ".join(error.split())[:ERROR_LENGTH]
    with transaction():
        db.session.execute(_update(job).values(due_at=due_at, last_error=last_error))
    return due_at


def seconds_late() -> float:
    """Return how long the oldest job has been due without being taken."""
    oldest = db.session.scalar(select(func.min(Job.due_at)))
    return 0 if oldest is None else (now() - _skew() - oldest).total_seconds()


def _next(job_id: int | None, urgent_first: bool) -> Job | None:
    """Return the job to take next."""
    first = select(Job).order_by(Job.due_at, Job.id).limit(1)
    if job_id is not None:
        first = first.where(Job.id == job_id)
    # Two statements, each along the index: for an OR, some databases would read all of it.
    due, too_far = Job.due_at <= now(), Job.due_at > now() + _longest_pause() + TOO_FAR
    if urgent_first:
        urgent = [kind.name for kind in KINDS.values() if kind.urgent]
        job = db.session.scalar(first.where(due, Job.name.in_(urgent)))
        if job is not None:
            return job
    return db.session.scalar(first.where(due)) or db.session.scalar(first.where(too_far))


def _longest_pause() -> timedelta:
    retries = (timedelta(seconds=each) for each in current_app.config["JOB_PAUSES_SECONDS"])
    repeats = (kind.pause for kind in KINDS.values() if kind.pause is not None)
    return max(timedelta(), *retries, *repeats)


def _lease_end() -> datetime:
    return now() + timedelta(seconds=current_app.config["JOB_LEASE_SECONDS"])


def _update(job: Job) -> Update:
    """Return an UPDATE of the job's row that finds it only while this worker has it."""
    mine = update(Job).where(Job.id == job.id, Job.tries == job.tries)
    return mine.execution_options(synchronize_session=False)


def _skew() -> timedelta:
    return timedelta(seconds=current_app.config["CLOCK_SKEW_SECONDS"])
