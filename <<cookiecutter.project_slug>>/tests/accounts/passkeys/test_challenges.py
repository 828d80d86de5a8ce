"""Challenges of passkeys: each works once, for a while, and for one purpose."""

import pytest
import time_machine
from flask import Flask

from app.accounts import authentication, challenges, sessions
from app.accounts.errors import InvalidChallenge, WrongCredentials
from app.accounts.models import Challenge, Session
from app.accounts.passkeys import ceremonies
from app.accounts.passkeys.ceremonies import SIGN_IN
from app.extensions import db, transaction
from tests.accounts.passkeys.conftest import ADA, CLIENT, count
from tests.authenticator import KIND, start_session
from tests.conftest import PASSWORD, add_account
from tests.software_authenticator import SoftwareAuthenticator, creation_options, forged


def test_a_challenge_works_once(session: Session, phone: SoftwareAuthenticator) -> None:
    begun = ceremonies.sign_in_options(CLIENT, KIND)
    credential = phone.get(begun.options)
    assert ceremonies.sign_in(begun.token, credential, CLIENT, KIND)
    with pytest.raises(InvalidChallenge):
        ceremonies.sign_in(begun.token, credential, CLIENT, KIND)
    begun = creation_options(session)
    made = SoftwareAuthenticator().create(begun.options)
    assert ceremonies.register(session, begun.token, None, made, CLIENT)
    with pytest.raises(InvalidChallenge):
        ceremonies.register(session, begun.token, None, made, CLIENT)


def test_a_refused_response_uses_the_challenge_up(
    session: Session, phone: SoftwareAuthenticator
) -> None:
    begun = ceremonies.sign_in_options(CLIENT, KIND)
    credential = phone.get(begun.options)
    with pytest.raises(WrongCredentials):
        ceremonies.sign_in(begun.token, forged(credential), CLIENT, KIND)
    with pytest.raises(InvalidChallenge):
        ceremonies.sign_in(begun.token, credential, CLIENT, KIND)


@pytest.mark.parametrize(("seconds", "lives"), [(299, True), (300, False)])
def test_a_challenge_expires(
    session: Session,
    phone: SoftwareAuthenticator,
    clock: time_machine.Traveller,
    seconds: int,
    lives: bool,
) -> None:
    begun, adding = ceremonies.sign_in_options(CLIENT, KIND), creation_options(session)
    made = SoftwareAuthenticator().create(adding.options)
    #: if cookiecutter.interface != "api"
    again = ceremonies.reauthentication_options(session, CLIENT)
    proof = phone.get(again.options)
    #: endif
    clock.shift(seconds)
    if lives:
        assert ceremonies.register(session, adding.token, None, made, CLIENT)
        assert ceremonies.sign_in(begun.token, phone.get(begun.options), CLIENT, KIND)
        #: if cookiecutter.interface != "api"
        assert ceremonies.reauthenticate(session, again.token, proof, CLIENT)
        #: endif
        return
    with pytest.raises(InvalidChallenge):
        ceremonies.sign_in(begun.token, phone.get(begun.options), CLIENT, KIND)
    with pytest.raises(InvalidChallenge):
        ceremonies.register(session, adding.token, None, made, CLIENT)
    #: if cookiecutter.interface != "api"
    with pytest.raises(InvalidChallenge):
        ceremonies.reauthenticate(session, again.token, proof, CLIENT)
    #: endif


def test_a_challenge_only_works_for_its_purpose(
    session: Session, phone: SoftwareAuthenticator
) -> None:
    adding = creation_options(session)
    with pytest.raises(InvalidChallenge):
        ceremonies.sign_in(
            adding.token, phone.get({**adding.options, "rpId": "localhost"}), CLIENT, KIND
        )
    begun = ceremonies.sign_in_options(CLIENT, KIND)
    made = SoftwareAuthenticator().create(adding.options, challenge=begun.token)
    with pytest.raises(InvalidChallenge):
        ceremonies.register(session, begun.token, None, made, CLIENT)
    # Of the same session too: these two differ only in their purpose.
    with transaction():
        _, token = challenges.issue(session.account, "passkey again", KIND, session)
    made = SoftwareAuthenticator().create(adding.options, challenge=token)
    with pytest.raises(InvalidChallenge):
        ceremonies.register(session, token, None, made, CLIENT)


def test_a_challenge_bound_to_an_account_does_not_sign_in(
    session: Session, phone: SoftwareAuthenticator
) -> None:
    with transaction():
        _, token = challenges.issue(session.account, SIGN_IN, KIND)
    credential = phone.get({"rpId": "localhost", "challenge": token})
    with pytest.raises(InvalidChallenge):
        ceremonies.sign_in(token, credential, CLIENT, KIND)


def test_a_challenge_to_add_one_belongs_to_its_session(app: Flask, session: Session) -> None:
    """It therefore belongs to one account, too."""
    eve = start_session(app, add_account(app, "eve@example.com"), CLIENT)
    mine = authentication.sign_in(ADA, PASSWORD, CLIENT, KIND).session
    begun = creation_options(session)
    made = SoftwareAuthenticator().create(begun.options)
    for other in (eve, mine):
        with pytest.raises(InvalidChallenge):
            ceremonies.register(
                db.session.get_one(Session, other.id), begun.token, None, made, CLIENT
            )
    assert (
        ceremonies.register(session, begun.token, None, made, CLIENT).account_id
        == session.account_id
    )


def test_a_challenge_to_add_one_ends_with_its_session(session: Session) -> None:
    begun = creation_options(session)
    sessions.sign_out(session, CLIENT)
    assert count(Challenge) == 0
    made = SoftwareAuthenticator().create(begun.options)
    with pytest.raises(InvalidChallenge):
        ceremonies.register(session, begun.token, None, made, CLIENT)
