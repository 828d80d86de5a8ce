"""Changing your email address."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from app.accounts import limits
from app.accounts.models import Account
from app.columns import now
from app.extensions import db
from tests.conftest import PASSWORD, Inbox, add_account, delete_meanwhile
from tests.web.conftest import Browser, error_of, without_token

NEW = "countess@example.com"


def ask(browser: Browser, email: str = NEW) -> None:
    """Ask for the change."""
    response = browser.submit("/account/email", {"email": email}, page="/account")
    assert (response.status_code, response.location) == (303, "/account")


@pytest.fixture
def link(signed_in: Browser, inbox: Inbox) -> str:
    """The path of the link that was sent to the new address."""
    ask(signed_in)
    return f"/account/email/{inbox.token(NEW)}"


def test_signing_in_again_does_not_cancel_the_change(signed_in: Browser, inbox: Inbox) -> None:
    ask(signed_in)
    again = signed_in.submit("/reauthenticate", {"password": PASSWORD})
    assert again.status_code == 303
    assert inbox.token(NEW)


def test_nothing_changes_until_the_link_is_used(
    signed_in: Browser, account: str, link: str, inbox: Inbox
) -> None:
    assert inbox.to(account)[0].subject.startswith("Request to change")
    assert "expires in 1 day." in inbox.to(NEW)[0].body
    assert NEW in signed_in.get(link).text
    assert signed_in.client.head(link).status_code == 200
    page = signed_in.get("/account").text
    assert account in page
    assert NEW not in page


def test_the_button_changes_the_address(
    app: Flask, signed_in: Browser, account: str, link: str, inbox: Inbox
) -> None:
    response = signed_in.submit(link, page="/account")
    assert (response.status_code, response.location) == (303, "/login")
    assert NEW in signed_in.get("/account").text
    assert Browser(app).sign_in(account).status_code == 422
    assert Browser(app).sign_in(NEW).status_code == 303
    assert inbox.to(account)[-1].subject.startswith("Your email address was changed")


def test_the_link_works_signed_out_and_once(app: Flask, browser: Browser, link: str) -> None:
    assert browser.submit(link).status_code == 303
    second = browser.submit(link)
    assert second.status_code == 422
    assert 'href="/account/email"' in second.text
    again = browser.get(link)
    assert again.status_code == 404
    assert "Your email address was already changed" in again.text
    assert browser.sign_in(NEW).status_code == 303


def test_someone_else_who_is_signed_in_keeps_their_address(app: Flask, link: str) -> None:
    other = Browser(app)
    other.sign_in(add_account(app, "other@example.com"))
    assert other.submit(link, page="/account").status_code == 303
    assert "other@example.com" in other.get("/account").text
    assert Browser(app).sign_in(NEW).status_code == 303


def test_an_old_link_is_refused(app: Flask, account: str, link: str) -> None:
    with time_machine.travel(now() + timedelta(days=1), tick=False):
        assert Browser(app).submit(link).status_code == 422
    assert Browser(app).sign_in(account).status_code == 303


def test_a_newer_link_invalidates_the_older(signed_in: Browser, link: str, inbox: Inbox) -> None:
    ask(signed_in, "third@example.com")
    assert inbox.to("third@example.com")
    assert signed_in.get(link).status_code == 404


def test_a_change_of_password_invalidates_the_link(signed_in: Browser, link: str) -> None:
    values = {"current_password": PASSWORD, "password": "four other words entirely"}
    signed_in.submit("/account/password", values, page="/account")
    assert signed_in.submit(link, page="/account").status_code == 422


def test_an_address_in_use_gets_the_same_response(
    app: Flask, signed_in: Browser, account: str, inbox: Inbox
) -> None:
    other = add_account(app, "other@example.com")
    ask(signed_in)
    page = without_token(signed_in.get("/account"))
    ask(signed_in, other.upper())
    assert without_token(signed_in.get("/account")) == page
    assert inbox.to(other)[0].subject.startswith("Your email address is already in use")
    assert "/account/email/" not in inbox.to(other)[0].body
    assert len(inbox.to(account)) == 2


def test_an_address_taken_in_the_meantime_shows_a_page(
    app: Flask, signed_in: Browser, account: str, link: str
) -> None:
    add_account(app, NEW, "Quicker")
    response = signed_in.submit(link, page="/account")
    assert response.status_code == 422
    assert "This email address is already in use" in response.text
    assert account in signed_in.get("/account").text
    assert Browser(app).sign_in(account).status_code == 303


def test_an_unconfirmed_account_is_deleted_for_the_owner_of_the_mailbox(
    app: Flask, signed_in: Browser, account: str, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    add_account(app, NEW, "Stranger", confirmed=False)
    ask(signed_in)
    link = f"/account/email/{inbox.token(NEW)}"
    assert signed_in.submit(link, page="/account").status_code == 303
    assert NEW in signed_in.get("/account").text
    assert '"event": "account.superseded"' in caplog.text
    with app.app_context():
        assert [each.name for each in db.session.scalars(select(Account))] == ["Ada"]


def test_a_wrong_address_has_a_message_beside_the_field(signed_in: Browser, account: str) -> None:
    response = signed_in.submit("/account/email", {"email": "no address"}, page="/account")
    assert response.status_code == 422
    assert error_of(response, "email")
    assert 'value="no address"' in response.text


def test_requests_are_limited(signed_in: Browser) -> None:
    for _ in range(5):
        ask(signed_in)
    response = signed_in.submit("/account/email", {"email": NEW}, page="/account")
    assert response.status_code == 429


def test_asking_while_the_account_is_deleted_leads_to_the_sign_in(
    app: Flask, signed_in: Browser, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = signed_in.csrf_token("/account/email")
    monkeypatch.setattr(limits, "spend_mail", lambda *_: delete_meanwhile(app, account))
    values = {"csrf_token": token, "email": NEW}
    response = signed_in.client.post("/account/email", data=values)
    assert (response.status_code, response.location) == (303, "/login?next=/account/email")
