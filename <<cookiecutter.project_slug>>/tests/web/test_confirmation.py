"""Confirming an email address with the link in an email."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete

from app.accounts.models import Account
from app.columns import now
from app.extensions import db
from tests.conftest import PASSWORD, Inbox, add_account
from tests.web.conftest import Browser, without_token

EMAIL = "grace@example.com"


@pytest.fixture
def link(browser: Browser, inbox: Inbox) -> str:
    """The path of the link that a registration sent."""
    browser.submit("/register", {"name": "Grace", "email": EMAIL, "password": PASSWORD})
    return f"/confirm/{inbox.token(EMAIL)}"


def test_opening_the_link_changes_nothing(browser: Browser, link: str) -> None:
    page = browser.get(link)
    assert page.status_code == 200
    assert "Confirm email address" in page.text
    assert browser.client.head(link).status_code == 200
    assert "Confirm your email address first" in browser.sign_in(EMAIL).text


def test_the_button_confirms_and_leads_to_the_sign_in(browser: Browser, link: str) -> None:
    response = browser.submit(link, page=link)
    assert (response.status_code, response.location) == (303, "/login")
    assert "Your email address is confirmed" in browser.get("/login").text
    assert browser.sign_in(EMAIL).location == "/account"


def test_a_link_works_once(browser: Browser, link: str) -> None:
    browser.submit(link)
    second = browser.submit(link)
    assert second.status_code == 422
    assert "already confirmed" in second.text
    assert 'href="/login"' in second.text
    assert browser.get(link).status_code == 404


def test_an_old_link_is_refused(browser: Browser, link: str) -> None:
    with time_machine.travel(now() + timedelta(days=3), tick=False):
        assert browser.get(link).status_code == 404
        page = browser.submit(link)
    assert page.status_code == 422
    assert "If you already confirmed your email address, you can sign in." in page.text
    assert "Confirm your email address first" in browser.sign_in(EMAIL).text


def test_a_newer_link_invalidates_the_older(browser: Browser, link: str, inbox: Inbox) -> None:
    browser.submit("/confirm", {"email": EMAIL})
    newer = f"/confirm/{inbox.token(EMAIL)}"
    assert newer != link
    assert browser.submit(link).status_code == 422
    assert browser.submit(newer).status_code == 303


@pytest.mark.parametrize("token", ["x", "x" * 5000, "%00", "%ff%fe", "é", "..", "%0d%0a"])
def test_an_unknown_token_is_refused(browser: Browser, token: str) -> None:
    for path in ("/confirm", "/reset-password", "/account/email"):
        assert browser.get(f"{path}/{token}").status_code == 404
        assert browser.submit(f"{path}/{token}").status_code in (404, 422)


def test_the_link_of_a_deleted_account_is_refused(app: Flask, browser: Browser, link: str) -> None:
    with app.app_context():
        db.session.execute(delete(Account))
        db.session.commit()
    assert browser.get(link).status_code == 404
    assert browser.submit(link).status_code == 422


def test_another_signed_in_person_stays_signed_in(
    app: Flask, signed_in: Browser, link: str
) -> None:
    assert signed_in.submit(link, page="/account").status_code == 303
    assert "ada@example.com" in signed_in.get("/account").text
    assert Browser(app).sign_in(EMAIL).status_code == 303


def test_sending_again_reveals_nothing(app: Flask, inbox: Inbox) -> None:
    add_account(app, "waiting@example.com", confirmed=False)
    add_account(app, "confirmed@example.com")
    answers = []
    for email in ("waiting@example.com", "confirmed@example.com", "nobody@example.com"):
        browser = Browser(app)
        response = browser.submit("/confirm", {"email": email})
        page = without_token(browser.get("/confirm")).replace(email, "")
        answers.append((response.status_code, response.location, page))
    assert answers[0] == answers[1] == answers[2]
    assert len(inbox.to("waiting@example.com")) == 1
    assert inbox.to("confirmed@example.com") == inbox.to("nobody@example.com") == []


def test_sending_again_needs_an_address(browser: Browser) -> None:
    assert browser.submit("/confirm", {"email": "x"}).status_code == 422


def test_sending_again_is_limited(browser: Browser) -> None:
    for _ in range(5):
        assert browser.submit("/confirm", {"email": EMAIL}).status_code == 303
    assert browser.submit("/confirm", {"email": EMAIL}).status_code == 429


def test_the_page_says_where_an_email_went_if_there_was_one(browser: Browser) -> None:
    browser.submit("/reset-password", {"email": "ada@example.com"})
    page = browser.get("/confirm").text
    assert "We sent you an email when you registered." in page
    assert 'value="ada@example.com"' in page
    browser.submit("/confirm", {"email": "grace@example.com"})
    assert "We sent an email to <strong" in browser.get("/confirm").text
    assert ">grace@example.com</strong>." in browser.get("/confirm").text
