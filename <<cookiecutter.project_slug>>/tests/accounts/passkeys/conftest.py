"""Passkeys of Ada's account, and sign-ins with them."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import rsa
from fido2.utils import websafe_encode
from flask import Flask
from sqlalchemy import func, select

from app.accounts import authentication
from app.accounts.client import Client
from app.accounts.errors import InvalidInput
from app.accounts.models import Session
from app.accounts.passkeys import ceremonies
from app.extensions import db
from tests.authenticator import KIND
from tests.conftest import PASSWORD
from tests.software_authenticator import (
    BS,
    SYNCED,
    UP,
    UV,
    SoftwareAuthenticator,
    add_passkey,
    new_key,
)

CLIENT = Client("192.0.2.1", "tests")
ADA = "ada@example.com"
OTHER_KEY = new_key()
SHORT_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
# Responses that are forged in one field.
LIES: dict[str, dict[str, Any]] = {
    "another challenge": {"challenge": websafe_encode(os.urandom(32))},
    "no challenge": {"challenge": ""},
    "a subdomain": {"origin": "https://evil.localhost"},
    "another port": {"origin": "https://localhost:8443"},
    "another scheme": {"origin": "http://localhost"},
    "another site": {"origin": "https://localhost.evil.example"},
    "no origin": {"origin": None},
    "a list of origins": {"origin": ["https://localhost"]},
    "a frame of another site": {"cross_origin": True},
    "a frame, as a word": {"cross_origin": "false"},
    "a page of another site around it": {"members": {"topOrigin": "https://evil.example"}},
    "a page around it without a name": {"members": {"topOrigin": None}},
    "client data too long": {"members": {"padding": "x" * 16384}},
    "another domain": {"rp_id": "evil.example"},
    "nobody present": {"flags": SYNCED & ~UP},
    "nobody verified": {"flags": SYNCED & ~UV},
    "no flags": {"flags": 0},
    "copied, and cannot be": {"flags": UP | UV | BS},
    "another key": {"key": OTHER_KEY},
}


@pytest.fixture
def session(app: Flask, account: str, clock: time_machine.Traveller) -> Iterator[Session]:
    """A session of Ada's, and the context it is used in."""
    with app.app_context():
        yield authentication.sign_in(account, PASSWORD, CLIENT, KIND).session


@pytest.fixture
def phone(session: Session) -> SoftwareAuthenticator:
    """A passkey of Ada's that is copied to her other devices."""
    return added(session, SoftwareAuthenticator())


def added(session: Session, authenticator: SoftwareAuthenticator) -> SoftwareAuthenticator:
    """Return the authenticator after adding its passkey."""
    add_passkey(session, CLIENT, authenticator)
    return authenticator


def count(model: type) -> int:
    """Return the number of rows in a table."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def sign_in(
    authenticator: SoftwareAuthenticator,
    change: Callable[[dict[str, Any]], Any] = lambda credential: credential,
    **lies: Any,
) -> authentication.SignedIn:
    """Sign in with a response that may be forged."""
    begun = ceremonies.sign_in_options(CLIENT, KIND)
    credential = change(authenticator.get(begun.options, **lies))
    return ceremonies.sign_in(begun.token, credential, CLIENT, KIND)


def refused(session: Session, credential: object, token: str, name: str | None = None) -> str:
    """Return the field and the message with which a new passkey is refused."""
    with pytest.raises(InvalidInput) as caught:
        ceremonies.register(session, token, name, credential, CLIENT)
    ((field, (message,)),) = caught.value.errors.items()
    return f"{field}: {message}"
