"""What becomes of the work of a job that fails."""

import sys

from flask import Flask
from sqlalchemy import select, update

from app import jobs
from app.accounts.models import Account
from app.extensions import db
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


def test_a_job_cannot_end_the_process(probe: Probe) -> None:
    probe.action = lambda _: sys.exit(3)
    probe.enqueue()
    probe.run_due()
    (waiting,) = probe.rows()
    assert (waiting.last_error or "").startswith("SystemExit in ")
