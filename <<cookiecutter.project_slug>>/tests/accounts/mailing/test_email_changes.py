"""Changes of address that follow each other: only the last one that was requested works."""

import pytest
from flask import Flask

from app.accounts import changes, exports, mailing, store
from app.accounts.errors import InvalidToken
from app.accounts.models import Account
from tests.accounts.mailing.shared import CLIENT, NEW, rows, signed_in, subjects
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


def test_a_change_cancels_another_one_that_waits(
    app: Flask, ada: str, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        session = signed_in(ada).session
        changes.request_email_change(session, NEW, CLIENT)
        token = inbox.token(NEW)
        # As if it was requested while the link was followed.
        with monkeypatch.context() as patch:
            patch.setattr(mailing, "cancel_email_change", lambda _: None)
            changes.request_email_change(session, TYPO, CLIENT)
        changes.confirm_email_change(token, CLIENT)
    assert "email_change" not in [row.name for row in rows(app)]
    assert inbox.to(TYPO) == []


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
