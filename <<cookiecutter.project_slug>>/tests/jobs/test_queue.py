"""Jobs: enqueued in a transaction, and taken by one worker at a time."""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from datetime import timedelta
from threading import Barrier

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select, update

from app import jobs
from app.accounts.limits import Rule
from app.columns import now
from app.extensions import db, on_commit, transaction
from app.jobs import queue
from app.jobs.queue import JobCancelled
from app.jobs.registry import KINDS, Kind
from tests.jobs.conftest import Probe

PAUSES = [60, 5 * 60, 15 * 60, 60 * 60, 3 * 60 * 60, 6 * 60 * 60, 12 * 60 * 60]
LEASE = timedelta(minutes=5)


def test_a_job_is_done_once_and_its_row_is_gone(probe: Probe) -> None:
    probe.enqueue(3)
    assert len(probe.rows()) == 3
    probe.run_due()
    assert len(probe.done) == len(set(probe.done)) == 3
    assert probe.rows() == []


def test_a_job_that_is_rolled_back_never_runs(app: Flask, probe: Probe) -> None:
    def fail() -> None:
        with transaction():
            jobs.enqueue("probe")
            raise ZeroDivisionError

    with app.app_context(), pytest.raises(ZeroDivisionError):
        fail()
    probe.run_due()
    assert probe.done == []


def test_enqueuing_needs_a_transaction(app: Flask, probe: Probe) -> None:
    with app.app_context(), pytest.raises(RuntimeError, match="inside a transaction"):
        jobs.enqueue("probe")


def test_callbacks_run_only_after_a_commit(app: Flask) -> None:
    called: list[str] = []

    def roll_back() -> None:
        with transaction():
            on_commit(lambda: called.append("rolled back"))
            raise ZeroDivisionError

    with app.app_context():
        with pytest.raises(ZeroDivisionError):
            roll_back()
        with transaction():
            on_commit(lambda: called.append("committed"))
            assert called == []
    assert called == ["committed"]


def test_only_one_of_many_workers_takes_a_job(app: Flask, probe: Probe) -> None:
    probe.enqueue(3)
    barrier = Barrier(6)

    def take(_: int) -> int:
        barrier.wait()
        return jobs.run_due(app)

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(take, range(6))) == 3
    assert len(probe.done) == 3


def test_only_one_of_two_workers_takes_the_row_that_both_saw(
    app: Flask, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = []

    def interrupted() -> AbstractContextManager[None]:
        monkeypatch.setattr(queue, "transaction", transaction)
        with app.app_context():
            taken.append(queue.take())
        return transaction()

    probe.enqueue()
    monkeypatch.setattr(queue, "transaction", interrupted)
    with app.app_context():
        assert queue.take() is None
    assert [job.tries for job in taken if job] == [1]


def test_a_job_whose_worker_died_is_taken_again_when_the_lease_ends(
    app: Flask, probe: Probe
) -> None:
    probe.enqueue()
    with app.app_context():
        assert queue.take() is not None  # and then the process is killed
    with time_machine.travel(now() + LEASE - timedelta(seconds=2), tick=False):
        probe.run_due()
    assert probe.done == []
    with time_machine.travel(now() + LEASE + timedelta(seconds=1), tick=False):
        probe.run_due()
    assert len(probe.done) == 1


def test_a_worker_whose_lease_ended_does_not_finish_the_job(app: Flask, probe: Probe) -> None:
    probe.enqueue()
    with app.app_context():
        slow = queue.take()
        assert slow is not None
        with time_machine.travel(now() + LEASE, tick=False):
            quick = queue.take()
            assert quick is not None
            with transaction():
                assert not queue.finish(slow)
            queue.put_back(slow, "late")
            with pytest.raises(JobCancelled), transaction():
                queue.hold(slow)
            with transaction():
                queue.hold(quick)
                assert queue.finish(quick)
    assert probe.rows() == []


def test_a_finished_job_is_deleted_although_its_lease_ended(app: Flask, probe: Probe) -> None:
    probe.enqueue()
    with app.app_context():
        slow = queue.take()
        assert slow is not None
        with time_machine.travel(now() + LEASE, tick=False):
            next_one = queue.take()
            assert next_one is not None
            jobs.run(slow)
            with pytest.raises(JobCancelled), transaction():
                queue.hold(next_one)
    assert len(probe.done) == 1
    assert probe.rows() == []


def test_pauses_grow_and_the_last_error_is_kept(probe: Probe, app: Flask) -> None:
    app.config["PROBE_SECONDS"] = 10 * 24 * 60 * 60
    probe.fail("the server is\nbusy")
    probe.enqueue()
    moment = now()
    for pause in [*PAUSES, PAUSES[-1]]:
        with time_machine.travel(moment, tick=False):
            probe.run_due()
            (row,) = probe.rows()
            assert (row.due_at - moment).total_seconds() == pause
            assert row.last_error == "the server is busy"
            moment = row.due_at
    assert probe.given_up == []


def test_the_last_try_comes_just_before_the_deadline(probe: Probe, app: Flask) -> None:
    app.config["PROBE_SECONDS"] = 60 * 60
    probe.fail()
    probe.enqueue()
    begin = moment = now()
    tries = []
    while probe.rows():
        with time_machine.travel(moment, tick=False):
            probe.run_due()
            tries.append((moment - begin).total_seconds())
            moment = max((row.due_at for row in probe.rows()), default=moment)
    assert tries[:4] == [0, 60, 6 * 60, 21 * 60]
    assert 58 * 60 <= tries[4] <= 59 * 60
    assert len(tries) == 5
    assert probe.given_up == ["not now"]


def test_a_job_past_its_deadline_is_given_up(probe: Probe) -> None:
    probe.enqueue()
    with time_machine.travel(now() + timedelta(days=1, seconds=1), tick=False):
        probe.run_due()
    assert probe.done == []
    assert probe.given_up == ["no worker did it in time"]


def test_an_impossible_job_is_given_up_at_once(probe: Probe) -> None:
    probe.fail("no such recipient", permanent=True)
    probe.enqueue()
    probe.run_due()
    assert probe.rows() == []
    assert probe.given_up == ["no such recipient"]


def test_an_error_in_a_job_is_logged_without_its_message(
    probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    def action(_: jobs.Job) -> None:
        raise ValueError("ada@example.com")

    probe.action = action
    probe.enqueue(2)
    probe.run_due()
    assert len(probe.rows()) == 2
    assert "ValueError in test_queue.py, line" in caplog.text
    assert "ada@example.com" not in caplog.text


def test_an_error_in_a_package_is_logged_with_the_line_of_the_app(
    probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    def action(_: jobs.Job) -> None:
        assert Rule("SECRET_KEY", "a secret is no number of attempts", ()).items

    probe.action = action
    probe.enqueue()
    probe.run_due()
    assert "ValueError in limits.py, line" in caplog.text


def test_a_job_of_another_version_waits(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    probe.enqueue()
    monkeypatch.delitem(KINDS, "probe")
    probe.run_due()
    (row,) = probe.rows()
    assert row.last_error == "this version of the app does not know the job"


@pytest.mark.parametrize("days", [-400, -1, 1, 30])
def test_changing_the_clock_loses_no_job(probe: Probe, app: Flask, days: int) -> None:
    app.config["PROBE_SECONDS"] = 1000 * 24 * 60 * 60
    probe.fail()
    with time_machine.travel(now() + timedelta(days=days), tick=False):
        probe.enqueue()
        probe.run_due()
    probe.action = lambda _: None
    with time_machine.travel(now() + timedelta(days=1, minutes=2), tick=False):
        probe.run_due()
    assert len(probe.done) == 1


def test_a_job_is_due_on_a_machine_whose_clock_is_a_minute_behind(probe: Probe) -> None:
    with time_machine.travel(now() + timedelta(minutes=1), tick=False):
        probe.enqueue()
    probe.run_due()
    assert len(probe.done) == 1


def test_a_thousand_jobs_each_run_once(probe: Probe, app: Flask) -> None:
    with app.app_context(), transaction():
        for _ in range(1000):
            jobs.enqueue("probe")
    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(jobs.run_due, [app, app])) == 1000
    assert len(set(probe.done)) == 1000


def test_a_job_of_an_unknown_kind_is_given_up_with_an_error(
    app: Flask, probe: Probe, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    probe.enqueue()
    monkeypatch.delitem(KINDS, "probe")
    with time_machine.travel(now() + timedelta(days=2), tick=False):
        probe.run_due()
    assert probe.rows() == []
    assert "Job given up: probe, account None" in caplog.text


def test_an_error_that_is_too_long_is_cut(probe: Probe, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    probe.fail("x" * 1000)
    probe.enqueue()
    probe.run_due()
    assert len(probe.rows()[0].last_error or "") == 200


def test_what_is_urgent_can_be_taken_first(
    app: Flask,
    probe: Probe,
    clock: time_machine.Traveller,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(app.config, "SOON_SECONDS", 60)
    soon = Kind("soon", probe.do, "SOON_SECONDS", probe.give_up, urgent=True)
    monkeypatch.setitem(KINDS, "soon", soon)
    names = ["probe", "soon", "soon"]
    for urgent_first, order in ((False, names), (True, ["soon", "soon", "probe"])):
        with app.app_context():
            for name in names:
                with transaction():
                    jobs.enqueue(name)
                clock.shift(1)
            taken = [queue.take(urgent_first=urgent_first) for _ in names]
            assert [job.name for job in taken if job] == order
            assert queue.take(urgent_first=urgent_first) is None
            with transaction():
                db.session.execute(delete(jobs.Job))


def test_the_delay_of_the_oldest_job_is_known(app: Flask, probe: Probe) -> None:
    with app.app_context():
        assert queue.seconds_late() <= 0
    probe.enqueue()
    with app.app_context():
        db.session.execute(update(jobs.Job).values(due_at=now() - timedelta(minutes=11)))
        db.session.commit()
        assert db.session.scalar(select(jobs.Job.id))
        assert 600 <= queue.seconds_late() <= 602
