"""Count failed sign-ins: which ones count, and for whom."""

import pytest
import time_machine
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


def test_attempts_refused_for_a_network_do_not_count_for_an_account(make_app: MakeApp) -> None:
    app = make_app(LIMIT_PASSWORD_BY_IP="2 per hour", LIMIT_PASSWORD_FAILURES="3 per hour")
    add_account(app)
    for error in (WrongCredentials, WrongCredentials, LimitReached, LimitReached):
        with pytest.raises(error):
            sign_in(app, "wrong")
    with app.app_context():
        elsewhere = Client("198.51.100.1", "tests")
        assert authentication.sign_in("ada@example.com", PASSWORD, elsewhere, KIND)


def test_wrong_passwords_of_strangers_do_not_block_signed_in_people(
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


def test_no_typed_address_is_counted_for_a_session(make_app: MakeApp) -> None:
    app = make_app(LIMIT_PASSWORD_FAILURES="2 per 15 minutes")
    add_account(app)
    session = sign_in(app).session
    for name in (f"ada@example.com session {session.id}", f"session {session.id}", session.id):
        for error in (WrongCredentials, WrongCredentials, LimitReached):
            with app.app_context(), pytest.raises(error):
                authentication.sign_in(str(name), "wrong", CLIENT, KIND)
    with app.app_context():
        current = db.session.merge(session)
        authentication.confirm_password(current, PASSWORD, CLIENT, "password")


@pytest.mark.parametrize("limit", ["2 per hour; 1 per 15 minutes", "1 per 15 minutes; 2 per hour"])
def test_a_limit_ends_after_the_wait_that_was_shown(make_app: MakeApp, limit: str) -> None:
    app = make_app(LIMIT_PASSWORD_FAILURES=limit)
    add_account(app)
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        for waiting in (15 * 60, 45 * 60):
            with pytest.raises(WrongCredentials):
                sign_in(app, "wrong")
            with pytest.raises(LimitReached) as error:
                sign_in(app)
            assert waiting <= error.value.retry_after <= waiting + 1
            clock.shift(waiting)
        sign_in(app)


def test_failures_count_from_the_first_of_them_not_from_a_right_password(
    make_app: MakeApp,
) -> None:
    app = make_app(LIMIT_PASSWORD_FAILURES="2 per 15 minutes")
    add_account(app)
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        sign_in(app)
        clock.shift(14 * 60)
        for _ in range(2):
            with pytest.raises(WrongCredentials):
                sign_in(app, "wrong")
        for waiting in (15 * 60, 60):
            with pytest.raises(LimitReached) as error:
                sign_in(app)
            assert waiting <= error.value.retry_after <= waiting + 1
            clock.shift(14 * 60)
        sign_in(app)


def test_a_password_that_could_not_be_compared_is_no_failure(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_memory(*_: str) -> bool:
        raise ValueError("[digital envelope routines] malloc failure")

    app = make_app(LIMIT_PASSWORD_FAILURES="1 per 15 minutes")
    add_account(app)
    with monkeypatch.context() as patches:
        patches.setattr("app.accounts.passwords.check_password_hash", no_memory)
        for _ in range(2):
            with pytest.raises(MemoryError):
                sign_in(app)
    sign_in(app)
