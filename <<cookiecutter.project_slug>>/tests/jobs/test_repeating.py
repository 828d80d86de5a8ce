"""Jobs that repeat: one row each, whatever happens to it."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from app import jobs
from app.columns import now
from app.extensions import db, transaction
from app.jobs import queue
from app.jobs.registry import KINDS, Kind
from tests.jobs.conftest import Probe

LEASE = timedelta(minutes=5)


@pytest.fixture
def repeating(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> Probe:
    """A kind of job that repeats every day."""
    monkeypatch.setitem(KINDS, "probe", Kind("probe", probe.do, pause=timedelta(days=1)))
    return probe


def test_a_repeating_job_that_outlasts_its_lease_waits_for_its_next_time(
    app: Flask, repeating: Probe
) -> None:
    with app.app_context():
        queue.ensure_repeating()
        slow = queue.take()
        assert slow is not None
        with time_machine.travel(now() + LEASE, tick=False):
            assert queue.take() is not None  # another worker, which is as slow
            jobs.run(slow)
    with time_machine.travel(now() + timedelta(hours=23), tick=False):
        repeating.run_due()
    assert len(repeating.done) == 1


def test_a_job_that_was_done_a_moment_ago_is_not_taken(
    app: Flask, repeating: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker sees that it is due, and another one takes and finishes it."""

    def interrupted() -> AbstractContextManager[None]:
        monkeypatch.setattr(queue, "transaction", transaction)
        repeating.run_due()
        return transaction()

    with app.app_context():
        queue.ensure_repeating()
        monkeypatch.setattr(queue, "transaction", interrupted)
        assert queue.take() is None
    assert len(repeating.done) == 1


def test_a_repeating_job_has_one_row(app: Flask, repeating: Probe) -> None:
    barrier = Barrier(4)

    def ensure(_: int) -> None:
        with app.app_context():
            barrier.wait()
            queue.ensure_repeating()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ensure, range(4)))
    assert len(repeating.rows()) == 1
    for day in range(3):
        with time_machine.travel(now() + timedelta(days=day, minutes=1), tick=False):
            repeating.run_due()
            repeating.run_due()
    assert len(repeating.done) == 3
    assert [row.tries for row in repeating.rows()] == [0]


def test_a_job_that_repeats_after_a_week_waits_a_week(
    app: Flask, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, "probe", Kind("probe", probe.do, pause=timedelta(days=7)))
    with app.app_context():
        queue.ensure_repeating()
    for day in range(8):
        with time_machine.travel(now() + timedelta(days=day, minutes=1), tick=False):
            probe.run_due()
    assert len(probe.done) == 2


def test_a_repeating_job_that_was_removed_is_given_up(
    app: Flask, repeating: Probe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context():
        queue.ensure_repeating()
        db.session.execute(update(jobs.Job).values(created_at=now() - timedelta(days=365)))
        db.session.commit()
    monkeypatch.delitem(KINDS, "probe")
    left = []
    for hours in range(0, 96, 6):
        with time_machine.travel(now() + timedelta(hours=hours), tick=False):
            repeating.run_due()
        left.append(len(repeating.rows()))
    assert left[:4] == [1, 1, 1, 1]  # an update may still be under way
    assert left[-1] == 0
    assert "Job given up: probe, account None" in caplog.text


def test_a_repeating_job_that_fails_is_never_given_up(app: Flask, repeating: Probe) -> None:
    repeating.fail()
    with app.app_context():
        queue.ensure_repeating()
    for day in range(30):
        with time_machine.travel(now() + timedelta(days=day, minutes=1), tick=False):
            repeating.run_due()
    assert len(repeating.rows()) == 1
