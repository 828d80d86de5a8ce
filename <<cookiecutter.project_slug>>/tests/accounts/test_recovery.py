"""What a password reset invalidates."""

import pytest
from flask import Flask

from app.accounts import recovery, store, tokens
from app.accounts.client import Client
from app.accounts.errors import InvalidInput, InvalidToken, LimitReached
from app.extensions import db
from tests.conftest import Inbox, MakeApp, add_account

CLIENT = Client("192.0.2.1", "tests")


def test_a_reset_invalidates_every_link_that_was_sent_before(
    app: Flask, account: str, inbox: Inbox
) -> None:
    with app.app_context():
        owner = store.by_email(account)
        assert owner is not None
        older = {purpose: tokens.issue(owner, purpose, account) for purpose in ("confirm", "email")}
        db.session.commit()
        recovery.mail_reset(account, CLIENT)
        recovery.complete_reset(inbox.token(account), "tangerine lorry at dusk", CLIENT)
        for purpose, token in older.items():
            with pytest.raises(InvalidToken):
                tokens.find(token, purpose)


def test_a_password_set_in_another_way_invalidates_the_link(
    app: Flask, account: str, inbox: Inbox
) -> None:
    with app.app_context():
        recovery.mail_reset(account, CLIENT)
        token = inbox.token(account)
        owner = store.by_email(account)
        assert owner is not None
        recovery.replace_password(owner, "scrypt:x", CLIENT)
        with pytest.raises(InvalidToken):
            tokens.find(token, "reset")


def test_checks_of_new_passwords_are_limited_by_ip_address(make_app: MakeApp) -> None:
    app = make_app(LIMIT_NEW_PASSWORDS_BY_IP="1 per minute")
    email = add_account(app)
    inbox = Inbox(app)
    with app.app_context():
        recovery.mail_reset(email, CLIENT)
        token = inbox.token(email)
        with pytest.raises(InvalidInput):
            recovery.complete_reset(token, "password1234", CLIENT)
        with pytest.raises(LimitReached):
            recovery.complete_reset(token, "tangerine lorry at dusk", CLIENT)
        recovery.complete_reset(token, "tangerine lorry at dusk", Client("192.0.2.2", "tests"))
