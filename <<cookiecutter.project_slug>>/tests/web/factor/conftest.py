"""Two-factor authentication on the pages."""

import re

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.accounts.models import Session
from app.extensions import db
from tests.authenticator import Authenticator
from tests.web.conftest import Browser

ADA = "ada@example.com"
SET_UP = "/account/factor/set-up"
CODES = "/account/factor/recovery-codes"
REMOVE = "/account/factor/remove"


@pytest.fixture(autouse=True)
def standing_clock(clock: time_machine.Traveller) -> None:
    """Stop the clock, so that a test decides which code is shown."""


def key_on(page: TestResponse) -> str:
    """Return the key that the set-up page shows as text."""
    found = re.findall(r"<code>([A-Z2-7]{32})</code>", page.text)
    assert len(found) == 1
    return str(found[0])


def codes_on(page: TestResponse) -> list[str]:
    """Return the recovery codes that a page shows."""
    return re.findall(r"\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){5}\b", page.text.partition("<pre>")[2])[:8]


def turn_on(browser: Browser) -> Authenticator:
    """Set an authenticator app up, and keep the recovery codes."""
    phone = Authenticator(key_on(browser.get(SET_UP)))
    page = browser.submit(SET_UP, {"code": phone.code(-1)}, page=SET_UP)
    assert page.status_code == 200
    phone.recovery_codes = codes_on(page)
    return phone


@pytest.fixture
def phone(signed_in: Browser) -> Authenticator:
    """Ada's authenticator app; `signed_in` stays signed in."""
    return turn_on(signed_in)


def second_step(browser: Browser, code: str, email: str = ADA, **values: str) -> TestResponse:
    """Sign in with a password and a code."""
    assert browser.sign_in(email, **values).location == "/login/factor"
    return browser.submit("/login/factor", {"code": code}, page="/login/factor")


def sessions(app: Flask) -> int:
    """Return how many sessions there are."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Session)) or 0
