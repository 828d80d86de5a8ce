"""Background jobs, stored as rows in the database.

A job is enqueued in the request's own transaction, so nothing is lost that was committed, and
nothing is done that was rolled back. Workers take rows with a lease: if a process is killed,
another worker takes the job when the lease ends. So a job runs at least once, sometimes twice,
and whenever it runs it checks what allowed it.
"""

from flask import Flask

from app.jobs.models import Job
from app.jobs.queue import WORKER, cancel, check_stop, collected, enqueue, hold, take
from app.jobs.registry import JobFailed, every, job
from app.jobs.running import Result, run, run_due
from app.jobs.worker import Worker

__all__ = [
    "Job",
    "JobFailed",
    "Result",
    "cancel",
    "check_stop",
    "collected",
    "enqueue",
    "every",
    "hold",
    "init_app",
    "job",
    "run",
    "run_due",
    "start",
    "take",
]


def init_app(app: Flask) -> None:
    """Give the app its worker. It starts with `start`, or with the first job enqueued."""
    WORKER.set(app, Worker(app))


def start(app: Flask) -> None:
    """Start the worker of a serving process: after the server has forked it, never before."""
    WORKER.of(app).start()
