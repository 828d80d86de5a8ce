"""The account pages: show, change, export and delete your account."""

import hashlib
import json
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts import fields
from app.accounts.models import Account, MailedToken, Session
from app.extensions import db
from tests.conftest import PASSWORD, Inbox, add_account, delete_meanwhile
from tests.web.conftest import Browser, error_of

NEW = "four other words entirely"


def test_the_account_page_shows_name_and_address(signed_in: Browser) -> None:
    page = signed_in.get("/account")
    assert "ada@example.com" in page.text
    assert 'datetime="20' in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_a_name_can_be_changed(signed_in: Browser) -> None:
    response = signed_in.submit("/account/profile", {"name": " <b>Ada</b> 🦊 "}, page="/account")
    assert (response.status_code, response.location) == (303, "/account")
    page = signed_in.get("/account").text
    assert "&lt;b&gt;Ada&lt;/b&gt; 🦊" in page
    assert "<b>Ada" not in page


def test_a_name_cannot_be_empty(signed_in: Browser) -> None:
    response = signed_in.submit("/account/profile", {"name": " "}, page="/account")
    assert response.status_code == 422
    assert error_of(response, "name")
    assert "Ada" in signed_in.get("/account").text


def test_a_new_password_ends_every_other_session(
    app: Flask, signed_in: Browser, account: str, inbox: Inbox
) -> None:
    other = Browser(app)
    other.sign_in(account, remember="y")
    values = {"current_password": PASSWORD, "password": NEW}
    response = signed_in.submit("/account/password", values, page="/account")
    assert (response.status_code, response.location) == (303, "/account")
    assert signed_in.is_signed_in()
    assert not other.is_signed_in()
    assert other.sign_in(account, PASSWORD).status_code == 422
    assert other.sign_in(account, NEW).status_code == 303
    assert "Your password was changed" in str(inbox.to(account))


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"current_password": "wrong", "password": NEW}, "current_password"),
        ({"password": NEW}, "current_password"),
        ({"current_password": PASSWORD, "password": "short"}, "password"),
        ({"current_password": PASSWORD, "password": "ada@example.com"}, "password"),
    ],
)
def test_a_refused_password_changes_nothing(
    app: Flask, signed_in: Browser, account: str, values: dict[str, str], field: str
) -> None:
    other = Browser(app)
    other.sign_in(account)
    response = signed_in.submit("/account/password", values, page="/account")
    assert response.status_code == 422
    assert error_of(response, field)
    assert other.is_signed_in()


@pytest.mark.parametrize("password", ["short", "ada@example.com"])
def test_both_wrong_passwords_have_messages(signed_in: Browser, password: str) -> None:
    values = {"current_password": "wrong", "password": password}
    response = signed_in.submit("/account/password", values, page="/account")
    assert error_of(response, "current_password")
    assert error_of(response, "password")


def test_a_browser_stays_known_with_a_new_password(
    app: Flask, signed_in: Browser, account: str, inbox: Inbox
) -> None:
    values = {"current_password": PASSWORD, "password": NEW}
    signed_in.submit("/account/password", values, page="/account")
    signed_in.submit("/logout", page="/account")
    for _ in range(10):  # strangers, who guess
        Browser(app).sign_in(account, "wrong")
    assert signed_in.sign_in(account, NEW).status_code == 303
    assert not [mail for mail in inbox.to(account) if mail.subject.startswith("New sign-in")]


def test_guesses_of_the_current_password_are_limited(signed_in: Browser) -> None:
    values = {"current_password": "wrong", "password": NEW}
    for _ in range(10):
        assert signed_in.submit("/account/password", values, page="/").status_code == 422
    right = {**values, "current_password": PASSWORD}
    assert signed_in.submit("/account/password", right, page="/").status_code == 429


def test_password_managers_find_the_form(browser: Browser) -> None:
    response = browser.get("/.well-known/change-password")
    assert (response.status_code, response.location) == (302, "/account/password")


def test_the_export_has_everything_except_secrets(
    app: Flask, signed_in: Browser, account: str
) -> None:
    Browser(app).submit("/reset-password", {"email": account})
    response = signed_in.get("/account/export")
    assert response.mimetype == "application/json"
    assert response.headers["Content-Disposition"] == "attachment; filename=account.json"
    data = json.loads(response.text)
    assert data["account"]["email"] == account
    assert data["account"]["created_at"].endswith("Z")
    assert data["sessions"][0]["user_agent"] == "Tests"
    with app.app_context():
        hashes = [
            *db.session.scalars(select(Account.password_hash)),
            *db.session.scalars(select(Session.token_hash)),
            *db.session.scalars(select(MailedToken.token_hash)),
        ]
    assert hashes
    assert not any(value in response.text for value in hashes)


def test_deleting_needs_the_password(signed_in: Browser) -> None:
    response = signed_in.submit("/account/delete", {"password": "wrong"}, page="/account")
    assert response.status_code == 422
    assert error_of(response, "password")
    assert signed_in.is_signed_in()


def test_deleting_removes_every_row(
    app: Flask, signed_in: Browser, account: str, inbox: Inbox
) -> None:
    other = Browser(app)
    other.sign_in(account, remember="y")
    Browser(app).submit("/reset-password", {"email": account})
    link = f"/reset-password/{inbox.token(account)}"
    response = signed_in.submit("/account/delete", {"password": PASSWORD}, page="/account")
    assert (response.status_code, response.location) == (303, "/")
    assert response.headers["Clear-Site-Data"]
    assert "Your account was deleted" in signed_in.get("/").text
    assert not signed_in.is_signed_in()
    assert not other.is_signed_in()
    assert other.sign_in(account).status_code == 422
    assert other.get(link).status_code == 404
    assert inbox.to(account)[-1].subject.startswith("Your account was deleted")
    with app.app_context():
        for model in (Account, Session, MailedToken):
            assert db.session.scalars(select(model)).all() == []


def test_deleting_keeps_other_accounts(app: Flask, signed_in: Browser) -> None:
    other = Browser(app)
    other.sign_in(add_account(app, "other@example.com"))
    signed_in.submit("/account/delete", {"password": PASSWORD}, page="/account")
    assert other.is_signed_in()


def test_unknown_fields_change_nothing(signed_in: Browser, account: str) -> None:
    values = {"name": "Countess", "email": "eve@example.com", "confirmed_at": "", "id": "7"}
    before = signed_in.get("/account/export").json
    assert signed_in.submit("/account/profile", values, page="/account").status_code == 303
    after = signed_in.get("/account/export").json
    assert before is not None
    assert after is not None
    assert after["account"] == {**before["account"], "name": "Countess"}


def test_a_change_while_the_account_is_deleted_leads_to_the_sign_in(
    app: Flask, signed_in: Browser, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_first(name: str) -> str:
        delete_meanwhile(app, account)
        return name

    token = signed_in.csrf_token("/account/profile")
    monkeypatch.setattr(fields, "clean_name", delete_first)
    response = signed_in.client.post(
        "/account/profile", data={"csrf_token": token, "name": "Countess"}
    )
    assert (response.status_code, response.location) == (303, "/login?next=/account/profile")
    assert not signed_in.is_signed_in()


@pytest.mark.parametrize("path", ["/account/delete", "/account/password"])
def test_a_form_sent_twice_at_once_leads_to_the_sign_in(
    app: Flask, signed_in: Browser, account: str, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    scrypt = hashlib.scrypt

    def delete_first(*args: Any, **options: Any) -> bytes:
        monkeypatch.setattr(hashlib, "scrypt", scrypt)
        delete_meanwhile(app, account)
        return scrypt(*args, **options)

    token = signed_in.csrf_token(path)
    monkeypatch.setattr(hashlib, "scrypt", delete_first)
    passwords = {"current_password": PASSWORD, "password": PASSWORD if "delete" in path else NEW}
    response = signed_in.client.post(path, data={"csrf_token": token, **passwords})
    assert (response.status_code, response.location) == (303, f"/login?next={path}")
    assert not signed_in.is_signed_in()
