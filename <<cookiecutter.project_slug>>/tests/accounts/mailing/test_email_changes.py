"""Changes of address that follow each other: only the last one that was requested works."""

import pytest
from flask import Flask

from app import jobs, mail
from app.accounts import changes, exports, sessions, store
from app.accounts.errors import InvalidToken
from app.accounts.models import Account
from tests.accounts.mailing.shared import CLIENT, NEW, MailServer, rows, signed_in, subjects
from tests.conftest import Inbox, add_account

TYPO = "countes@example.com"


@pytest.fixture
def ada(account: str) -> str:
    """The account that changes its address."""
    return account


def test_a_request_cancels_an_earlier_one_that_waits(app: Flask, ada: str, inbox: Inbox) -> None:
    with app.app_context():
        session = signed_in(ada).session
        changes.request_email_change(session, TYPO, CLIENT)
        changes.request_email_change(session, NEW, CLIENT)
    assert inbox.to(TYPO) == []
    with app.app_context():
        changes.confirm_email_change(inbox.token(NEW), CLIENT)
        assert store.by_email(NEW)


def test_a_request_invalidates_an_earlier_link(app: Flask, ada: str, inbox: Inbox) -> None:
    with app.app_context():
        session = signed_in(ada).session
        changes.request_email_change(session, TYPO, CLIENT)
        token = inbox.token(TYPO)
        changes.request_email_change(session, NEW, CLIENT)
        with pytest.raises(InvalidToken):
            changes.confirm_email_change(token, CLIENT)


def test_a_change_cancels_its_email_if_that_arrived_but_is_tried_again(
    app: Flask, ada: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = MailServer(monkeypatch)
    server.error = mail.DeliveryError("TimeoutError")
    with app.app_context():
        changes.request_email_change(signed_in(ada).session, NEW, CLIENT)
        jobs.run_due(app)
        assert "email_change" in [row.name for row in rows(app)]
        (button,) = (email.button for email in server.sent if email.to == NEW)
        assert button is not None
        changes.confirm_email_change(button.token, CLIENT)
    assert "email_change" not in [row.name for row in rows(app)]


def test_ending_ones_own_session_keeps_the_link(app: Flask, ada: str, inbox: Inbox) -> None:
    with app.app_context():
        session = signed_in(ada).session
        changes.request_email_change(session, NEW, CLIENT)
        token = inbox.token(NEW)
        assert sessions.revoke(session, str(session.public_id), CLIENT)
        changes.confirm_email_change(token, CLIENT)


@pytest.mark.parametrize("email", ["grace@example.com", "nobody@example.com"])
def test_nothing_the_account_can_see_depends_on_who_has_the_address(
    app: Flask, ada: str, inbox: Inbox, email: str
) -> None:
    add_account(app, "grace@example.com", "Grace")
    with app.app_context():
        session = signed_in(ada).session
        changes.request_email_change(session, email, CLIENT)
        assert len(subjects(inbox, email)) == 1
        account = store.by_email(ada)
        assert isinstance(account, Account)
        (link,) = exports.collect(account)["mailed_links"]
        assert link["email"] == email
