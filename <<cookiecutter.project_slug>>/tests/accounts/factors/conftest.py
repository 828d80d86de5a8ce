"""Two-factor authentication of Ada's account."""

from collections.abc import Iterator

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app.accounts import authentication, recovery, sessions, store
from app.accounts.client import Client
from app.accounts.errors import InvalidInput
from app.accounts.factors import store as factors
from app.accounts.models import Account, Challenge, RecoveryCode, Session, TotpFactor, TotpSetup
from app.extensions import db
from tests.authenticator import KIND, Authenticator, turn_on
from tests.conftest import PASSWORD, Inbox

CLIENT = Client("192.0.2.1", "tests")
ADA = "ada@example.com"
OTHER_PASSWORD = "tangerine lorry at dusk"
TABLES = (TotpFactor, TotpSetup, RecoveryCode, Challenge)


@pytest.fixture
def session(app: Flask, account: str, clock: time_machine.Traveller) -> Iterator[Session]:
    """A session of Ada's, and the context it is used in."""
    with app.app_context():
        yield authentication.sign_in(account, PASSWORD, CLIENT, KIND).session


@pytest.fixture
def phone(app: Flask, account: str, clock: time_machine.Traveller) -> Iterator[Authenticator]:
    """Ada's authenticator app, and an app context; no session is left."""
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        phone = turn_on(session, CLIENT)
        sessions.sign_out(session, CLIENT)
        yield phone


def count(model: type) -> int:
    """Return the number of rows in a table."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def refused(session: Session, code: str) -> str:
    """Return the message with which a first code is refused."""
    with pytest.raises(InvalidInput) as caught:
        factors.confirm(session, code, CLIENT)
    (message,) = caught.value.errors["code"]
    return message


def owner() -> Account:
    """Return Ada's account."""
    found = store.by_email(ADA)
    assert found is not None
    return found


def second_step(token: str, code: str, *kinds: str) -> authentication.SignedIn:
    """Sign in with a code."""
    return authentication.sign_in_with_code(token, code, CLIENT, *(kinds or [KIND]))


def refused_code(token: str, code: str) -> None:
    """Expect the code to be refused, and the challenge to stay valid."""
    with pytest.raises(InvalidInput) as caught:
        second_step(token, code)
    assert list(caught.value.errors) == ["code"]


def reset_password(inbox: Inbox) -> None:
    """Set another password with a link from an email."""
    recovery.mail_reset(ADA, CLIENT)
    recovery.complete_reset(inbox.token(ADA), OTHER_PASSWORD, CLIENT)
