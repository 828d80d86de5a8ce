"""Two-factor authentication of Ada's account."""

from collections.abc import Iterator

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app.accounts import authentication, factors
from app.accounts.client import Client
from app.accounts.errors import InvalidInput
from app.accounts.models import Challenge, RecoveryCode, Session, TotpFactor, TotpSetup
from app.extensions import db
from tests.authenticator import KIND
from tests.conftest import PASSWORD

CLIENT = Client("192.0.2.1", "tests")
TABLES = (TotpFactor, TotpSetup, RecoveryCode, Challenge)


@pytest.fixture
def session(app: Flask, account: str, clock: time_machine.Traveller) -> Iterator[Session]:
    """A session of Ada's, and the context it is used in."""
    with app.app_context():
        yield authentication.sign_in(account, PASSWORD, CLIENT, KIND).session


def count(model: type) -> int:
    """Return the number of rows in a table."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def refused(session: Session, code: str) -> str:
    """Return the message with which a first code is refused."""
    with pytest.raises(InvalidInput) as caught:
        factors.confirm(session, code, CLIENT)
    (message,) = caught.value.errors["code"]
    return message
