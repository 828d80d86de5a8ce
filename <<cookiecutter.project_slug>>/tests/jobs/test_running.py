"""What becomes of the work of a job that fails."""

import sys

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

from app import jobs
from app.accounts import store
from app.accounts.models import Account
from app.extensions import db
from app.jobs import running
from app.jobs.queue import JobStopped
from tests.failing import failing_statement
from tests.jobs.conftest import Probe


def test_what_a_failed_job_wrote_is_rolled_back(app: Flask, account: str, probe: Probe) -> None:
    def action(_: jobs.Job) -> None:
        db.session.execute(update(Account).values(name="Grace"))
        raise ZeroDivisionError

    probe.action = action
    probe.enqueue()
    probe.run_due()
    assert len(probe.rows()) == 1
    with app.app_context():
        assert db.session.scalars(select(Account.name)).all() == ["Ada"]


def test_what_a_stopped_job_did_not_commit_is_rolled_back(
    app: Flask, account: str, probe: Probe
) -> None:
    def action(_: jobs.Job) -> None:
        db.session.execute(update(Account).values(name="Grace"))
        raise JobStopped

    probe.action = action
    probe.enqueue()
    with app.app_context():
        job = jobs.take()
        assert job is not None
        jobs.run(job)
        assert db.session.scalars(select(Account.name)).all() == ["Ada"]
    assert [row.tries for row in probe.rows()] == [0]


def test_a_job_cannot_end_the_process(probe: Probe) -> None:
    probe.action = lambda _: sys.exit(3)
    probe.enqueue()
    probe.run_due()
    (waiting,) = probe.rows()
    assert (waiting.last_error or "").startswith("SystemExit in ")


def test_the_line_of_a_failed_statement_is_that_of_who_executed_it(app: Flask) -> None:
    with (
        app.app_context(),
        pytest.raises(SQLAlchemyError) as caught,
        failing_statement(app, 0),
    ):
        store.by_email("ada@example.com")
    assert " in store.py, line " in running.describe(caught.value)
