"""Re-authentication with passkeys, and sessions that change meanwhile."""

from typing import Any

import pytest
from flask import Flask

from app.accounts.errors import InvalidChallenge, SignedOut, WrongCredentials
from app.accounts.models import Session
from app.accounts.passkeys import ceremonies
from app.accounts.passkeys.responses import judge
from app.extensions import db
from tests.accounts.passkey_races.conftest import (
    CLIENT,
    JUDGE,
    added,
    delete,
)
from tests.authenticator import KIND, start_session
from tests.conftest import add_account
from tests.software_authenticator import SoftwareAuthenticator


def test_reauthentication_only_accepts_a_passkey_of_the_same_account(
    app: Flask, session: Session
) -> None:

    mine = added(app, session, SoftwareAuthenticator())
    eve = start_session(app, add_account(app, "eve@example.com"), CLIENT)
    hers = added(app, eve, SoftwareAuthenticator())
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        begun = ceremonies.reauthentication_options(current, CLIENT)
        (allowed,) = begun.options["allowCredentials"]
        assert allowed["id"] == mine.get(begun.options)["id"]
        with pytest.raises(WrongCredentials):
            ceremonies.reauthenticate(current, begun.token, hers.get(begun.options), CLIENT)
        begun = ceremonies.reauthentication_options(current, CLIENT)
        other = db.session.get_one(Session, eve.id)
        with pytest.raises(InvalidChallenge):
            ceremonies.reauthenticate(other, begun.token, hers.get(begun.options), CLIENT)
        # An authenticator that was told which passkeys are allowed may leave out whose they are.
        credential = mine.get(begun.options, user_handle=None)
        signed_in = ceremonies.reauthenticate(current, begun.token, credential, CLIENT)
        assert signed_in.session.factor_verified
        assert signed_in.session.kind == session.kind
        assert db.session.get(Session, session.id) is None
        with pytest.raises(InvalidChallenge):
            ceremonies.reauthenticate(
                signed_in.session, begun.token, mine.get(begun.options), CLIENT
            )
        with pytest.raises(SignedOut):
            ceremonies.reauthentication_options(current, CLIENT)


def test_adding_one_needs_the_factor_that_is_on(app: Flask, session: Session) -> None:
    from app.accounts import authentication
    from app.accounts.errors import FactorNotVerified, FactorRequired
    from tests.authenticator import turn_on
    from tests.conftest import PASSWORD

    with app.app_context():
        current = db.session.get_one(Session, session.id)
        other = authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND).session
        begun = ceremonies.registration_options(other, CLIENT)
        turn_on(current, CLIENT)
        made = SoftwareAuthenticator().create(begun.options)
        with pytest.raises(InvalidChallenge):
            ceremonies.register(other, begun.token, None, made, CLIENT)
        with pytest.raises(FactorNotVerified):
            ceremonies.registration_options(other, CLIENT)
        current = db.session.get_one(Session, session.id, populate_existing=True)
        assert ceremonies.registration_options(current, CLIENT)
        # A passkey does for the factor, where the password alone doesn't.
        with pytest.raises(FactorRequired):
            authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND)


def test_the_kind_of_session_follows_from_the_client_and_its_choice(
    app: Flask, session: Session
) -> None:
    phone = added(app, session, SoftwareAuthenticator())
    with app.app_context():
        begun = ceremonies.sign_in_options(CLIENT, "browser")
        credential = phone.get(begun.options)
        with pytest.raises(InvalidChallenge):
            ceremonies.sign_in(begun.token, credential, CLIENT, "api")
        started = ceremonies.sign_in(begun.token, credential, CLIENT, "remembered")
        assert started.session.kind == "remembered"
        begun = ceremonies.sign_in_options(CLIENT, "api")
        for kind in ("browser", "remembered"):
            with pytest.raises(InvalidChallenge):
                ceremonies.sign_in(begun.token, phone.get(begun.options), CLIENT, kind)


def test_no_session_is_replaced_in_an_account_that_was_deleted_in_the_meantime(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = added(app, session, SoftwareAuthenticator())

    def interrupted(*arguments: Any) -> object:
        found = judge(*arguments)
        db.session.commit()
        delete(app, session)
        return found

    with app.app_context():
        current = db.session.get_one(Session, session.id)
        begun = ceremonies.reauthentication_options(current, CLIENT)
        monkeypatch.setattr(JUDGE, interrupted)
        with pytest.raises(SignedOut):
            ceremonies.reauthenticate(current, begun.token, phone.get(begun.options), CLIENT)


def test_nothing_is_begun_for_an_account_that_was_deleted_in_the_meantime(
    app: Flask, session: Session
) -> None:
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        assert current.account.email
        db.session.commit()
        delete(app, session)
        with pytest.raises(SignedOut):
            ceremonies.registration_options(current, CLIENT)
