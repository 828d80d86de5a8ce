"""The password asked again: for what a stranger at an open desk must not do."""

import re
import secrets
from collections.abc import Iterator
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, update

from app.accounts.models import Session
from app.columns import now
from app.extensions import db, transaction
from tests.conftest import PASSWORD, Inbox
from tests.web.conftest import Browser, error_of


@pytest.fixture
def stale(app: Flask, account: str) -> Iterator[Browser]:
    """A remembered browser whose sign-in is a quarter of an hour old."""
    browser = Browser(app)
    start = now()
    with time_machine.travel(start, tick=False) as clock:
        browser.sign_in(account, remember="y")
        clock.move_to(start + timedelta(minutes=15))
        yield browser


def prove(browser: Browser, target: str = "/account") -> str | None:
    """Give the password; where that leads."""
    values = {"password": PASSWORD, "next": target}
    return browser.submit("/reauthenticate", values, page="/account").location


def test_a_recent_sign_in_is_enough(signed_in: Browser) -> None:
    assert signed_in.get("/account/email").status_code == 200


def test_changing_the_address_asks_for_the_password_first(stale: Browser) -> None:
    response = stale.get("/account/email")
    assert (response.status_code, response.location) == (303, "/reauthenticate?next=/account/email")
    assert "To change your email address" in stale.get(response.location).text
    assert prove(stale, "/account/email") == "/account/email"
    assert stale.get("/account/email").status_code == 200


def test_an_address_typed_before_is_kept(stale: Browser, inbox: Inbox) -> None:
    new = "countess@example.com"
    response = stale.submit("/account/email", {"email": new}, page="/account")
    assert response.location == "/reauthenticate?next=/account/email"
    assert inbox.to(new) == []
    prove(stale, "/account/email")
    assert f'value="{new}"' in stale.get("/account/email").text
    stale.submit("/account/email", {"email": new}, page="/account")
    assert len(inbox.to(new)) == 1


def test_a_long_typed_address_causes_no_server_error(stale: Browser) -> None:
    # Random, since the session's cookie is compressed.
    typed = secrets.token_hex(20_000)
    response = stale.submit("/account/email", {"email": typed}, page="/account")
    assert response.status_code == 303
    assert len(stale.cookie("session") or "") < 2_000
    assert stale.is_signed_in()


@pytest.mark.parametrize("path", ["/account/sessions/1/revoke", "/account/sessions/revoke-others"])
def test_signing_out_devices_asks_for_the_password_first(
    app: Flask, stale: Browser, account: str, path: str
) -> None:
    other = Browser(app)
    other.sign_in(account)
    own = re.findall(r"/account/sessions/[\w-]{36}/revoke", stale.get("/account/sessions").text)[0]
    response = stale.submit(path.replace("/account/sessions/1/revoke", own), page="/account")
    assert response.location == "/reauthenticate?next=/account/sessions"
    assert "To sign out other devices" in stale.get(response.location).text
    assert other.is_signed_in()
    prove(stale)
    assert stale.submit(own, page="/account").status_code == 303
    assert not other.is_signed_in()


@pytest.mark.parametrize(("ahead", "status"), [(50, 200), (120, 303)])
def test_a_session_begun_while_the_clock_was_ahead_is_not_recent(
    app: Flask, signed_in: Browser, ahead: int, status: int
) -> None:
    with app.app_context(), transaction():
        db.session.execute(update(Session).values(created_at=now() + timedelta(seconds=ahead)))
    assert signed_in.get("/account/email").status_code == status


def test_a_new_session_replaces_the_old_one(app: Flask, stale: Browser) -> None:
    thief = Browser(app)
    for name in ("session", "remember_token"):
        thief.set_cookie(name, stale.cookie(name) or "")
    prove(stale)
    assert stale.is_signed_in()
    assert not thief.is_signed_in()
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Session)) == 1


def test_a_remembered_browser_stays_remembered(stale: Browser) -> None:
    prove(stale)
    stale.delete_cookie("session")
    assert stale.is_signed_in()


def test_a_browser_that_is_not_remembered_stays_so(signed_in: Browser) -> None:
    prove(signed_in)
    assert signed_in.cookie("remember_token") is None


def test_a_wrong_password_does_not_reauthenticate(stale: Browser) -> None:
    values = {"password": "wrong", "next": "/account/email"}
    response = stale.submit("/reauthenticate", values, page="/account")
    assert response.status_code == 422
    assert error_of(response, "password")
    assert 'value="/account/email"' in response.text
    assert stale.get("/account/email").status_code == 303


def test_guesses_are_limited(stale: Browser) -> None:
    for _ in range(10):
        stale.submit("/reauthenticate", {"password": "wrong"}, page="/account")
    response = stale.submit("/reauthenticate", {"password": PASSWORD}, page="/account")
    assert response.status_code == 429


@pytest.mark.parametrize("target", ["//evil.com", "/\\evil.com", "https://evil.com", ""])
def test_next_never_leaves_this_site(stale: Browser, target: str) -> None:
    assert prove(stale, target) == "/account"


def test_reauthentication_redirects_signed_out_people(browser: Browser) -> None:
    assert browser.get("/reauthenticate").location == "/login?next=/reauthenticate"
