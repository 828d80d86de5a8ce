"""An authenticator app for tests, and accounts that use one."""

import time
from collections.abc import Iterator

import pytest
import time_machine
from flask import Flask
from pyotp import TOTP

from app.accounts import authentication, sessions
from app.accounts.client import Client
from app.accounts.errors import FactorRequired
from app.accounts.factors import setups
from app.accounts.factors import store as factors
from app.accounts.models import Session
from app.extensions import transaction
from tests.conftest import PASSWORD

STEP = 30  # seconds
KIND = next(iter(sessions.IDLE_SETTINGS))
NOON = "2026-01-31T12:00:00Z"


class Authenticator:
    """An authenticator app with its key, and the recovery codes if there are any."""

    def __init__(self, secret: str, recovery_codes: list[str] | None = None) -> None:
        self.secret = secret
        self.recovery_codes = recovery_codes or []

    def code(self, steps: int = 0) -> str:
        """Return the code that is shown now, or this many steps later."""
        # While the clock runs, the next step may begin before the code is sent.
        assert time.time_ns() == time.time_ns(), "codes need the fixture `clock`"
        return TOTP(self.secret).at(int(time.time()), counter_offset=steps)

    def wrong_code(self) -> str:
        """Return six digits that aren't a code of any time close to now."""
        near = {self.code(steps) for steps in range(-12, 13)}
        return next(code for code in map("{:06}".format, range(100)) if code not in near)

    def wrong_codes(self) -> list[str]:
        """Return codes that are refused: a wrong one, an earlier one, and malformed ones."""
        return [self.wrong_code(), self.code(-1), "", "１２３４５６", "٣٤٥٦٧٨", "\0", "x" * 9999]


@pytest.fixture(autouse=True)
def noon() -> Iterator[None]:
    """Begin each test at the same moment: no code, rate-limit window or day ends meanwhile."""
    with time_machine.travel(NOON):
        yield


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    """A clock that stands still, so that a test decides which code is shown."""
    with time_machine.travel(NOON, tick=False) as coordinates:
        yield coordinates


def start_session(app: Flask, email: str, client: Client, kind: str = KIND) -> Session:
    """Return a session of an account without a second factor."""
    with app.app_context():
        return authentication.sign_in(email, PASSWORD, client, kind).session


def turn_on(session: Session, client: Client) -> Authenticator:
    """Turn the factor on in a session, with the code of the step before; needs an app context."""
    phone = Authenticator(begin(session).secret)
    phone.recovery_codes = factors.confirm(session, phone.code(-1), client)
    return phone


def begin(session: Session) -> setups.SetUp:
    """Return the key that waits in a session; needs an app context."""
    with transaction():
        return setups.find_or_new(session)


def first_step(email: str, client: Client, kind: str = KIND) -> str:
    """Return the token of a challenge, after a right password."""
    with pytest.raises(FactorRequired) as caught:
        authentication.sign_in(email, PASSWORD, client, kind)
    return caught.value.token
