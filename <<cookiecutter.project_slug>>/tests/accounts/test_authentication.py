"""What is counted as a failure, and for whom."""

import pytest
from flask import Flask

from app.accounts import authentication, sessions
from app.accounts.client import Client
from app.accounts.errors import InvalidInput, LimitReached, WrongCredentials
from app.extensions import db
from tests.conftest import PASSWORD, MakeApp, add_account

CLIENT = Client("192.0.2.1", "tests")
KIND = next(iter(sessions.IDLE_SETTINGS))


def sign_in(app: Flask, password: str = PASSWORD) -> authentication.SignedIn:
    """Sign in to Ada's account."""
    with app.app_context():
        return authentication.sign_in("ada@example.com", password, CLIENT, KIND)


def test_right_passwords_are_not_counted(make_app: MakeApp) -> None:
    app = make_app(LIMIT_PASSWORD_FAILURES="2 per 15 minutes")
    add_account(app)
    for _ in range(5):
        sign_in(app)


def test_a_right_password_does_not_forgive_wrong_ones(make_app: MakeApp) -> None:
    app = make_app(LIMIT_PASSWORD_FAILURES="3 per 15 minutes")
    add_account(app)
    for password in ("wrong", "wrong", PASSWORD, "wrong"):
        if password == PASSWORD:
            sign_in(app)
        else:
            with pytest.raises(WrongCredentials):
                sign_in(app, password)
    with pytest.raises(LimitReached):
        sign_in(app)


def test_strangers_do_not_keep_somebody_signed_in_from_proving_who_they_are(
    make_app: MakeApp,
) -> None:
    app = make_app(LIMIT_PASSWORD_FAILURES="2 per 15 minutes")
    add_account(app)
    session = sign_in(app).session
    for error in (WrongCredentials, WrongCredentials, LimitReached):
        with pytest.raises(error):
            sign_in(app, "wrong")
    with app.app_context():
        current = db.session.merge(session)
        authentication.confirm_password(current, PASSWORD, CLIENT, "password")
        for _ in range(2):
            with pytest.raises(InvalidInput):
                authentication.confirm_password(current, "wrong", CLIENT, "password")
        with pytest.raises(LimitReached):
            authentication.confirm_password(current, PASSWORD, CLIENT, "password")
