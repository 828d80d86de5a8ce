"""`flask accounts jobs` and `flask accounts work`."""

import signal
from threading import Event

import click
from flask import current_app
from sqlalchemy import func, select

from app.columns import now
from app.commands import count, say
from app.extensions import db, in_pages
from app.jobs.models import Job
from app.jobs.queue import WORKER


@click.command("jobs")
@click.option("--limit", type=click.IntRange(min=1), help="Show at most this many jobs.")
def list_jobs(limit: int | None) -> None:
    """List waiting jobs, oldest first: ID, name, account, age, attempts, next attempt, last error."""
    job = None
    for job in in_pages(select(Job), Job.id, limit):
        age = duration((now() - job.created_at).total_seconds())
        wait = (job.due_at - now()).total_seconds()
        say(
            job.id,
            job.name,
            f"account {job.account_id or '-'}",
            f"{age} old",
            f"{job.tries} tries",
            f"next in {duration(wait)}" if wait > 0 else "due",
            job.last_error or "-",
        )
    if job is None:
        say("No jobs are waiting.")
        return
    waiting = select(func.count()).select_from(Job)
    due = db.session.scalar(waiting.where(Job.due_at <= now()))
    # Not among the lines that a script counts.
    click.echo(f"{count(db.session.scalars(waiting).one(), 'job')} in all, {due} due.", err=True)


@click.command("work")
def work() -> None:
    """Run jobs until SIGTERM or Ctrl+C. Running jobs are finished first.

    \b
    Run any number of these, on any machine, and set JOBS_IN_PROCESS=false for the web servers.
    """
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    from app import compile_templates

    compile_templates(current_app)
    worker = WORKER.current()
    worker.start(always=True)
    say("Waiting for jobs. Press Ctrl+C to stop.")
    stop.wait()
    worker.stop()


def duration(seconds: float) -> str:
    """Return a duration in its largest unit, such as "5 min"."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(max(seconds, 0))} s"
