"""What a purge deletes and keeps."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, text, update

from app import jobs
from app.accounts import authentication, limits, purge, recovery, registration, sessions, store
from app.accounts.client import Client
from app.accounts.limits import Rule
from app.accounts.models import (
    Account,
    Challenge,
    Device,
    LimitCounter,
    MailedToken,
    Session,
    TotpSetup,
)
from app.columns import now
from app.extensions import db, transaction
from app.jobs import queue
from app.jobs.worker import Worker
from tests.authenticator import begin, first_step, turn_on
from tests.conftest import PASSWORD, Inbox, add_account
from tests.work import counted

CLIENT = Client("192.0.2.1", "tests")
KIND = next(iter(sessions.IDLE_SETTINGS))


@pytest.mark.parametrize("ask", [registration.resend_confirmation, recovery.request_reset])
def test_an_account_stays_as_long_as_a_link_that_was_sent_works(
    app: Flask, inbox: Inbox, caplog: pytest.LogCaptureFixture, ask: Callable[[str, Client], None]
) -> None:
    email = add_account(app, confirmed=False)
    with app.app_context():
        account = store.by_email(email)
        assert account is not None
        with time_machine.travel(now() + timedelta(days=8), tick=False) as clock:
            ask(email, CLIENT)
            assert inbox.to(email)
            clock.shift(60)
            assert purge.purge()["accounts"] == 0
            clock.shift(timedelta(days=3))
            assert "account.purged" not in caplog.text
            assert purge.purge()["accounts"] == 1
            assert f'"event": "account.purged", "account_id": {account.id}' in caplog.text


def test_an_account_without_a_link_has_seven_days_to_confirm(app: Flask) -> None:
    add_account(app, confirmed=False)
    with app.app_context(), time_machine.travel(now() + timedelta(days=6, hours=23)) as clock:
        assert purge.purge()["accounts"] == 0
        clock.shift(timedelta(hours=1, seconds=1))
        assert purge.purge()["accounts"] == 1


def test_expired_devices_and_counters_are_removed(app: Flask, account: str) -> None:
    with app.app_context():
        authentication.sign_in(account, PASSWORD, CLIENT, KIND)
        with time_machine.travel(now() + timedelta(days=366), tick=False):
            limits.spend(Rule("LIMIT_MAIL_BY_IP", "tests", ()), CLIENT)
            purge.purge()
        for model, left in ((Device, 0), (LimitCounter, 1), (Account, 1)):
            assert db.session.scalar(select(func.count()).select_from(model)) == left


def test_every_row_goes_that_ends_now(
    app: Flask, account: str, inbox: Inbox, clock: time_machine.Traveller
) -> None:
    tables = (Device, Challenge, TotpSetup, LimitCounter, Session, MailedToken)
    with app.app_context():
        turn_on(authentication.sign_in(account, PASSWORD, CLIENT, KIND).session, CLIENT)
        first_step(account, CLIENT)
        eve = add_account(app, "eve@example.com")
        begin(authentication.sign_in(eve, PASSWORD, CLIENT, KIND).session)
        recovery.request_reset(eve, CLIENT)
        assert inbox.to(eve)
        for model in tables:
            db.session.execute(update(model).values(expires_at=now()))
            db.session.commit()
        purged = purge.purge()
    assert {name for name, number in purged.items() if number} == {
        model.__tablename__ for model in tables
    }


def test_rows_are_removed_in_batches(
    app: Flask, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "BATCH", 2)
    monkeypatch.setattr(purge, "ACCOUNTS", 1)
    for number in range(3):
        add_account(app, f"waiting{number}@example.com", confirmed=False)
    with app.app_context():
        for _ in range(5):
            authentication.sign_in(account, PASSWORD, CLIENT, KIND)
        with time_machine.travel(now() + timedelta(days=91), tick=False):
            with counted(app) as work:
                purged = purge.purge()
            assert (purged["sessions"], purged["accounts"]) == (5, 3)
            assert len([each for each in work if each.startswith("DELETE FROM sessions")]) == 3
            found = [each for each in work if "accounts.created_at <" in each and "LIMIT" in each]
            assert len(found) == 4
            assert all("ORDER BY accounts.id" in each for each in found)


def test_only_one_worker_at_a_time_purges(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purge, "ACCOUNTS", 1)
    for number in range(3):
        add_account(app, f"waiting{number}@example.com", confirmed=False)
    with app.app_context(), time_machine.travel(now() + timedelta(days=8), tick=False) as clock:
        queue.ensure_repeating()
        pauses = []

        def pause(seconds: float) -> None:
            pauses.append(seconds)
            clock.shift(app.config["JOB_LEASE_SECONDS"] - 1)
            assert queue.take() is None

        monkeypatch.setattr(purge, "time", SimpleNamespace(sleep=pause))
        job = queue.take()
        assert job is not None
        purge.purge_daily(job)
        assert len(pauses) == 3
        assert db.session.scalar(select(func.count()).select_from(Account)) == 0


def test_what_is_used_in_the_meantime_stays(
    app: Flask, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It changes between the moment at which it is found and the one at which it is deleted."""
    batch = purge._batch
    add_account(app, "waiting@example.com", confirmed=False)

    def use_meanwhile(key: Any, *arguments: Any) -> Any:
        keys = batch(key, *arguments)
        with transaction():
            if key.class_ is Session:
                db.session.execute(update(Session).values(expires_at=now() + timedelta(days=1)))
            if key.class_ is Account:
                db.session.execute(update(Account).values(confirmed_at=now()))
        return keys

    with app.app_context():
        authentication.sign_in(account, PASSWORD, CLIENT, KIND)
        monkeypatch.setattr(purge, "_batch", use_meanwhile)
        with time_machine.travel(now() + timedelta(days=91), tick=False):
            purged = purge.purge()
            assert (purged["sessions"], purged["accounts"]) == (0, 0)
        assert db.session.scalar(select(func.count()).select_from(Session)) == 1
        assert db.session.scalar(select(func.count()).select_from(Account)) == 2


def test_an_account_is_locked_before_it_is_looked_at_again(app: Flask) -> None:
    """A DELETE that waited for the row would not see a link that was sent while it did."""
    add_account(app, confirmed=False)
    with app.app_context(), time_machine.travel(now() + timedelta(days=8), tick=False):
        with counted(app) as work:
            assert purge.purge()["accounts"] == 1
        locking = str(select(Account.id).with_for_update(skip_locked=True).compile(db.engine))
    (deleted,) = (each for each in work if each.startswith("DELETE FROM accounts"))
    locked = work[work.index(deleted) - 1]
    assert locked.startswith("SELECT accounts.id")
    assert "LIMIT" not in locked  # that one finds the accounts
    assert locked.endswith(locking.rpartition("accounts")[2].strip())


def test_a_purge_stops_when_its_process_should_end(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "ACCOUNTS", 1)
    for number in range(3):
        add_account(app, f"waiting{number}@example.com", confirmed=False)
    worker = Worker(app)
    monkeypatch.setitem(app.extensions, "jobs", worker)
    with app.app_context(), time_machine.travel(now() + timedelta(days=8), tick=False):
        queue.ensure_repeating()
        job = queue.take()
        worker.stop()
        assert job is not None
        jobs.run(job)
        assert db.session.scalar(select(func.count()).select_from(Account)) == 2
        db.session.rollback()
        monkeypatch.setitem(app.extensions, "jobs", Worker(app))
        again = queue.take()  # by another process, at once
        assert again is not None
        assert (again.id, again.tries) == (job.id, 1)
        jobs.run(again)
        assert db.session.scalar(select(func.count()).select_from(Account)) == 0


@pytest.fixture
def referring(app: Flask) -> Iterator[str]:
    """A table of the owner's, with a foreign key that keeps accounts from being deleted."""
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE referring (account_id INTEGER NOT NULL,"
            " FOREIGN KEY (account_id) REFERENCES accounts (id))"
        )
    yield "referring"
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE referring")


def test_an_account_that_cannot_be_deleted_keeps_no_other(
    app: Flask, referring: str, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(3):
        add_account(app, f"waiting{number}@example.com", confirmed=False)
    with app.app_context():
        kept = store.by_email("waiting1@example.com")
        assert kept is not None
        with transaction():
            db.session.execute(text(f"INSERT INTO {referring} VALUES ({kept.id})"))  # noqa: S608
        with time_machine.travel(now() + timedelta(days=8), tick=False):
            assert purge.purge()["accounts"] == 2
            assert "Rows of accounts that foreign keys without `ondelete` keep: 1 (" in caplog.text
        command = app.test_cli_runner().invoke(args=["accounts", "delete", kept.email, "--yes"])
        assert command.exit_code == 1
        assert command.output.startswith("Error: Rows of another table forbid this: ")
        assert len(command.output.splitlines()) == 1


#: if cookiecutter.__backend != "sqlite"
def test_a_row_that_is_locked_keeps_no_other(app: Flask, account: str) -> None:
    for number in range(3):
        add_account(app, f"waiting{number}@example.com", confirmed=False)
    with app.app_context(), time_machine.travel(now() + timedelta(days=91), tick=False):
        one = select(Account.id).where(Account.email == "waiting1@example.com")
        locked = one.with_for_update()
        if "FOR UPDATE" not in str(locked.compile(db.engine)):
            pytest.skip("this database locks no single rows")
        with db.engine.begin() as other:
            other.execute(locked)
            assert purge.purge()["accounts"] == 2
        assert purge.purge()["accounts"] == 1


#: endif
def test_a_session_that_cannot_be_deleted_keeps_no_other_row(
    app: Flask, account: str, caplog: pytest.LogCaptureFixture
) -> None:
    add_account(app, "waiting@example.com", confirmed=False)
    with app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE visits (session_id INTEGER NOT NULL,"
            " FOREIGN KEY (session_id) REFERENCES sessions (id))"
        )
    try:
        with app.app_context():
            kept, _ = (authentication.sign_in(account, PASSWORD, CLIENT, KIND) for _ in range(2))
            with transaction():
                visit = f"INSERT INTO visits VALUES ({kept.session.id})"  # noqa: S608
                db.session.execute(text(visit))
            with time_machine.travel(now() + timedelta(days=91), tick=False):
                purged = purge.purge()
            assert (purged["sessions"], purged["accounts"]) == (1, 1)
            assert "Rows of sessions that foreign keys without `ondelete` keep: 1 (" in caplog.text
    finally:
        with app.app_context(), db.engine.begin() as connection:
            connection.exec_driver_sql("DROP TABLE visits")
