"""Changes of an account: password, email address, export."""

import pytest
import time_machine
from flask import Flask

from app import jobs
from app.accounts import authentication, changes, recovery, sessions, store
from app.accounts.client import Client
from app.accounts.errors import InvalidInput, LimitReached
from app.columns import now
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account

CLIENT = Client("192.0.2.1", "tests")
KIND = next(iter(sessions.IDLE_SETTINGS))


def test_a_new_address_leaves_the_account_confirmed_since_its_first(
    app: Flask, account: str, inbox: Inbox
) -> None:
    new = "countess@example.com"
    with app.app_context(), time_machine.travel(now(), tick=False) as clock:
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        confirmed_at = session.account.confirmed_at
        clock.shift(60)
        changes.request_email_change(session, new, CLIENT)
        changes.confirm_email_change(inbox.token(new), CLIENT)
        changed = store.by_email(new)
        assert changed is not None
        assert changed.confirmed_at == confirmed_at


def test_a_new_address_deletes_only_the_unconfirmed_account_that_has_it(
    app: Flask, account: str, inbox: Inbox
) -> None:
    new = "countess@example.com"
    for email in (new, "grace@example.com"):
        add_account(app, email, confirmed=False)
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        changes.request_email_change(session, new, CLIENT)
        changes.confirm_email_change(inbox.token(new), CLIENT)
        assert store.by_email("grace@example.com") is not None
        assert [found.email for found in store.search("")] == [new, "grace@example.com"]


def test_each_session_has_its_own_limit_of_wrong_passwords(make_app: MakeApp) -> None:
    app = make_app(LIMIT_PASSWORD_FAILURES="1 per 15 minutes")
    add_account(app)
    with app.app_context():
        stolen, mine = (
            authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND).session
            for _ in range(2)
        )
        for refusal in (InvalidInput, LimitReached):
            with pytest.raises(refusal):
                changes.change_password(stolen, "wrong", "tangerine lorry at dusk", CLIENT)
        changes.change_password(mine, PASSWORD, "tangerine lorry at dusk", CLIENT)


def test_checks_of_new_passwords_are_limited_by_ip_address(make_app: MakeApp) -> None:
    app = make_app(LIMIT_NEW_PASSWORDS_BY_IP="1 per minute")
    add_account(app)
    with app.app_context():
        session = authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND).session
        with pytest.raises(InvalidInput):
            changes.change_password(session, PASSWORD, "password1234", CLIENT)
        with pytest.raises(LimitReached):
            changes.change_password(session, PASSWORD, "tangerine lorry at dusk", CLIENT)
        other = Client("192.0.2.2", "tests")
        changes.change_password(session, PASSWORD, "tangerine lorry at dusk", other)


def test_emails_to_each_new_address_are_limited(make_app: MakeApp) -> None:
    app = make_app(LIMIT_MAIL_BY_ADDRESS="1 per hour")
    add_account(app)
    with app.app_context():
        session = authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND).session
        changes.request_email_change(session, "countess@example.com", CLIENT)
        with pytest.raises(LimitReached):
            changes.request_email_change(session, "countess@example.com", CLIENT)
        changes.request_email_change(session, "lovelace@example.com", CLIENT)


def test_an_export_has_no_data_of_other_accounts(app: Flask) -> None:
    with app.app_context():
        for email in ("ada@example.com", "eve@example.com"):
            add_account(app, email)
            authentication.sign_in(email, PASSWORD, CLIENT, KIND)
            recovery.mail_reset(email, CLIENT)
        jobs.run_due(app)
        ada = store.by_email("ada@example.com")
        assert ada is not None
        exported = changes.export(ada, CLIENT)
        assert exported["account"]["id"] == str(ada.public_id)
    assert not [
        row for row in exported["sessions"] + exported["mailed_links"] if "account_id" in row
    ]
    assert not {"id", "account_id", "token_hash"} & exported["devices"][0].keys()
    assert len(exported["sessions"]) == len(exported["mailed_links"]) == 1
    assert "eve@example.com" not in str(exported)


def test_an_export_includes_ended_sessions_that_are_still_stored(app: Flask, account: str) -> None:
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        with time_machine.travel(session.expires_at, tick=False):
            assert sessions.of(session.account) == []
            exported = changes.export(session.account, CLIENT)
    assert [row["id"] for row in exported["sessions"]] == [str(session.public_id)]
