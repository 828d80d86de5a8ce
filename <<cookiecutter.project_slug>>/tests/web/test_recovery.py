"""A new password with a link in an email."""

import re
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete

from app.accounts.models import Account
from app.columns import now
from app.extensions import db
from tests.conftest import PASSWORD, Inbox, add_account
from tests.web.conftest import Browser, error_of, without_token

NEW = "four other words entirely"


@pytest.fixture
def link(app: Flask, account: str, inbox: Inbox) -> str:
    """The path of the link that was sent to the owner of `account`."""
    return ask(app, account, inbox)


def ask(app: Flask, email: str, inbox: Inbox) -> str:
    """Ask for a reset in a browser of its own; return the path of the link that is sent."""
    assert Browser(app).submit("/reset-password", {"email": email}).status_code == 303
    return f"/reset-password/{inbox.token(email)}"


def test_requesting_a_reset_reveals_nothing(app: Flask, account: str, inbox: Inbox) -> None:
    answers = []
    for email in (account, "nobody@example.com"):
        browser = Browser(app)
        response = browser.submit("/reset-password", {"email": email})
        page = without_token(browser.get("/reset-password")).replace(email, "")
        answers.append((response.status_code, response.location, page))
    assert answers[0] == answers[1]
    assert "https://localhost/reset-password/" in inbox.to(account)[0].body
    assert inbox.to("nobody@example.com") == []


def test_requesting_a_reset_needs_an_address(browser: Browser) -> None:
    response = browser.submit("/reset-password", {"email": "x"})
    assert response.status_code == 422
    assert error_of(response, "email")


def test_requests_are_limited(browser: Browser) -> None:
    for _ in range(5):
        assert browser.submit("/reset-password", {"email": "a@example.com"}).status_code == 303
    assert browser.submit("/reset-password", {"email": "A@example.com"}).status_code == 429


def test_opening_the_link_changes_nothing(browser: Browser, account: str, link: str) -> None:
    page = browser.get(link)
    assert page.status_code == 200
    # Also in the field that tells password managers whose password it is.
    assert re.search(rf'value="{account}"[^>]*autocomplete="username"', page.text)
    assert browser.client.head(link).status_code == 200
    assert browser.sign_in(account).status_code == 303


def test_the_new_password_is_the_only_one(
    browser: Browser, account: str, link: str, inbox: Inbox
) -> None:
    response = browser.submit(link, {"password": NEW})
    assert (response.status_code, response.location) == (303, "/login")
    assert browser.sign_in(account, PASSWORD).status_code == 422
    assert browser.sign_in(account, NEW).status_code == 303
    assert inbox.to(account)[-1].subject.startswith("Your password was changed")


def test_every_session_of_the_account_ends(
    app: Flask, signed_in: Browser, account: str, link: str
) -> None:
    stranger = Browser(app)
    stranger.submit(link, {"password": NEW})
    assert not signed_in.is_signed_in()


def test_the_link_also_proves_the_address(app: Flask, browser: Browser, inbox: Inbox) -> None:
    email = add_account(app, "waiting@example.com", confirmed=False)
    browser.submit(ask(app, email, inbox), {"password": NEW})
    assert browser.sign_in(email, NEW).status_code == 303


def test_the_limit_on_sign_ins_is_lifted(app: Flask, account: str, link: str) -> None:
    browser = Browser(app)
    for _ in range(10):
        browser.sign_in(account, "wrong")
    assert browser.sign_in(account).status_code == 429
    browser.submit(link, {"password": NEW})
    assert browser.sign_in(account, NEW).status_code == 303


def test_guesses_of_strangers_do_not_lock_the_owner_out(
    app: Flask, account: str, link: str
) -> None:
    owner, stranger = Browser(app), Browser(app)
    assert owner.submit(link, {"password": NEW}).status_code == 303
    for _ in range(10):
        stranger.sign_in(account, "wrong")
    assert stranger.sign_in(account, NEW).status_code == 429
    assert owner.sign_in(account, NEW).status_code == 303


@pytest.mark.parametrize("password", ["", "short", "password1234", "x" * 129, "ada@example.com"])
def test_the_link_still_works_after_a_refused_password(
    browser: Browser, link: str, password: str
) -> None:
    response = browser.submit(link, {"password": password})
    assert response.status_code == 422
    assert error_of(response, "password")
    assert browser.submit(link, {"password": NEW}).status_code == 303


@pytest.mark.parametrize("password", ["пароль из четырёх слов 🗝️", "abc Δ word " * 8, "y7! Q" * 25])
def test_long_and_odd_passwords_work(
    browser: Browser, account: str, link: str, password: str
) -> None:
    assert browser.submit(link, {"password": password}).status_code == 303
    assert browser.sign_in(account, password[:-1]).status_code == 422
    assert browser.sign_in(account, password).status_code == 303


def test_a_link_works_once(browser: Browser, account: str, link: str) -> None:
    browser.submit(link, {"password": NEW})
    again = browser.submit(link, {"password": "yet another long phrase"})
    assert again.status_code == 422
    assert "Your password is already set" in again.text
    assert 'href="/reset-password"' in again.text
    assert browser.sign_in(account, NEW).status_code == 303


def test_an_old_link_is_refused(browser: Browser, account: str, link: str) -> None:
    with time_machine.travel(now() + timedelta(hours=1), tick=False):
        assert browser.get(link).status_code == 404
        assert browser.submit(link, {"password": NEW}).status_code == 422
    assert browser.sign_in(account).status_code == 303


def test_a_newer_link_invalidates_the_older(
    app: Flask, account: str, link: str, inbox: Inbox
) -> None:
    newer = ask(app, account, inbox)
    assert Browser(app).submit(link, {"password": NEW}).status_code == 422
    assert Browser(app).submit(newer, {"password": NEW}).status_code == 303


def test_a_change_of_password_invalidates_the_link(
    app: Flask, signed_in: Browser, link: str
) -> None:
    values = {"current_password": PASSWORD, "password": NEW}
    assert signed_in.submit("/account/password", values, page="/account").status_code == 303
    assert Browser(app).get(link).status_code == 404


def test_the_link_of_a_deleted_account_is_refused(app: Flask, browser: Browser, link: str) -> None:
    with app.app_context():
        db.session.execute(delete(Account))
        db.session.commit()
    assert browser.submit(link, {"password": NEW}).status_code == 422


def test_another_signed_in_person_stays_signed_in(
    app: Flask, signed_in: Browser, inbox: Inbox
) -> None:
    other = add_account(app, "other@example.com", "Other")
    signed_in.submit(ask(app, other, inbox), {"password": NEW}, page="/account")
    assert "ada@example.com" in signed_in.get("/account").text
    assert Browser(app).sign_in(other, NEW).status_code == 303
