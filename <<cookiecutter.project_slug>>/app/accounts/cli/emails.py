"""What `flask accounts` says about the emails that its commands cause."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import make_url

from app import jobs
from app.columns import timestamp
from app.commands import printable, say
from app.mail import mailbox


@with_appcontext
def warn_in_debug_mode() -> None:
    """Warn that no email is sent, and name the database: it may be the one in production."""
    if current_app.debug:
        url = make_url(current_app.config["SQLALCHEMY_DATABASE_URI"]).render_as_string()
        click.echo(f"Debug mode is on: no email is sent. The database is {url}.", err=True)


@contextmanager
def sending() -> Iterator[None]:
    """Send the emails that the block enqueues immediately, and print what happened to each.

    Raises ClickException for one that was given up.
    """
    with jobs.collected() as enqueued:
        yield
    for job_id, to in [(job.id, job.email) for job in enqueued]:
        job = jobs.take(job_id)
        if job is None:
            say(f"The email to {to} is being sent by another process.")
            continue
        result = jobs.run(job)
        if result.again_at is not None:
            when = timestamp(result.again_at)
            click.echo(printable(f"The email to {to} was not sent: {result.error}."), err=True)
            click.echo(f"It will be tried again at {when} by a running app or worker.", err=True)
        elif result.error:
            raise click.ClickException(f"The email to {to} could not be sent: {result.error}.")
        elif current_app.debug:
            folder = mailbox.folder_of_emails()
            say(f"Debug mode is on: the email to {to} was not sent, but kept in {folder}.")
        else:
            say(f"Sent an email to {to}.")
