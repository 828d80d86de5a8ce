"""What changes while a passkey is used."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts import sessions
from app.accounts.errors import InvalidChallenge, SignedOut, WrongCredentials
from app.accounts.models import Passkey, Session
from app.accounts.passkeys import ceremonies, credentials, store
from app.accounts.passkeys.responses import judge
from app.extensions import db
from tests.accounts.passkey_races.conftest import (
    CLIENT,
    JUDGE,
    begin,
    count,
    delete,
    disable,
    outcome,
)
from tests.authenticator import KIND
from tests.conftest import delete_meanwhile
from tests.software_authenticator import SoftwareAuthenticator, creation_options


def remove_it(app: Flask, session: Session) -> None:
    """Remove the passkey."""
    with app.app_context():
        (passkey,) = store.passkeys_of(session.account)
        store.remove(passkey, CLIENT)


@pytest.mark.parametrize("event", [remove_it, disable, delete])
def test_a_passkey_removed_during_the_sign_in_starts_no_session(
    app: Flask,
    session: Session,
    phone: SoftwareAuthenticator,
    monkeypatch: pytest.MonkeyPatch,
    event: Callable[[Flask, Session], None],
) -> None:
    begun = begin(app)
    phone.counter += 1

    def interrupted(*arguments: Any) -> object:
        found = judge(*arguments)
        db.session.commit()  # no lock of its own is left, on any database
        event(app, session)
        return found

    monkeypatch.setattr(JUDGE, interrupted)
    with app.app_context(), pytest.raises(WrongCredentials):
        ceremonies.sign_in(begun.token, phone.get(begun.options), CLIENT, KIND)
    with app.app_context():
        living = db.session.scalars(select(Session).where(Session.factor_verified)).all()
    assert living == []


def test_a_counter_that_was_used_in_the_meantime_is_refused(
    app: Flask,
    session: Session,
    phone: SoftwareAuthenticator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Both responses are checked before either of them is recorded."""
    first, second = begin(app, 1), begin(app, 2)
    phone.counter += 1

    def use_it() -> str:
        with app.app_context():
            return outcome(second.token, phone.get(second.options))

    def interrupted(*arguments: Any) -> object:
        found = judge(*arguments)
        db.session.commit()
        monkeypatch.setattr(JUDGE, judge)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(use_it).result() == "signed in"
        return found

    monkeypatch.setattr(JUDGE, interrupted)
    with app.app_context():
        assert outcome(first.token, phone.get(first.options)) == "WrongCredentials"
    assert count(app, Session) == 2
    refused = json.loads(caplog.messages[-1])
    assert refused["reason"] == "passkey changed meanwhile"
    assert refused["account_id"] == session.account_id


def test_a_deleted_account_gets_no_passkey(app: Flask, session: Session) -> None:
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        begun = creation_options(current)
        made = SoftwareAuthenticator().create(begun.options)
        db.session.commit()
        account = current.account
        delete_meanwhile(app, account.email)
        with pytest.raises(InvalidChallenge):
            ceremonies.register(current, begun.token, None, made, CLIENT)
    assert count(app, Passkey) == 0


def test_nothing_is_added_to_an_account_that_was_deleted_in_the_meantime(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_new = credentials.read_new

    def interrupted(*arguments: Any) -> object:
        new = read_new(*arguments)
        db.session.commit()
        delete(app, session)
        return new

    monkeypatch.setattr(credentials, "read_new", interrupted)
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        begun = creation_options(current)
        made = SoftwareAuthenticator().create(begun.options)
        with pytest.raises(SignedOut):
            ceremonies.register(current, begun.token, None, made, CLIENT)


#: if cookiecutter.interface != "html"
def test_a_password_replaced_in_the_meantime_is_refused(app: Flask, session: Session) -> None:
    from app.accounts import authentication, passwords, recovery
    from app.accounts.errors import InvalidInput
    from tests.conftest import PASSWORD
    from tests.software_authenticator import add_passkey

    with app.app_context():
        current = db.session.get_one(Session, session.id)
        passkey = add_passkey(current, CLIENT, SoftwareAuthenticator())
        proof = authentication.confirm_password(current, PASSWORD, CLIENT, "current_password")
        new = passwords.hash_password("tangerine lorry at dusk")
        recovery.replace_password(current.account, new, CLIENT)
        with pytest.raises(InvalidInput, match="current password"):
            ceremonies.registration_options_with_password(current, None, proof)
        with pytest.raises(InvalidInput, match="current password"):
            store.remove(passkey, CLIENT, proof)
        assert store.count(current.account) == 1


#: endif
def test_a_session_that_ended_gets_no_challenge(app: Flask, session: Session) -> None:
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        ended = db.session.get_one(Session, session.id)
        sessions.sign_out(ended, CLIENT)
        with pytest.raises(SignedOut):
            creation_options(current)
