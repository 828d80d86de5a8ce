"""Signing in."""

import json
import re
from urllib.parse import quote
from uuid import UUID

import pytest
from flask import Flask

from app.web.guards import safe_target
from app.web.problems import FOR_SCRIPTS
from tests.conftest import PASSWORD, Inbox, add_account
from tests.web.conftest import Browser, error_of, without_token

PUBLIC = {
    "/",
    "/register",
    "/confirm",
    "/confirm/<token>",
    "/login",
    "/login/factor",
    "/logout",
    "/reset-password",
    "/reset-password/<token>",
    "/account/email/<token>",
    "/passkeys/options",
    "/passkeys/sign-in",
    "/.well-known/change-password",
    "/.well-known/passkey-endpoints",
    "/static/web/<path:filename>",
    "/static/<path:filename>",
    "/healthz",
}


def test_signing_in_leads_to_the_account(browser: Browser, account: str) -> None:
    response = browser.sign_in(account)
    assert (response.status_code, response.location) == (303, "/account")
    assert "Ada" in browser.get("/account").text


@pytest.mark.parametrize("typed", ["ADA@example.com", " ada@example.com ", "ａｄａ@example.com"])
def test_however_the_address_is_written(browser: Browser, account: str, typed: str) -> None:
    assert browser.sign_in(typed).status_code == 303


def test_every_failure_looks_the_same(app: Flask, account: str) -> None:
    add_account(app, "waiting@example.com", confirmed=False)
    pages = set()
    for email in (account, "waiting@example.com", "nobody@example.com", "no address"):
        browser = Browser(app)
        response = browser.sign_in(email, "wrong password")
        assert response.status_code == 422
        assert "Set-Cookie" not in response.headers
        pages.add(without_token(response).replace(f'value="{email}"', ""))
    assert len(pages) == 1
    assert error_of(response, "password") == "The email address or the password is wrong."


def test_only_the_right_password_sees_that_the_address_is_unconfirmed(
    app: Flask, browser: Browser
) -> None:
    email = add_account(app, "waiting@example.com", confirmed=False)
    response = browser.sign_in(email)
    assert response.status_code == 422
    assert "Confirm your email address first" in response.text
    assert not browser.is_signed_in()
    # The form to have the link sent again knows the address.
    assert f'value="{email}"' in browser.get("/confirm").text


def test_the_address_is_kept_and_the_password_is_not(browser: Browser, account: str) -> None:
    page = browser.sign_in(account, "a wrong password typed", remember="y").text
    assert f'value="{account}"' in page
    assert "a wrong password typed" not in page
    assert "checked" in page


@pytest.mark.parametrize("size", [129, 60_000])
def test_a_password_over_the_maximum_length_is_only_wrong(
    browser: Browser, account: str, size: int
) -> None:
    assert browser.sign_in(account, "x" * size).status_code == 422


def test_a_body_that_is_too_large_is_refused(browser: Browser, account: str) -> None:
    assert browser.sign_in(account, "x" * 70_000).status_code == 413


def test_the_sign_in_page_redirects_signed_in_people(signed_in: Browser, account: str) -> None:
    assert signed_in.get("/login").location == "/account"
    assert signed_in.get("/login?next=/account/profile").location == "/account"
    values = {"email": account, "password": PASSWORD}
    assert signed_in.submit("/login", values, page="/account").location == "/account"


@pytest.mark.parametrize("path", ["/account", "/account/profile", "/account/export"])
def test_a_page_redirects_to_the_sign_in_and_back(
    browser: Browser, account: str, path: str
) -> None:
    response = browser.get(f"{path}?tab=1")
    assert response.status_code == 303
    assert response.location == f"/login?next={path}?tab%3D1"
    page = browser.get(response.location).text
    assert "Sign in to continue." in page
    assert f'name="next" type="hidden" value="{path}?tab=1"' in page
    assert browser.sign_in(account, next=f"{path}?tab=1").location == f"{path}?tab=1"


def test_every_page_but_the_public_ones_is_for_people_who_are_signed_in(browser: Browser) -> None:
    there_are = browser.client.application.url_map.iter_rules()
    rules = [rule for rule in there_are if rule.rule not in PUBLIC]
    #: if cookiecutter.interface == "both"
    rules = [rule for rule in rules if not rule.endpoint.startswith("api_")]
    #: endif
    assert len(rules) > 5
    for rule in rules:
        path = re.sub("<[^>]+>", "1", re.sub("<uuid:[^>]+>", str(UUID(int=1)), rule.rule))
        if "GET" in (rule.methods or ()):
            response = browser.get(path)
            location = response.location or ""
            assert response.status_code == 401 or location.startswith("/login?next="), (
                f"{rule.rule} can be seen without signing in: decorate its view with"
                f" @login_required or, if that is right, add it to PUBLIC in {__name__}"
            )
        if "POST" in (rule.methods or ()):
            response = browser.submit(path)
            by_script = rule.endpoint in FOR_SCRIPTS
            location = str(
                json.loads(response.text)["location"] if by_script else response.location
            )
            assert location.startswith("/login?next="), path


def test_a_form_sent_signed_out_leads_back_to_its_page(browser: Browser) -> None:
    assert browser.submit("/account/profile").location == "/login?next=/account/profile"
    assert browser.submit("/account/sessions/1/revoke").location == "/login?next=/account/sessions"


def test_next_survives_a_wrong_password(browser: Browser, account: str) -> None:
    page = browser.sign_in(account, "wrong", next="/account/profile").text
    assert 'value="/account/profile"' in page


@pytest.mark.parametrize("value", ["a" * 4_000, "%00" * 1_000, "ä" * 300, "%F0%9F%8D%AA" * 200])
def test_next_never_makes_a_header_too_long_for_a_proxy(
    browser: Browser, account: str, value: str
) -> None:
    """nginx takes 4 KiB of headers from an app, and answers with 502 beyond."""
    there = browser.get(f"/account?tab={value}").location or ""
    assert there.startswith("/login?next=/account")
    back = browser.sign_in(account, next=f"/account?tab={value}").location or ""
    assert back.startswith("/account")
    assert max(len(there), len(back)) < 3_000


UNSAFE = [
    "//evil.com",
    "////evil.com",
    "///evil.com",
    "https://evil.com",
    "https:///evil.com",
    "http:evil.com",
    "https:evil.com",
    "/\\evil.com",
    "\\\\evil.com",
    "/\t/evil.com",
    "/\n/evil.com",
    "/\r/evil.com",
    "\t//evil.com",
    " //evil.com",
    "/ /evil.com",
    "/\x00/evil.com",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://localhost:8443/account",
    "http://localhost/account",
    "https://localhost@evil.com/",
    "evil.com",
    "account",
    "",
    None,
]


@pytest.mark.parametrize("target", UNSAFE)
def test_next_never_leads_to_another_site(app: Flask, target: str | None) -> None:
    with app.test_request_context():
        assert safe_target(target) == "/account"


@pytest.mark.parametrize("target", ["/", "/account/profile", "/account/a%20b?c=//d", "/é"])
def test_next_leads_to_any_path_here(app: Flask, target: str) -> None:
    with app.test_request_context():
        assert safe_target(target) == target


@pytest.mark.parametrize("target", ["//evil.com", "/\\evil.com", "https://evil.com"])
def test_the_sign_in_follows_no_unsafe_next(browser: Browser, account: str, target: str) -> None:
    assert browser.sign_in(account, next=target).location == "/account"
    browser.submit("/logout", page="/account")
    token = browser.csrf_token()
    response = browser.client.post(
        f"/login?next={quote(target)}",
        data={"csrf_token": token, "email": account, "password": PASSWORD},
    )
    assert response.location == "/account"


def test_signing_in_discards_the_previous_session(browser: Browser, account: str) -> None:
    before = browser.csrf_token()
    browser.sign_in(account)
    response = browser.client.post("/logout", data={"csrf_token": before})
    assert response.status_code == 400
    assert browser.is_signed_in()


def test_guesses_are_limited_for_an_account_including_right_ones(app: Flask, account: str) -> None:
    browser = Browser(app)
    for _ in range(10):
        assert browser.sign_in(account, "wrong").status_code == 422
    response = browser.sign_in(account)
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= 900
    assert "Too many attempts" in response.text
    assert browser.sign_in(account.upper()).status_code == 429


def test_a_browser_that_signed_in_before_is_not_locked_out_by_strangers(
    app: Flask, signed_in: Browser, account: str
) -> None:
    signed_in.submit("/logout", page="/account")
    stranger = Browser(app)
    for _ in range(10):
        stranger.sign_in(account, "wrong")
    assert stranger.sign_in(account).status_code == 429
    assert signed_in.sign_in(account).status_code == 303


def test_a_browser_is_a_stranger_after_another_one_changed_the_password(
    app: Flask, signed_in: Browser, account: str
) -> None:
    changing, stranger = Browser(app), Browser(app)
    changing.sign_in(account)
    new = "four other words entirely"
    values = {"current_password": PASSWORD, "password": new}
    assert changing.submit("/account/password", values, page="/account").status_code == 303
    changing.submit("/logout", page="/account")
    for _ in range(10):
        stranger.sign_in(account, "wrong")
    assert signed_in.sign_in(account, new).status_code == 429
    assert changing.sign_in(account, new).status_code == 303


def test_guesses_are_limited_for_an_ip_address(app: Flask) -> None:
    browser = Browser(app)
    statuses = [browser.sign_in(f"{n}@example.com", "wrong").status_code for n in range(21)]
    assert statuses == [422] * 20 + [429]


def test_the_owner_gets_an_email_about_a_sign_in_in_another_browser(
    app: Flask, browser: Browser, account: str, inbox: Inbox
) -> None:
    for _ in range(2):
        browser.sign_in(account)
        browser.submit("/logout", page="/account")
    assert inbox.to(account) == []
    Browser(app).sign_in(account)
    assert [mail.subject.split(" ·")[0] for mail in inbox.to(account)] == [
        "New sign-in to your account"
    ]
