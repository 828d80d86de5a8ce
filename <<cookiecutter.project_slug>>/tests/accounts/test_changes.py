"""A new email address, and the export of an account."""

import time_machine
from flask import Flask

from app import jobs
from app.accounts import authentication, changes, recovery, sessions, store
from app.accounts.client import Client
from app.columns import now
from tests.conftest import PASSWORD, Inbox, add_account

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
