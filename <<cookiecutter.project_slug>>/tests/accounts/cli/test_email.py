"""What `flask accounts` reports about emails: sent, waiting or given up."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from app import jobs, mail
from app.accounts.cli.emails import sending
from app.columns import now
from app.extensions import db, transaction
from app.jobs.commands import duration
from tests.accounts.cli.running import run
from tests.accounts.mailing.shared import MailServer
from tests.conftest import Inbox, MakeApp, add_account


def test_an_email_that_was_sent_is_reported_as_sent(app: Flask, account: str) -> None:
    result = run(app, "reset-password", account)
    assert result.exit_code == 0
    assert result.output == f"Sent an email to {account}.\n"
    assert run(app, "jobs").output == "No jobs are waiting.\n"


def test_in_debug_mode_it_says_where_the_email_is_and_which_database_it_used(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = make_app(DEBUG=True)
    monkeypatch.setenv("FLASK_DEBUG", "1")
    app.instance_path = str(tmp_path)
    account = add_account(app)
    result = run(app, "reset-password", account)
    assert result.exit_code == 0
    assert "Sent" not in result.output
    assert f"the email to {account} was not sent, but kept in {tmp_path / 'mail'}" in result.output
    assert len(list((tmp_path / "mail").glob("*.eml"))) == 1
    shown = run(app, "list").stderr
    assert "Debug mode is on: no email is sent. The database is " in shown
    with app.app_context():
        assert f"{db.engine.url.database}.\n" in shown


def test_outside_debug_mode_neither_is_mentioned(app: Flask, account: str) -> None:
    assert run(app, "list").stderr == ""


def test_an_email_that_could_not_be_sent_waits(
    app: Flask, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    MailServer(monkeypatch).error = mail.DeliveryError("ConnectionRefusedError")
    result = run(app, "delete", account, "--yes")
    assert result.exit_code == 0
    reason, later = result.stderr.splitlines()
    assert reason == f"The email to {account} was not sent: ConnectionRefusedError."
    assert re.match(r"It will be tried again at \d{4}-\d\d-\d\dT", later)
    assert "account_deleted" in run(app, "jobs").output


def test_a_command_sends_its_own_emails_only(app: Flask, account: str, inbox: Inbox) -> None:
    with app.app_context(), transaction():
        jobs.enqueue("account_deleted", email="eve@example.com")
    assert run(app, "reset-password", account).output == f"Sent an email to {account}.\n"
    assert [mail.to for mail in inbox.sent] == [account]


def test_an_email_that_is_given_up_is_an_error(
    app: Flask, account: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    MailServer(monkeypatch).error = mail.DeliveryError("refused (550)", permanent=True)
    result = run(app, "reset-password", account)
    assert result.exit_code == 1
    assert f"Error: The email to {account} could not be sent: refused (550)." in result.output
    assert '"event": "mail.given_up"' in caplog.text
    assert '"reason": "refused (550)"' in caplog.text


def test_an_email_that_a_running_app_took_first_is_left_to_it(
    app: Flask, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "take", lambda _: None)
    result = run(app, "reset-password", account)
    assert result.output == f"The email to {account} is being sent by another process.\n"


def test_the_other_emails_of_a_command_are_sent(
    app: Flask, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    take, taken = jobs.take, iter([True])
    monkeypatch.setattr(jobs, "take", lambda number: None if next(taken, 0) else take(number))
    with app.app_context(), sending():
        for email in ("eve@example.com", account):
            with transaction():
                jobs.enqueue("account_deleted", email=email)
    with app.app_context():
        (waiting,) = db.session.scalars(select(jobs.Job))
        assert waiting.email == "eve@example.com"


@time_machine.travel("2026-01-31T12:00:00Z", tick=False)
def test_jobs_are_listed_on_one_line_each(app: Flask) -> None:
    with app.app_context():
        for email in ("ada@example.com", "eve@example.com"):
            with transaction():
                jobs.enqueue("account_deleted", email=email)
        with transaction():
            created = now() - timedelta(minutes=7)
            waits = {"tries": 3, "due_at": now() + timedelta(hours=1, minutes=1)}
            failed = {"last_error": "timed\x1b[2J out", "created_at": created, **waits}
            db.session.execute(
                update(jobs.Job).where(jobs.Job.email == "ada@example.com").values(failed)
            )
    result = run(app, "jobs")
    assert result.exit_code == 0
    first, second = (line.split("\t")[1:] for line in result.stdout.splitlines())
    assert first[:5] == ["account_deleted", "account -", "7 min old", "3 tries", "next in 1 h"]
    assert "timed" in first[5]
    assert second == ["account_deleted", "account -", "0 s old", "0 tries", "due", "-"]
    assert "\x1b" not in result.output
    assert "@" not in result.output
    assert result.stderr == "2 jobs in all, 1 due.\n"
    fewer = run(app, "jobs", "--limit", "1")
    assert fewer.stdout.splitlines() == result.stdout.splitlines()[:1]
    assert fewer.stderr == result.stderr


@pytest.mark.parametrize(
    ("seconds", "words"), [(-1, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (90000, "1 d")]
)
def test_durations_are_shown_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words
