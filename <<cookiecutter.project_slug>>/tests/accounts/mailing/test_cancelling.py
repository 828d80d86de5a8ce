"""What cancels the emails about accounts that wait."""

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts import (
    access,
    changes,
    limits,
    mailing,
    recovery,
    registration,
    sessions,
    store,
    tokens,
)
from app.accounts.errors import InvalidToken, SignedOut
from app.accounts.models import MailedToken
from app.extensions import db
from app.mail import Email, emails
from tests.accounts.cli.running import run
from tests.accounts.mailing.shared import (
    CLIENT,
    NEW,
    OTHER_PASSWORD,
    rows,
    signed_in,
    subjects,
)
from tests.conftest import PASSWORD, Inbox, add_account


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


def test_a_new_password_cancels_no_email_about_another_account(
    app: Flask, account: str, inbox: Inbox
) -> None:
    add_account(app, NEW, "Grace")
    with app.app_context():
        changes.request_email_change(signed_in(account).session, NEW, CLIENT)
        grace = store.by_email(NEW)
        assert grace is not None
        recovery.replace_password(grace, "scrypt:x", CLIENT)
    assert "Your email address is already in use" in subjects(inbox, NEW)


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


@pytest.mark.parametrize("way", ["one", "others", "all"])
@pytest.mark.parametrize("sent", [True, False])
def test_ending_a_session_from_another_one_cancels_an_email_change(
    app: Flask, account: str, inbox: Inbox, way: str, sent: bool
) -> None:
    with app.app_context():
        thief, owner = signed_in(account), signed_in(account)
        changes.request_email_change(thief.session, NEW, CLIENT)
        token = inbox.token(NEW) if sent else ""
        if way == "one":
            sessions.revoke(owner.session, str(thief.session.public_id), CLIENT)
        elif way == "others":
            sessions.revoke_others(owner.session, CLIENT)
        else:
            assert run(app, "sign-out", account).exit_code == 0
        if sent:
            with pytest.raises(InvalidToken):
                changes.confirm_email_change(token, CLIENT)
    assert len(inbox.to(NEW)) == sent
    assert subjects(inbox, account) == [
        "New sign-in to your account",
        "Request to change your email address",
    ]


def test_ending_sessions_keeps_the_link_of_a_reset(app: Flask, account: str, inbox: Inbox) -> None:
    with app.app_context():
        recovery.request_reset(account, CLIENT)
        token = inbox.token(account)
        sessions.revoke_others(signed_in(account).session, CLIENT)
        assert tokens.find(token, "reset")


def test_confirming_an_address_keeps_the_link_of_a_reset(app: Flask, inbox: Inbox) -> None:
    email = "grace@example.com"
    with app.app_context():
        registration.register("Grace", email, PASSWORD, CLIENT)
        confirmation = inbox.token(email)
        recovery.request_reset(email, CLIENT)
        token = inbox.token(email)
        registration.confirm(confirmation, CLIENT)
        assert tokens.find(token, "reset")


def test_a_session_that_ends_meanwhile_requests_no_change(
    app: Flask, account: str, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    spend = limits.spend_mail

    def interrupted(*args: object) -> None:
        spend(*args)  # type: ignore[arg-type]
        with app.app_context():
            sessions.revoke_others(owner.session, CLIENT)

    monkeypatch.setattr(limits, "spend_mail", interrupted)
    with app.app_context():
        thief, owner = signed_in(account), signed_in(account)
        with pytest.raises(SignedOut):
            changes.request_email_change(thief.session, NEW, CLIENT)
    assert inbox.to(NEW) == []


def test_an_email_change_outlasts_a_sign_out(app: Flask, account: str, inbox: Inbox) -> None:
    with app.app_context():
        session = signed_in(account).session
        changes.request_email_change(session, NEW, CLIENT)
        sessions.sign_out(session, CLIENT)
    assert subjects(inbox, NEW) == ["Confirm your new email address"]


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
        recovery.replace_password(owner, "scrypt:x", CLIENT)
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
