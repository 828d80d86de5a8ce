"""The emails about accounts as jobs: what is sent, to whom, how often, and until when."""

import json
import logging
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from app import jobs, mail
from app.accounts import changes, events, recovery, registration, store, tokens
from app.accounts.errors import InvalidToken, UsedToken
from app.accounts.models import Account, MailedToken
from app.columns import now
from app.extensions import db, transaction
from tests.accounts.mailing.shared import (
    CLIENT,
    NEW,
    OTHER_PASSWORD,
    MailServer,
    rows,
    signed_in,
)
from tests.conftest import PASSWORD, Inbox


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


def test_a_notice_to_an_address_that_has_no_account_meanwhile_is_not_sent(
    app: Flask, account: str, inbox: Inbox
) -> None:
    with app.app_context():
        registration.register("Eve", account, PASSWORD, CLIENT)
        db.session.execute(update(Account).values(email=NEW))
        db.session.commit()
    assert inbox.to(account) == []


@pytest.mark.parametrize("link", ["confirmation", "invitation", "reset", "email_change"])
def test_a_link_waits_for_no_notice(app: Flask, account: str, link: str) -> None:
    notice = ["password_changed", "new_device", "recovery_code_used", "email_changed"]
    with app.app_context():
        owner = store.by_email(account)
        assert owner is not None
        for name in (*notice, link):
            with transaction():
                jobs.enqueue(name, email=account, account_id=owner.id)
        job = jobs.take(urgent_first=True)
    assert job is not None
    assert job.name == link


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
            recovery.replace_password(owner, "scrypt:x", CLIENT)
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


@pytest.mark.parametrize(
    ("name", "noted"), [("reset", False), ("confirmation", False), ("already_registered", True)]
)
def test_what_was_meant_for_nobody_is_given_up_quietly(
    app: Flask, mail_server: MailServer, caplog: pytest.LogCaptureFixture, name: str, noted: bool
) -> None:
    mail_server.error = mail.DeliveryError("refused (550)", permanent=True)
    with app.app_context(), transaction():
        jobs.enqueue(name, email="nobody@example.com")
    jobs.run_due(app)
    assert rows(app) == []
    assert (f"given up: {name}, account None" in caplog.text) == noted


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
