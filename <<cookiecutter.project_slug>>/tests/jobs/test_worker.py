"""The threads that do jobs, in a web server's process or in one of their own."""

from datetime import timedelta
from threading import Barrier, Event, Semaphore, Thread
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from app import jobs
from app.columns import now
from app.extensions import db, transaction
from app.jobs import queue, worker
from app.jobs.registry import KINDS, Kind
from app.jobs.worker import Worker
from tests.conftest import MakeApp
from tests.jobs.conftest import Probe

SECONDS = 300  # only guards against hanging


def test_the_first_job_starts_the_worker_and_a_commit_wakes_it(
    app: Flask, probe: Probe, working: Worker
) -> None:
    done = Event()
    probe.action = lambda _: done.set()
    for _ in range(3):
        done.clear()
        probe.enqueue()
        # Far sooner than it looks by itself.
        assert done.wait(SECONDS)


def test_a_process_of_its_own_looks_for_jobs_often(
    app: Flask, probe: Probe, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, looked = Event(), Semaphore(0)
    probe.action = lambda _: done.set()
    monkeypatch.setattr(worker, "POLL", SECONDS)
    alone = Worker(app)
    monkeypatch.setattr(alone, "_warn_if_late", looked.release)
    alone._prepared = True  # without jobs that repeat, which would wake it
    alone.start(always=True)
    try:
        assert all(looked.acquire(timeout=SECONDS) for _ in range(worker.THREADS + 1))
        probe.enqueue()  # by another process: nobody wakes this one
        assert done.wait(SECONDS / 3)
    finally:
        alone.stop()


def test_without_memory_for_a_thread_the_next_job_starts_it(
    app: Flask, probe: Probe, working: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Thread) -> None:
        raise RuntimeError("can't start new thread")

    done = Event()
    probe.action = lambda _: done.set()
    with monkeypatch.context() as patches:
        patches.setattr(Thread, "start", fail)
        probe.enqueue()
    probe.enqueue()
    assert done.wait(SECONDS)


def test_a_rollback_does_not_wake_the_worker(app: Flask, probe: Probe, working: Worker) -> None:
    def fail() -> None:
        with transaction():
            jobs.enqueue("probe")
            raise ZeroDivisionError

    with app.app_context(), pytest.raises(ZeroDivisionError):
        fail()
    assert working._threads == []


def test_jobs_of_a_killed_process_run_at_the_next_start(
    app: Flask, probe: Probe, working: Worker
) -> None:
    done = Event()
    with app.app_context(), jobs.collected(), transaction():
        jobs.enqueue("probe")  # without a signal to the workers
    probe.action = lambda _: done.set()
    jobs.start(app)
    assert done.wait(SECONDS)


def test_a_stuck_job_does_not_hold_up_the_others(probe: Probe, working: Worker) -> None:
    stuck, go_on, others = Event(), Event(), Event()

    def action(job: jobs.Job) -> None:
        if not stuck.is_set():
            stuck.set()
            assert go_on.wait(SECONDS)
        elif len(probe.done) == 4:
            others.set()

    probe.action = action
    probe.enqueue()
    assert stuck.wait(SECONDS)
    probe.enqueue(5)
    assert others.wait(SECONDS)
    go_on.set()


def test_one_thread_does_what_is_urgent_and_one_what_waits_longest(
    app: Flask, probe: Probe, working: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, both, done = [], Barrier(2), Event()

    def action(job: jobs.Job) -> None:
        if not done.is_set():
            taken.append(job.name)
            both.wait(SECONDS)
            done.set()

    probe.action = action
    monkeypatch.setitem(app.config, "SOON_SECONDS", 60)
    soon = Kind("soon", probe.do, "SOON_SECONDS", probe.give_up, urgent=True)
    monkeypatch.setitem(KINDS, "soon", soon)
    with app.app_context(), jobs.collected(), transaction():
        for name in ("probe", "probe", "soon", "soon"):
            jobs.enqueue(name)
    working._prepared = True  # without jobs that repeat
    jobs.start(app)
    assert done.wait(SECONDS)
    assert sorted(taken) == ["probe", "soon"]


def test_a_watcher_is_left_while_every_thread_is_stuck(
    probe: Probe, working: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, go_on, watched = Semaphore(0), Event(), Event()

    def action(_: jobs.Job) -> None:
        stuck.release()
        assert go_on.wait(SECONDS)

    probe.action = action
    monkeypatch.setattr(worker, "POLL", 0.05)
    probe.enqueue(worker.THREADS)
    assert all(stuck.acquire(timeout=SECONDS) for _ in range(worker.THREADS))
    monkeypatch.setattr(working, "_warn_if_late", watched.set)
    assert watched.wait(SECONDS)
    go_on.set()


def test_nothing_ends_a_thread(
    probe: Probe, working: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed, done, wait = Event(), Event(), working._wait

    def fail_once() -> None:
        monkeypatch.setattr(working, "_wait", wait)
        failed.set()
        raise RuntimeError("can't allocate lock")

    monkeypatch.setattr(worker, "THREADS", 1)
    monkeypatch.setattr(worker, "BACKOFF", 0.05)
    monkeypatch.setattr(working, "_wait", fail_once)
    working.start()
    assert failed.wait(SECONDS)
    probe.action = lambda _: done.set()
    probe.enqueue()
    assert done.wait(SECONDS)


def test_one_signal_is_enough_for_several_jobs(
    app: Flask, probe: Probe, working: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, begun, go_on = Semaphore(0), Semaphore(0), Event()

    def action(_: jobs.Job) -> None:
        begun.release()
        assert go_on.wait(SECONDS)

    monkeypatch.setattr(worker, "POLL", SECONDS)
    monkeypatch.setattr(working, "_warn_if_late", looked.release)
    working._prepared = True  # without jobs that repeat, which would wake it
    probe.action = action
    jobs.start(app)
    assert all(looked.acquire(timeout=SECONDS) for _ in range(worker.THREADS + 1))
    with app.app_context(), jobs.collected(), transaction():
        jobs.enqueue("probe")
        jobs.enqueue("probe")
    working.wake()
    try:
        assert all(begun.acquire(timeout=SECONDS / 3) for _ in range(2))
    finally:
        go_on.set()


def test_stopping_finishes_the_current_job_and_leaves_the_others(
    probe: Probe, working: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "THREADS", 1)
    begun, go_on = Event(), Event()

    def action(_: jobs.Job) -> None:
        begun.set()
        assert go_on.wait(SECONDS)

    probe.action = action
    probe.enqueue(3)
    assert begun.wait(SECONDS)
    working._stopping.set()
    go_on.set()
    working.stop()
    assert len(probe.done) == 1
    assert len(probe.rows()) == 2


def test_a_process_that_ends_waits_for_its_current_jobs(
    app: Flask, working: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered: list[object] = []
    at_exit = SimpleNamespace(register=registered.append, unregister=lambda _: None)
    monkeypatch.setattr(worker, "atexit", at_exit)
    jobs.start(app)
    assert registered == [working.stop]


def test_the_worker_waits_for_the_database_and_logs_it_once(
    probe: Probe,
    working: Worker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    done, take, failures = Event(), queue.take, iter(range(3))

    def interrupted(**options: bool) -> jobs.Job | None:
        if next(failures, None) is not None:
            raise OperationalError("SELECT 'ada@example.com'", {}, Exception("away"))
        return take(**options)

    monkeypatch.setattr(worker, "BACKOFF", 0.01)
    monkeypatch.setattr(queue, "take", interrupted)
    probe.action = lambda _: done.set()
    # One thread alone: another that reaches the database would say that it is back.
    working._threads.append(Thread(target=working._loop, args=(True, True)))
    probe.enqueue()
    working._threads[0].start()
    assert done.wait(SECONDS)
    working.stop()
    assert caplog.text.count("Jobs wait until the database is available") == 1
    assert caplog.text.count("The database is available again") == 1
    assert "ada@example.com" not in caplog.text


def test_without_jobs_in_process_a_serving_process_only_warns_of_late_jobs(
    make_app: MakeApp, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app()
    probe.enqueue()
    with app.app_context(), transaction():
        db.session.execute(update(jobs.Job).values(due_at=now() - timedelta(minutes=10)))
    jobs.start(app)
    watching = app.extensions["jobs"]
    assert len(watching._threads) == 1
    watching.stop()
    watching._warn_if_late()
    watching._warn_if_late()
    assert caplog.text.count("The oldest job is 5") == 1
    assert probe.done == []
    assert app.test_client().get("/healthz").status_code == 200


def test_jobs_on_time_cause_no_warning(
    app: Flask, probe: Probe, caplog: pytest.LogCaptureFixture
) -> None:
    probe.enqueue()
    Worker(app)._warn_if_late()
    assert caplog.text == ""


def test_an_error_while_giving_up_a_job_does_not_stop_others(
    probe: Probe,
    working: Worker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    done = Event()

    def give_up(_: jobs.Job) -> None:
        raise LookupError("ada@example.com")

    def action(job: jobs.Job) -> None:
        if job.id == first:
            raise jobs.JobFailed("never", permanent=True)
        done.set()

    monkeypatch.setattr(worker, "THREADS", 1)
    monkeypatch.setattr(worker, "BACKOFF", 0.01)
    monkeypatch.setitem(KINDS, "probe", Kind("probe", probe.do, "PROBE_SECONDS", give_up))
    with probe.app.app_context(), jobs.collected(), transaction():
        jobs.enqueue("probe")
        jobs.enqueue("probe")
    first = probe.rows()[0].id
    probe.action = action
    jobs.start(probe.app)
    assert done.wait(SECONDS)
    working.stop()
    assert "LookupError in test_worker.py" in caplog.text
    assert "ada@" not in caplog.text
