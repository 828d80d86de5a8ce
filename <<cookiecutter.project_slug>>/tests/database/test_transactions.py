"""One transaction for each use case: all of it is stored, or nothing."""

from contextlib import nullcontext
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from app import identity
from app.accounts import authentication, sessions, store
from app.accounts.client import Client
from app.accounts.errors import SignedOut
from app.accounts.models import Session
from app.columns import now
from app.extensions import db, transaction
from tests.conftest import PASSWORD, delete_meanwhile

KIND = next(iter(sessions.IDLE_SETTINGS))


def rename(email: str, name: str, error: type[BaseException] | None = None) -> None:
    """Change a name, and then fail if asked to."""
    with transaction():
        account = store.by_email(email)
        assert account is not None
        account.name = name
        db.session.flush()
        if error is not None:
            raise error


def name_of(app: Flask, email: str) -> str:
    """Return the name as another connection sees it."""
    with app.app_context():
        account = store.by_email(email)
        assert account is not None
        return account.name


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_is_stored_when_the_block_raises(
    app: Flask, account: str, error: type[BaseException]
) -> None:
    with app.app_context():
        with pytest.raises(error):
            rename(account, "Countess", error)
        assert name_of(app, account) == "Ada"
        # The session can be used again, and a later commit brings nothing back.
        with transaction():
            assert store.by_email(account)
    assert name_of(app, account) == "Ada"


def test_everything_is_stored_at_the_end(app: Flask, account: str) -> None:
    with app.app_context():
        rename(account, "Countess")
    assert name_of(app, account) == "Countess"


def test_a_nested_transaction_raises_an_error(app: Flask, account: str) -> None:
    def nested() -> None:
        with transaction():
            rename(account, "Countess")

    with app.app_context():
        with pytest.raises(RuntimeError, match="inside another"):
            nested()
        rename(account, "Lovelace")
    assert name_of(app, account) == "Lovelace"


def test_a_deleted_account_or_session_is_signed_out(app: Flask, account: str) -> None:
    def rename_after_the_end() -> None:
        with transaction():
            found = store.by_email(account)
            assert found is not None
            delete_meanwhile(app, account)
            found.name = "Countess"

    with app.app_context():
        with pytest.raises(SignedOut):
            rename_after_the_end()
        assert store.by_email(account) is None


def test_a_transaction_can_ask_who_is_signed_in(app: Flask, account: str) -> None:
    with app.app_context():
        client = Client("192.0.2.1", "tests")
        signed_in = authentication.sign_in(account, PASSWORD, client, KIND)
    later = now() + timedelta(hours=1)
    for expected in (signed_in.session.last_seen_at, later):
        with time_machine.travel(later, tick=False), app.test_request_context():
            with transaction() if expected != later else nullcontext():
                assert identity.load(signed_in.token, KIND)
            # In a transaction it isn't noted that the session was seen: the next request does that.
            assert db.session.scalars(select(Session.last_seen_at)).all() == [expected]
