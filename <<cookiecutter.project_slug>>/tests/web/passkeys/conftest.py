"""Passkeys on the pages."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.extensions import db
from tests.software_authenticator import SoftwareAuthenticator
from tests.web.conftest import Browser

ADA, EVE = "ada@example.com", "eve@example.com"
PAGE = "/account/passkeys"
SIGN_IN, AGAIN = "/passkeys/sign-in", "/passkeys/reauthenticate"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"


@pytest.fixture(autouse=True)
def standing_clock(clock: time_machine.Traveller) -> None:
    """A test decides how much time passes."""


def add(
    browser: Browser, authenticator: SoftwareAuthenticator | None = None, **values: str | None
) -> SoftwareAuthenticator:
    """Add a passkey to the account of who is signed in."""
    authenticator = authenticator or SoftwareAuthenticator()
    begun = options(browser, f"{PAGE}/options")
    body = {"challenge": begun["challenge"], "credential": authenticator.create(begun["options"])}
    answer = browser.send(PAGE, {**body, **values})
    assert answer.status_code == 201, answer.text
    return authenticator


def options(browser: Browser, path: str = "/passkeys/options") -> dict[str, Any]:
    """Return the options that the script passes to the browser."""
    answer = browser.send(path, {})
    assert answer.status_code == 200, answer.text
    begun: dict[str, Any] = json.loads(answer.text)
    assert set(begun) == {"challenge", "options", "expires_at"}
    return begun


def assertion(browser: Browser, authenticator: SoftwareAuthenticator, **lies: Any) -> Any:
    """Return the body with which the script answers."""
    begun = options(browser)
    credential = authenticator.get(begun["options"], **lies)
    return {"challenge": begun["challenge"], "credential": credential}


def sign_in(browser: Browser, authenticator: SoftwareAuthenticator, **values: Any) -> TestResponse:
    """Sign in with a passkey."""
    return browser.send(SIGN_IN, assertion(browser, authenticator) | values)


def signals(page: TestResponse) -> Any:
    """Return what a page has for password managers."""
    (found,) = re.findall(r'data-signals="([^"]*)"', page.text)
    return json.loads(unescape(found))


def ids(page: TestResponse) -> list[str]:
    """Return the ids of the passkeys on the page of passkeys."""
    return re.findall(rf"{PAGE}/([\w-]{{36}})/remove", page.text)


def problem(answer: TestResponse, status: int) -> Any:
    """Return the members of a problem."""
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json is not None
    assert answer.json["status"] == status
    assert set(answer.json) >= {"type", "title", "detail"}
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json


def count(app: Flask, model: type) -> int:
    """Return the number of rows in a table."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.fixture
def phone(signed_in: Browser) -> SoftwareAuthenticator:
    """Ada's passkey; `signed_in` stays signed in."""
    return add(signed_in)


@pytest.fixture
def stale(signed_in: Browser, clock: time_machine.Traveller) -> Browser:
    """The browser `signed_in`, a quarter of an hour later."""
    clock.shift(timedelta(minutes=15))
    return signed_in
