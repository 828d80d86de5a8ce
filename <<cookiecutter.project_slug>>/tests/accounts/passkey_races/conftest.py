"""Concurrent use of passkeys."""

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app.accounts import access
from app.accounts.client import Client
from app.accounts.errors import InvalidChallenge, WrongCredentials
from app.accounts.models import Session
from app.accounts.passkeys import ceremonies
from app.extensions import db
from tests.authenticator import KIND, start_session
from tests.conftest import delete_meanwhile
from tests.software_authenticator import DEVICE_BOUND, SoftwareAuthenticator, add_passkey

CLIENT = Client("192.0.2.1", "tests")
TIMES = 6
JUDGE = "app.accounts.passkeys.responses.judge"


@pytest.fixture
def session(app: Flask, account: str, clock: time_machine.Traveller) -> Session:
    """A session of Ada's."""
    return start_session(app, account, CLIENT)


@pytest.fixture
def phone(app: Flask, session: Session) -> SoftwareAuthenticator:
    """A passkey of Ada's that is bound to its device."""
    return added(app, session, SoftwareAuthenticator(flags=DEVICE_BOUND, counter=1))


def added(app: Flask, session: Session, made: SoftwareAuthenticator) -> SoftwareAuthenticator:
    """Return the authenticator after adding its passkey."""
    with app.app_context():
        add_passkey(db.session.get_one(Session, session.id), CLIENT, made)
    return made


def count(app: Flask, model: type) -> int:
    """Return the number of rows in a table."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def begin(app: Flask, number: int = 0) -> ceremonies.Options:
    """Return the options of a sign-in."""
    with app.app_context():
        return ceremonies.sign_in_options(Client(f"192.0.2.{number}"), KIND)


def outcome(token: str, credential: object) -> str:
    """Return the outcome of a sign-in."""
    try:
        ceremonies.sign_in(token, credential, CLIENT, KIND)
    except (InvalidChallenge, WrongCredentials) as error:
        return type(error).__name__
    return "signed in"


def disable(app: Flask, session: Session) -> None:
    """Disable the account."""
    with app.app_context():
        access.disable(session.account, CLIENT)


def delete(app: Flask, session: Session) -> None:
    """Delete the account."""
    delete_meanwhile(app, session.account.email)
