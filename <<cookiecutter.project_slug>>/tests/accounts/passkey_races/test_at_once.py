"""Requests with passkeys at the same moment."""

import pytest
import time_machine
from flask import Flask
from sqlalchemy.exc import IntegrityError

from app.accounts.errors import InvalidInput
from app.accounts.models import Passkey, Session
from app.accounts.passkeys import ceremonies, store
from app.extensions import db
from tests.accounts.passkey_races.conftest import CLIENT, TIMES, added, begin, count, outcome
from tests.accounts.test_races import at_once
from tests.authenticator import start_session
from tests.conftest import MakeApp, add_account
from tests.software_authenticator import SoftwareAuthenticator, creation_options


def test_only_one_of_several_requests_with_the_same_response_succeeds(
    app: Flask, phone: SoftwareAuthenticator
) -> None:
    begun = begin(app)
    phone.counter += 1
    credential = phone.get(begun.options)
    result = at_once(app, lambda _: outcome(begun.token, credential), TIMES)
    assert result == {"signed in": 1, "InvalidChallenge": TIMES - 1}
    assert count(app, Session) == 2


def test_only_one_of_several_responses_with_the_same_counter_succeeds(
    app: Flask, phone: SoftwareAuthenticator
) -> None:
    """A copy of the passkey could send them: each has a challenge of its own."""
    begun = [begin(app, number) for number in range(TIMES)]
    phone.counter += 1
    credentials = [phone.get(each.options) for each in begun]
    result = at_once(app, lambda number: outcome(begun[number].token, credentials[number]), TIMES)
    assert result == {"signed in": 1, "WrongCredentials": TIMES - 1}


def test_responses_of_a_synced_passkey_without_a_counter_all_succeed(
    app: Flask, session: Session
) -> None:
    phone = added(app, session, SoftwareAuthenticator())
    begun = [begin(app, number) for number in range(TIMES)]
    credentials = [phone.get(each.options) for each in begun]
    result = at_once(app, lambda number: outcome(begun[number].token, credentials[number]), TIMES)
    assert result == {"signed in": TIMES}


def test_concurrent_requests_add_a_credential_only_once(app: Flask, session: Session) -> None:
    made = SoftwareAuthenticator()
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        begun = [creation_options(current) for _ in range(TIMES)]
    credentials = [made.create(each.options) for each in begun]

    def register(number: int) -> str:
        current = db.session.get_one(Session, session.id)
        token, credential = begun[number].token, credentials[number]
        try:
            ceremonies.register(current, token, None, credential, CLIENT)
        except InvalidInput:
            return "refused"
        return "added"

    assert at_once(app, register, TIMES) == {"added": 1, "refused": TIMES - 1}
    assert count(app, Passkey) == 1


@pytest.mark.parametrize("taken", [True, False])
def test_a_credential_is_added_to_only_one_of_two_accounts(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    """Neither sees the other's, so that only the database can refuse the second."""
    phone = added(app, session, SoftwareAuthenticator())
    eve = start_session(app, add_account(app, "eve@example.com"), CLIENT)
    monkeypatch.setattr("app.accounts.passkeys.responses.find", lambda _: None)
    if not taken:
        monkeypatch.setattr(store, "is_taken", lambda _: False)
    with app.app_context():
        current = db.session.get_one(Session, eve.id)
        begun = creation_options(current)
        with pytest.raises(InvalidInput if taken else IntegrityError):
            ceremonies.register(current, begun.token, None, phone.create(begun.options), CLIENT)
    assert count(app, Passkey) == 1


def test_concurrent_requests_do_not_exceed_the_number_of_passkeys(
    make_app: MakeApp, clock: time_machine.Traveller
) -> None:
    app = make_app(PASSKEYS_PER_ACCOUNT=2)
    session = start_session(app, add_account(app), CLIENT)
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        begun = [creation_options(current) for _ in range(TIMES)]

    def register(number: int) -> str:
        current = db.session.get_one(Session, session.id)
        credential = SoftwareAuthenticator().create(begun[number].options)
        try:
            ceremonies.register(current, begun[number].token, None, credential, CLIENT)
        except InvalidInput:
            return "refused"
        return "added"

    assert at_once(app, register, TIMES) == {"added": 2, "refused": TIMES - 2}
    assert count(app, Passkey) == 2
