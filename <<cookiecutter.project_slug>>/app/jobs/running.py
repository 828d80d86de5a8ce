"""Run one job and store its result."""

import logging
import traceback
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flask import Flask

from app.columns import now, timestamp
from app.extensions import db, transaction
from app.jobs import queue
from app.jobs.models import Job
from app.jobs.queue import JobCancelled, JobStopped
from app.jobs.registry import KINDS, JobFailed

logger = logging.getLogger(__name__)

# Where the code of jobs is, and in it the code that runs them.
APP, JOBS = str(Path(__file__).parents[1]), str(Path(__file__).parent)


@dataclass(frozen=True)
class Result:
    """The result of a job: done, or failed with an error and perhaps to be retried."""

    error: str = ""
    again_at: datetime | None = None


def run_due(app: Flask) -> int:
    """Do all jobs that are due, one after the other. Returns how many there were."""
    count = 0
    while run_next(app):
        count += 1
    return count


def run_next(app: Flask) -> bool:
    """Do the job that has been due longest. Returns whether there was one."""
    with app.app_context():
        job = queue.take()
        if job is None:
            return False
        run(job)
        return True


def run(job: Job) -> Result:
    """Do a job that was taken. If it fails it waits for its next try or, at last, is given up."""
    kind = KINDS.get(job.name)
    if job.give_up_at is not None and job.give_up_at <= now():
        return _give_up(job, job.last_error or "no worker did it in time")
    try:
        if kind is None:
            raise JobFailed("this version of the app does not know the job")
        kind.function(job)
    except JobCancelled:
        return Result()
    except JobStopped:
        queue.give_back(job)
        return Result()
    except JobFailed as error:
        if error.permanent:
            return _give_up(job, error.reason)
        return _fail(job, error.reason)
    except (Exception, SystemExit) as error:  # whatever it is, the other jobs go on
        return _fail(job, describe(error))
    with transaction():
        queue.finish(job, done=True)
    return Result()


def _fail(job: Job, error: str) -> Result:
    db.session.rollback()
    again_at = queue.put_back(job, error)
    if again_at is None:
        return _give_up(job, error)
    message = "Job %d (%s) failed, try %d; next try %s: %s"
    logger.warning(message, job.id, job.name, job.tries, timestamp(again_at), error)
    return Result(error, again_at)


def _give_up(job: Job, error: str) -> Result:
    """Delete a job that failed. Log it before the commit, so that none is lost silently."""
    kind = KINDS.get(job.name)
    job.last_error = error
    with transaction():
        if not queue.finish(job):
            return Result(error)
        if kind is None:  # newer code enqueued it, or a kind that was removed
            logger.error("Job given up: %s, account %s: %s", job.name, job.account_id, error)
        elif kind.gave_up is not None:
            kind.gave_up(job)
    return Result(error)


def describe(error: BaseException) -> str:
    """Return an error's type and place; its message may hold personal data."""
    frames = list(traceback.extract_tb(error.__traceback__))
    # Of the app's own code, if there is any: a line of a package says little about the cause.
    ours = [each for each in frames if each.filename.startswith(APP)]
    #: if cookiecutter.__backend == "postgresql"
    # It passes every statement on, also those of jobs.
    ours = [each for each in ours if Path(each.filename).name != "postgresql.py"]
    #: endif
    #: if cookiecutter.__backend == "mysql"
    # It passes every statement on, also those of jobs.
    ours = [each for each in ours if Path(each.filename).name != "mysql.py"]
    #: endif
    frames = [each for each in ours if not each.filename.startswith(JOBS)] or frames
    place = f" in {Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return f"{type(error).__name__}{place}"
