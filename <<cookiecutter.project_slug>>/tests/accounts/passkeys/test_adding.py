"""Add passkeys: what the browser is asked for, and which credentials are refused."""

import json
import os
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.utils import websafe_decode, websafe_encode
from flask import Flask, current_app

from app.accounts import authentication
from app.accounts.errors import InvalidInput
from app.accounts.models import Challenge, Passkey, Session
from app.accounts.passkeys import ceremonies
from app.accounts.passkeys.ceremonies import REFUSED
from app.extensions import db
from tests.accounts.passkeys.conftest import (
    ADA,
    CLIENT,
    LIES,
    SHORT_KEY,
    added,
    count,
    refused,
    sign_in,
)
from tests.authenticator import KIND, start_session
from tests.conftest import PASSWORD, MakeApp, add_account
from tests.software_authenticator import SoftwareAuthenticator, creation_options


def test_options_ask_for_a_discoverable_passkey_and_a_verified_user(session: Session) -> None:
    begun = creation_options(session)
    options = json.loads(json.dumps(begun.options))
    handle = options["user"].pop("id")
    assert len(websafe_decode(handle)) == 32
    assert handle == session.account.user_handle
    assert options == {
        "rp": {"id": "localhost", "name": current_app.config["APP_NAME"]},
        "user": {"name": ADA, "displayName": "Ada"},
        "challenge": begun.token,
        "pubKeyCredParams": [{"type": "public-key", "alg": each} for each in (-7, -8, -257)],
        "timeout": 300_000,
        "excludeCredentials": [],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }
    begun = ceremonies.sign_in_options(CLIENT, KIND)
    assert len(websafe_decode(begun.token)) == 32
    assert json.loads(json.dumps(begun.options)) == {
        "challenge": begun.token,
        "timeout": 300_000,
        "rpId": "localhost",
        "userVerification": "required",
    }


def test_options_exclude_passkeys_that_the_account_already_has(
    session: Session, phone: SoftwareAuthenticator
) -> None:
    excluded = creation_options(session).options["excludeCredentials"]
    assert excluded == [{"type": "public-key", "id": websafe_encode(phone.credential_id)}]


@pytest.mark.parametrize(
    "lie",
    [
        *(name for name in LIES if name != "another key"),
        "got in place of made",
        "another id",
        "an id too long",
        "an algorithm that was not asked for",
        "a curve that is not this key's",
        "a point off the curve",
        "no key",
        "another type of key",
        "a short key",
    ],
)
def test_a_forged_credential_is_not_added(session: Session, lie: str) -> None:
    more: dict[str, dict[str, Any]] = {
        "got in place of made": {"type": "webauthn.get"},
        "another id": {"credential_id": os.urandom(32)},
        "an id too long": {"credential_id": os.urandom(1024)},
        "an algorithm that was not asked for": {
            "key": ec.generate_private_key(ec.SECP384R1()),
            "public_key": {3: -35, -1: 2},
        },
        "a curve that is not this key's": {"public_key": {-1: 2}},
        "a point off the curve": {"public_key": {-2: bytes(32)}},
        "no key": {"public_key": {3: 0}},
        "another type of key": {"public_key": {1: 3}},
        "a short key": {"key": SHORT_KEY},
    }
    begun = creation_options(session)
    phone = SoftwareAuthenticator()
    credential = phone.create(begun.options, **(LIES | more)[lie])
    assert refused(session, credential, begun.token) == f"credential: {REFUSED}"
    assert (count(Passkey), count(Challenge)) == (0, 0)
    begun = creation_options(session)
    assert ceremonies.register(session, begun.token, None, phone.create(begun.options), CLIENT)


@pytest.mark.parametrize(
    ("length", "accepted"), [(15, False), (16, True), (1023, True), (1024, False)]
)
def test_the_length_of_a_credential_id_is_limited(
    session: Session, length: int, accepted: bool
) -> None:
    phone = SoftwareAuthenticator(credential_id=os.urandom(length))
    begun = creation_options(session)
    credential = phone.create(begun.options)
    if accepted:
        assert ceremonies.register(session, begun.token, None, credential, CLIENT)
        assert sign_in(phone)
    else:
        assert refused(session, credential, begun.token) == f"credential: {REFUSED}"


def test_one_passkey_has_one_account(app: Flask, session: Session) -> None:
    phone = added(session, SoftwareAuthenticator())
    eve = start_session(app, add_account(app, "eve@example.com"), CLIENT)
    for mine in (session, db.session.get_one(Session, eve.id)):
        begun = creation_options(mine)
        credential = phone.create(begun.options)
        assert refused(mine, credential, begun.token) == f"credential: {REFUSED}"
    assert count(Passkey) == 1


@pytest.mark.parametrize(
    ("most", "words"), [(1, "a passkey. Remove it"), (2, "2 passkeys. Remove one")]
)
def test_the_number_of_passkeys_is_limited(make_app: MakeApp, most: int, words: str) -> None:
    app = make_app(PASSKEYS_PER_ACCOUNT=most)
    add_account(app)
    with app.app_context():
        session = authentication.sign_in(ADA, PASSWORD, CLIENT, KIND).session
        waiting = creation_options(session)
        for _ in range(most):
            added(session, SoftwareAuthenticator())
        full = f"You already have {words} before you add another."
        with pytest.raises(InvalidInput, match=full):
            creation_options(session)
        made = SoftwareAuthenticator().create(waiting.options)
        assert refused(session, made, waiting.token) == f"body: {full}"
        assert count(Passkey) == most
