"""The emails about accounts as jobs: what is sent, to whom, and what cancels it."""

import json
import logging
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from app import jobs, mail
from app.accounts import (
    access,
    authentication,
    changes,
    events,
    mailing,
    recovery,
    registration,
    sessions,
    store,
    tokens,
)
from app.accounts.client import Client
from app.accounts.errors import InvalidToken, UsedToken
from app.accounts.models import Account, MailedToken
from app.columns import now
from app.extensions import db
from app.mail import Email, emails
from tests.conftest import PASSWORD, Inbox, add_account

CLIENT = Client("192.0.2.1", "tests")
KIND = next(iter(sessions.IDLE_SETTINGS))
NEW = "countess@example.com"
OTHER_PASSWORD = "tangerine lorry at dusk"


class MailServer:
    """Records the emails that are sent, or fails as a test tells it to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: Exception | None = None
        self.sent: list[Email] = []
        self.ids: list[str | None] = []
        monkeypatch.setattr(mail, "send", self.send)

    def send(self, email: Email, message_id: str | None = None) -> None:
        """Record an email, then fail if told to, although it may have arrived."""
        if email.to:
            self.sent.append(email)
            self.ids.append(message_id)
        if self.error is not None:
            raise self.error


@pytest.fixture
def mail_server(monkeypatch: pytest.MonkeyPatch) -> MailServer:
    """A mail server that can fail on demand."""
    return MailServer(monkeypatch)


def subjects(inbox: Inbox, address: str) -> list[str]:
    """Return what was sent to an address."""
    return [message.subject.split(" · ")[0] for message in inbox.to(address)]


def signed_in(account: str) -> authentication.SignedIn:
    """Start a session of the account."""
    return authentication.sign_in(account, PASSWORD, CLIENT, KIND)


def rows(app: Flask) -> list[jobs.Job]:
    """Return the jobs that wait."""
    with app.app_context():
        return list(db.session.scalars(select(jobs.Job).order_by(jobs.Job.id)))


def test_no_row_holds_a_token_or_a_password(app: Flask, account: str, inbox: Inbox) -> None:
    with app.app_context():
        registration.register("Grace", "grace@example.com", PASSWORD, CLIENT)
        recovery.request_reset(account, CLIENT)
        current = signed_in(account)
        changes.request_email_change(current.session, NEW, CLIENT)
        changes.change_password(current.session, PASSWORD, OTHER_PASSWORD, CLIENT)
        owner = store.by_email(account)
        assert owner is not None
        hashes = [owner.password_hash, current.session.token_hash]
    table = jobs.Job.__table__
    with app.app_context():
        stored = repr(db.session.execute(select(*table.columns)).all())
    assert stored.count("@example.com") >= 3
    for secret in (PASSWORD, OTHER_PASSWORD, current.token, *hashes):
        assert secret not in stored


def test_an_outage_of_an_hour_neither_loses_nor_repeats_emails(
    app: Flask, account: str, mail_server: MailServer
) -> None:
    begin = now()
    with app.app_context():
        registration.register("Grace", "grace@example.com", PASSWORD, CLIENT)
        registration.register("Eve", account, PASSWORD, CLIENT)
        current = signed_in(account)
        changes.change_password(current.session, PASSWORD, OTHER_PASSWORD, CLIENT)
    mail_server.error = mail.DeliveryError("ConnectionRefusedError")
    for minute in range(60):
        with time_machine.travel(begin + timedelta(minutes=minute), tick=False):
            jobs.run_due(app)
    assert len(rows(app)) == 3
    mail_server.error = None
    mail_server.sent.clear()
    for minute in range(60, 90):
        with time_machine.travel(begin + timedelta(minutes=minute), tick=False):
            jobs.run_due(app)
    assert sorted(email.subject for email in mail_server.sent) == [
        "Confirm your email address",
        "You already have an account",
        "Your password was changed",
    ]
    assert rows(app) == []


@pytest.mark.parametrize(
    ("name", "hours"),
    [("reset", 1), ("confirmation", 24), ("password_changed", 48), ("account_deleted", 48)],
)
def test_an_email_is_given_up_after_its_time(
    app: Flask,
    account: str,
    mail_server: MailServer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    hours: int,
) -> None:
    monkeypatch.setattr(events.logger, "propagate", True)
    caplog.set_level(logging.INFO)
    begin = now()
    with app.app_context():
        owner = store.by_email(account)
        assert owner is not None
        account_id = owner.id
        if name == "confirmation":
            db.session.execute(update(Account).values(confirmed_at=None))
            db.session.commit()
            registration.resend_confirmation(account, CLIENT)
        elif name == "reset":
            recovery.request_reset(account, CLIENT)
        elif name == "account_deleted":
            changes.remove(owner, CLIENT)
        else:
            recovery.replace_password(owner, owner.password_hash, CLIENT)
    mail_server.error = mail.DeliveryError("the mail server refused the email (451)")
    last_try = begin
    while waiting := rows(app):
        last_try = max(begin, waiting[0].due_at)
        with time_machine.travel(last_try, tick=False):
            jobs.run_due(app)
    assert timedelta(hours=hours, minutes=-1, seconds=-5) <= last_try - begin
    assert last_try - begin < timedelta(hours=hours)
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in errors] == [
        f"Email given up: {name}, account {account_id}, {len(mail_server.sent)} tries:"
        " the mail server refused the email (451)"
    ]
    event = json.loads(caplog.records[-1].getMessage())
    assert (event["event"], event["account_id"]) == ("mail.given_up", account_id)
    assert event["email"] == name
    assert account not in "".join(
        record.getMessage() for record in caplog.records if "given up" in record.getMessage()
    )


def test_a_refused_recipient_is_given_up_at_once(
    app: Flask, account: str, mail_server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    mail_server.error = mail.DeliveryError("refused (550)", permanent=True)
    with app.app_context():
        recovery.request_reset(account, CLIENT)
    jobs.run_due(app)
    assert rows(app) == []
    assert "given up: reset" in caplog.text


def ask(kind: str, account: str) -> None:
    """Request an email with a link, needing an app context."""
    if kind == "reset":
        recovery.request_reset(account, CLIENT)
    elif kind == "invitation":
        registration.invite("Grace", "grace@example.com")
    elif kind == "confirmation":
        registration.register("Grace", "grace@example.com", PASSWORD, CLIENT)
    else:
        changes.request_email_change(signed_in(account).session, NEW, CLIENT)


@pytest.mark.parametrize(
    ("kind", "purpose"),
    [
        ("reset", "reset"),
        ("invitation", "reset"),
        ("confirmation", "confirm"),
        ("email_change", "email"),
    ],
)
def test_every_link_of_one_job_works(
    app: Flask, account: str, mail_server: MailServer, kind: str, purpose: str
) -> None:
    with app.app_context():
        ask(kind, account)
    # The mail server has the email, but the worker never learns of it.
    mail_server.error = mail.DeliveryError("SMTPServerDisconnected")
    jobs.run_due(app)
    mail_server.error = None
    with time_machine.travel(now() + timedelta(minutes=2), tick=False):
        jobs.run_due(app)
    links = [email for email in mail_server.sent if email.button and email.button.token]
    first, second = (email.button.token for email in links if email.button)
    assert first != second
    assert len(set(mail_server.ids)) == len(mail_server.ids) / 2
    with app.app_context():
        tokens.find(first, purpose)
        tokens.find(second, purpose)
        if kind == "confirmation":
            registration.confirm(second, CLIENT)
            with pytest.raises(InvalidToken) as refused:
                tokens.find(first, purpose)
            assert not isinstance(refused.value, UsedToken)


def test_a_newer_request_makes_earlier_links_invalid(
    app: Flask, account: str, mail_server: MailServer
) -> None:
    for _ in range(2):
        with app.app_context():
            recovery.request_reset(account, CLIENT)
        jobs.run_due(app)
    first, second = (email.button.token for email in mail_server.sent if email.button)
    assert mail_server.ids[0] != mail_server.ids[1]
    with app.app_context():
        tokens.find(second, "reset")
        with pytest.raises(InvalidToken):
            tokens.find(first, "reset")
        assert db.session.scalars(select(MailedToken.job_id)).one() is not None


def test_disabling_an_account_cancels_its_confirmation(app: Flask, inbox: Inbox) -> None:
    with app.app_context():
        registration.register("Grace", "grace@example.com", PASSWORD, CLIENT)
        grace = store.by_email("grace@example.com")
        assert grace is not None
        access.disable(grace, CLIENT)
    assert inbox.to("grace@example.com") == []


@pytest.mark.parametrize("way", ["change", "reset"])
def test_a_new_password_cancels_the_links_that_wait(
    app: Flask, account: str, inbox: Inbox, way: str
) -> None:
    with app.app_context():
        current = signed_in(account)
        changes.request_email_change(signed_in(account).session, NEW, CLIENT)
        changes.request_email_change(current.session, NEW, CLIENT)
        recovery.request_reset(account, CLIENT)
        if way == "change":
            changes.change_password(current.session, PASSWORD, OTHER_PASSWORD, CLIENT)
        else:
            recovery.replace_password(current.session.account, "scrypt:x", CLIENT)
    assert inbox.to(NEW) == []
    assert "Reset your password" not in subjects(inbox, account)
    assert "Your password was changed" in subjects(inbox, account)


def test_a_new_password_cancels_a_job_that_has_begun(
    app: Flask, account: str, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = tokens.issue

    def interrupted(*args: object) -> str:
        monkeypatch.setattr(tokens, "issue", issue)
        with app.app_context():
            owner = store.by_email(account)
            assert owner is not None
            recovery.replace_password(owner, "scrypt:x", CLIENT)
        return issue(*args)  # type: ignore[arg-type]

    with app.app_context():
        recovery.request_reset(account, CLIENT)
    monkeypatch.setattr(tokens, "issue", interrupted)
    assert "Reset your password" not in subjects(inbox, account)
    with app.app_context():
        assert db.session.scalars(select(MailedToken)).all() == []


def test_ending_the_session_cancels_its_email_change(
    app: Flask, account: str, inbox: Inbox
) -> None:
    with app.app_context():
        thief, owner = signed_in(account), signed_in(account)
        changes.request_email_change(thief.session, NEW, CLIENT)
        sessions.revoke_others(owner.session, CLIENT)
    assert inbox.to(NEW) == []
    assert subjects(inbox, account) == [
        "New sign-in to your account",
        "Request to change your email address",
    ]


def test_a_session_of_another_account_does_not_allow_the_change(app: Flask, account: str) -> None:
    other = add_account(app, "other@example.com")
    with app.app_context():
        session = signed_in(other).session
        owner = store.by_email(account)
        assert owner is not None
        assert not sessions.is_alive(session.id, owner)
        assert sessions.is_alive(session.id, session.account)


def test_a_deleted_account_only_gets_the_email_about_its_deletion(
    app: Flask, account: str, inbox: Inbox
) -> None:
    add_account(app, "waiting@example.com", confirmed=False)
    with app.app_context():
        current = signed_in(account)
        registration.resend_confirmation("waiting@example.com", CLIENT)
        registration.register("Eve", account, PASSWORD, CLIENT)
        recovery.request_reset(account, CLIENT)
        changes.request_email_change(current.session, NEW, CLIENT)
        changes.change_password(current.session, PASSWORD, OTHER_PASSWORD, CLIENT)
        changes.request_email_change(current.session, NEW, CLIENT)
        changes.delete_account(current.session, OTHER_PASSWORD, CLIENT)
    assert [row.name for row in rows(app)] == ["confirmation", "account_deleted"]
    assert subjects(inbox, account) == ["Your account was deleted"]
    assert inbox.to(NEW) == []
    assert subjects(inbox, "waiting@example.com") == ["Confirm your email address"]


def test_an_account_deleted_while_its_job_runs_gets_nothing(
    app: Flask, account: str, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_first(to: str) -> Email:
        monkeypatch.setitem(mailing.NOTICES, "password_changed", emails.password_changed)
        with app.app_context():
            owner = store.by_email(account)
            assert owner is not None
            changes.remove(owner, CLIENT)
        return emails.password_changed(to)

    with app.app_context():
        owner = store.by_email(account)
        assert owner is not None
        recovery.replace_password(owner, owner.password_hash, CLIENT)
    monkeypatch.setitem(mailing.NOTICES, "password_changed", delete_first)
    assert subjects(inbox, account) == ["Your account was deleted"]


def test_a_notice_goes_to_the_address_of_that_moment(
    app: Flask, account: str, inbox: Inbox
) -> None:
    with app.app_context():
        current = signed_in(account)
        changes.request_email_change(current.session, NEW, CLIENT)
        changes.confirm_email_change(inbox.token(NEW), CLIENT)
    assert subjects(inbox, account)[-1] == "Your email address was changed"
    assert subjects(inbox, NEW) == ["Confirm your new email address"]


def test_the_export_holds_the_jobs_about_the_account(app: Flask, account: str) -> None:
    add_account(app, "other@example.com")
    with app.app_context():
        for email in (account, "other@example.com"):
            changes.request_email_change(signed_in(email).session, NEW, CLIENT)
        exported = changes.export(signed_in(account).session.account, CLIENT)
    assert [job["name"] for job in exported["jobs"]] == [
        "email_change_requested",
        "email_change",
        "new_device",
    ]
    assert "other@example.com" not in str(exported)
