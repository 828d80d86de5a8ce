"""Signing out: what ends, here and everywhere."""

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.accounts.models import Account, Session
from app.extensions import db
from tests.conftest import add_account
from tests.web.conftest import Browser
from tests.web.factor.conftest import turn_on


def test_signing_out_ends_the_session_on_the_server(app: Flask, account: str) -> None:
    browser, thief = Browser(app), Browser(app)
    browser.sign_in(account, remember="y")
    for name in ("session", "remember_token"):
        thief.set_cookie(name, browser.cookie(name) or "")
    assert thief.is_signed_in()
    response = browser.submit("/logout", page="/account")
    assert (response.status_code, response.location) == (303, "/")
    assert "You&#39;re signed out" in browser.get("/").text
    assert not browser.is_signed_in()
    assert not thief.is_signed_in()
    thief.delete_cookie("session")
    assert not thief.is_signed_in()


@pytest.mark.parametrize("path", ["/logout", "/account/sessions/<id>/revoke"])
def test_signing_out_ends_both_sessions_of_two_sign_ins_at_once(
    app: Flask, account: str, path: str
) -> None:
    bob = add_account(app, "bob@example.com")
    browser, other_tab = Browser(app), Browser(app)
    browser.sign_in(account)
    other_tab.sign_in(bob, remember="y")
    browser.set_cookie("remember_token", other_tab.cookie("remember_token") or "")
    assert account in browser.get("/account").text
    if path == "/logout":
        browser.submit(path, page="/account")
    else:
        with app.app_context():
            mine = select(Session.public_id).join(Session.account).where(Account.email == account)
            current = db.session.scalar(mine)
        browser.submit(path.replace("<id>", str(current)), page="/account/profile")
    assert not other_tab.is_signed_in()
    other_tab.delete_cookie("session")
    assert not other_tab.is_signed_in()


def test_a_sign_in_deletes_the_remember_me_cookie_of_one_at_the_same_time(
    browser: Browser, account: str
) -> None:
    cookies = browser.sign_in(account).headers.getlist("Set-Cookie")
    deleted = [cookie for cookie in cookies if "remember_token=;" in cookie]
    assert len(deleted) == 1
    assert "Max-Age=0" in deleted[0]


def test_signing_out_leaves_the_device_cookie_alone(signed_in: Browser) -> None:
    device = signed_in.cookie("device")
    response = signed_in.submit("/logout", page="/account")
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert signed_in.cookie("device") == device
    assert signed_in.cookie("remember_token") is None


def test_signing_out_discards_the_session(signed_in: Browser) -> None:
    before = signed_in.csrf_token("/account")
    signed_in.submit("/account/email", {"email": "typed@example.com"}, page="/account")
    signed_in.submit("/logout", page="/account")
    response = signed_in.client.post("/login", data={"csrf_token": before})
    assert response.status_code == 400
    assert "typed@example.com" not in signed_in.get("/confirm").text


def test_signing_out_deletes_the_remember_me_cookie(browser: Browser, account: str) -> None:
    browser.sign_in(account, remember="y")
    assert browser.cookie("remember_token")
    browser.submit("/logout", page="/account")
    assert browser.cookie("remember_token") is None


@pytest.mark.usefixtures("clock")
def test_signing_out_ends_a_sign_in_that_waits_for_a_code(
    browser: Browser, signed_in: Browser, account: str
) -> None:
    turn_on(signed_in)
    browser.sign_in(account)
    assert browser.cookie("challenge")
    browser.submit("/logout")
    assert browser.cookie("challenge") is None


def test_signing_out_needs_a_post(signed_in: Browser) -> None:
    response = signed_in.get("/logout")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    assert signed_in.is_signed_in()


def test_signing_out_twice_is_not_an_error(browser: Browser) -> None:
    assert browser.submit("/logout").status_code == 303


OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}


def old_sign_out(browser: Browser, token: str, headers: dict[str, str]) -> TestResponse:
    """Send the form to sign out of a page that was opened earlier."""
    return browser.client.post("/logout", data={"csrf_token": token}, headers=headers)


@pytest.mark.parametrize("headers", [{}, OWN_PAGE, {"Sec-Fetch-Site": "none"}])
def test_signing_out_in_a_second_tab_leads_home(
    signed_in: Browser, headers: dict[str, str]
) -> None:
    token = signed_in.csrf_token("/account")
    signed_in.submit("/logout", page="/account")
    response = old_sign_out(signed_in, token, headers)
    assert (response.status_code, response.location) == (303, "/")
    assert signed_in.get("/").status_code == 200


def test_a_tab_from_before_the_last_sign_in_signs_out(signed_in: Browser, account: str) -> None:
    token = signed_in.csrf_token("/account")
    signed_in.submit("/logout", page="/account")
    signed_in.sign_in(account)
    assert old_sign_out(signed_in, token, OWN_PAGE).status_code == 303
    assert not signed_in.is_signed_in()


@pytest.mark.parametrize("site", [None, "none", "same-site", "cross-site"])
def test_an_old_form_without_fetch_metadata_ends_no_session(
    signed_in: Browser, account: str, site: str | None
) -> None:
    token = signed_in.csrf_token("/account")
    signed_in.submit("/logout", page="/account")
    signed_in.sign_in(account)
    response = old_sign_out(signed_in, token, {"Sec-Fetch-Site": site} if site else {})
    assert response.status_code == 400
    assert 'href="/">Reload the page' in response.text
    assert signed_in.is_signed_in()


@pytest.mark.parametrize("site", [None, "same-site", "cross-site"])
def test_another_site_cannot_replace_the_cookies_of_a_session(app: Flask, site: str | None) -> None:
    # SameSite keeps the cookies out of such a request, but would not keep new ones from being set.
    headers = {"Sec-Fetch-Site": site} if site else {}
    response = app.test_client().post("/logout", headers=headers)
    assert response.status_code == (400 if site else 303)
    assert "Set-Cookie" not in response.headers
    assert "Clear-Site-Data" not in response.headers
