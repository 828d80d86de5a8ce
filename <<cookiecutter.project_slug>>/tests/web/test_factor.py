"""Two-factor authentication on the pages."""

import re
from datetime import timedelta
from urllib.parse import unquote

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.accounts.models import Session
from app.extensions import db
from tests.authenticator import STEP, Authenticator
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.web.conftest import Browser, error_of

ADA = "ada@example.com"
SET_UP = "/account/factor/set-up"
CODES = "/account/factor/recovery-codes"
REMOVE = "/account/factor/remove"


@pytest.fixture(autouse=True)
def standing_clock(clock: time_machine.Traveller) -> None:
    """A test decides which code is shown."""


def key_on(page: TestResponse) -> str:
    """The key that the set-up page shows as text."""
    found = re.findall(r"<code>([A-Z2-7]{32})</code>", page.text)
    assert len(found) == 1
    return str(found[0])


def codes_on(page: TestResponse) -> list[str]:
    """The recovery codes that a page shows."""
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
    """How many sessions there are."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Session)) or 0


def test_a_sign_in_takes_two_steps(app: Flask, browser: Browser, phone: Authenticator) -> None:
    first = browser.sign_in(ADA)
    assert (first.status_code, first.location) == (303, "/login/factor")
    assert sessions(app) == 1
    assert browser.cookie("device") is browser.cookie("remember_token") is None
    assert not browser.is_signed_in()
    page = browser.get("/login/factor")
    assert page.status_code == 200
    assert 'inputmode="numeric"' in page.text
    assert 'autocomplete="one-time-code"' in page.text
    assert ADA not in page.text
    second = browser.submit("/login/factor", {"code": phone.code()}, page="/login/factor")
    assert (second.status_code, second.location) == (303, "/account")
    assert browser.is_signed_in()
    assert browser.cookie("challenge") is None
    assert browser.cookie("device")


def test_the_challenge_cookie_is_for_this_host_and_not_for_scripts(
    browser: Browser, phone: Authenticator
) -> None:
    headers = browser.sign_in(ADA).headers.getlist("Set-Cookie")
    (cookie,) = [header for header in headers if header.startswith("__Host-challenge=")]
    attributes = set(cookie.split("; ")[1:])
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax", "Max-Age=600"} <= attributes


def test_over_plain_http_in_debug_mode_it_has_no_prefix(make_app: MakeApp) -> None:
    app = make_app(DEBUG=True, BASE_URL="http://localhost:5000", PREFERRED_URL_SCHEME="http")
    add_account(app)
    browser = Browser(app)
    browser.sign_in(ADA)
    turn_on(browser)
    headers = Browser(app).sign_in(ADA).headers.getlist("Set-Cookie")
    (cookie,) = [header for header in headers if header.startswith("challenge=")]
    assert "Secure" not in cookie
    assert "HttpOnly" in cookie


@pytest.mark.parametrize("remember", [True, False])
def test_remember_me_and_next_survive_the_second_step(
    browser: Browser, phone: Authenticator, remember: bool
) -> None:
    values = {"next": "/account/profile", **({"remember": "y"} if remember else {})}
    assert second_step(browser, phone.code(), **values).location == "/account/profile"
    browser.delete_cookie("session")
    assert browser.is_signed_in() == remember


@pytest.mark.parametrize("target", ["//evil.com", "https://evil.com", "/\\evil.com"])
def test_the_second_step_leads_to_no_other_site(
    browser: Browser, phone: Authenticator, target: str
) -> None:
    assert second_step(browser, phone.code(), next=target).location == "/account"


def test_nothing_of_the_session_before_lives_on(
    app: Flask, browser: Browser, phone: Authenticator
) -> None:
    browser.get("/login")
    planted = browser.cookie("session")
    browser.sign_in(ADA)
    half = browser.cookie("session")
    browser.submit("/login/factor", {"code": phone.code()}, page="/login/factor")
    stranger = Browser(app)
    for value in (planted, half):
        stranger.set_cookie("session", value or "")
        assert not stranger.is_signed_in()


def test_a_wrong_code_has_a_message_beside_the_field_and_can_be_corrected(
    browser: Browser, phone: Authenticator
) -> None:
    browser.sign_in(ADA)
    for code in (
        phone.wrong_code(),
        phone.code(-1),
        "",
        "１２３４５６",
        "٣٤٥٦٧٨",
        "\0",
        "x" * 9999,
    ):
        page = browser.submit("/login/factor", {"code": code}, page="/login/factor")
        assert page.status_code == 422
        assert error_of(page, "code")
        assert "<title>Error: " in page.text
    page = browser.submit("/login/factor", {"code": phone.code()}, page="/login/factor")
    assert page.location == "/account"


def test_a_code_without_its_field_is_refused(browser: Browser, phone: Authenticator) -> None:
    browser.sign_in(ADA)
    page = browser.submit("/login/factor", page="/login/factor")
    assert (page.status_code, error_of(page, "code")) == (422, "Enter a code.")


def test_a_code_works_once(app: Flask, browser: Browser, phone: Authenticator) -> None:
    code = phone.code()
    assert second_step(browser, code).status_code == 303
    assert second_step(Browser(app), code).status_code == 422


def test_without_a_challenge_the_second_step_leads_to_the_first(
    browser: Browser, phone: Authenticator, clock: time_machine.Traveller
) -> None:
    token = browser.csrf_token()
    for cookie in (None, "x" * 43, ""):
        if cookie is not None:
            browser.set_cookie("challenge", cookie)
        assert browser.get("/login/factor").location == "/login"
        data = {"code": phone.code(), "csrf_token": token}
        answer = browser.client.post("/login/factor", data=data)
        assert (answer.status_code, answer.location) == (303, "/login")
    browser.sign_in(ADA)
    clock.shift(10 * 60)
    assert browser.get("/login/factor").location == "/login"
    assert browser.cookie("challenge") is None
    assert "took too long" in browser.get("/login").text


def test_a_sign_in_that_took_too_long_still_leads_where_it_began(
    browser: Browser, phone: Authenticator, clock: time_machine.Traveller
) -> None:
    fields = {"email": ADA, "password": PASSWORD, "next": "/account/sessions"}
    assert browser.submit("/login", fields).location == "/login/factor"
    clock.shift(10 * 60)
    assert browser.get("/login/factor").location == "/login?next=/account/sessions"


def test_a_copied_challenge_is_worth_nothing_afterwards(
    app: Flask, browser: Browser, phone: Authenticator
) -> None:
    browser.sign_in(ADA)
    copied = browser.cookie("challenge") or ""
    browser.submit("/login/factor", {"code": phone.code()}, page="/login/factor")
    thief = Browser(app)
    thief.set_cookie("challenge", copied)
    assert thief.get("/login/factor").location == "/login"


def test_half_a_sign_in_leaves_nothing_for_the_next_account(
    app: Flask, browser: Browser, phone: Authenticator
) -> None:
    eve = add_account(app, "eve@example.com", "Eve")
    browser.sign_in(ADA, remember="y", next="/account/delete")
    assert browser.sign_in(eve).location == "/account"
    assert browser.cookie("challenge") is browser.cookie("remember_token") is None
    assert "eve@example.com" in browser.get("/account").text
    browser.submit("/logout", page="/account")
    assert browser.get("/login/factor").location == "/login"


def test_half_a_sign_in_is_replaced_by_that_of_another_account(
    app: Flask, browser: Browser, phone: Authenticator
) -> None:
    other = Browser(app)
    other.sign_in(add_account(app, "eve@example.com", "Eve"))
    theirs = turn_on(other)
    browser.sign_in(ADA, next="/account/delete")
    assert second_step(browser, phone.code(), "eve@example.com").status_code == 422
    page = browser.submit("/login/factor", {"code": theirs.code()}, page="/login/factor")
    assert page.location == "/account"
    assert "eve@example.com" in browser.get("/account").text


def test_signed_in_there_is_no_second_step(signed_in: Browser) -> None:
    assert signed_in.get("/login/factor").location == "/account"


def test_the_form_needs_the_token_of_this_browser(browser: Browser, phone: Authenticator) -> None:
    browser.sign_in(ADA)
    assert browser.client.post("/login/factor", data={"code": phone.code()}).status_code == 400
    assert second_step(browser, phone.code()).status_code == 303


def test_ten_wrong_codes_are_enough_right_one_included(
    app: Flask, browser: Browser, phone: Authenticator
) -> None:
    browser.sign_in(ADA)
    token = browser.csrf_token("/login/factor")
    data = {"code": phone.wrong_code(), "csrf_token": token}
    statuses = [browser.client.post("/login/factor", data=data).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]
    right = browser.client.post("/login/factor", data=data | {"code": phone.code()})
    assert right.status_code == 429
    assert int(right.headers["Retry-After"]) > 0
    assert second_step(Browser(app), phone.recovery_codes[0]).status_code == 429


def test_a_recovery_code_has_a_field_with_letters(browser: Browser, phone: Authenticator) -> None:
    browser.sign_in(ADA)
    page = browser.get("/login/factor?recovery=yes")
    assert 'inputmode="text"' in page.text
    assert "Recovery code</label>" in page.text
    wrong = browser.submit("/login/factor?recovery=yes", {"code": "x"}, page="/login/factor")
    assert wrong.status_code == 422
    assert "Recovery code</label>" in wrong.text
    code = {"code": phone.recovery_codes[0].lower()}
    right = browser.submit("/login/factor?recovery=yes", code, page="/login/factor")
    assert right.location == "/account"
    # The form of the next person is the usual one.
    assert 'inputmode="numeric"' in browser.get(CODES).text


def test_the_account_says_whether_it_is_on(signed_in: Browser) -> None:
    def state() -> str:
        facts = signed_in.get("/account").text.partition("Two-factor authentication</dt>")[2]
        return str(re.findall(r"<dd>(\w+)</dd>", facts)[0])

    assert state() == "Off"
    assert "Set up</a>" in signed_in.get("/account/factor").text
    turn_on(signed_in)
    assert state() == "On"
    page = signed_in.get("/account/factor").text
    assert "8 left" in page
    assert "31 Jan 2026, 12:00 UTC" in page


def test_the_key_is_shown_as_a_qr_code_and_as_text(signed_in: Browser) -> None:
    page = signed_in.get(SET_UP)
    assert key_on(page)
    assert "<svg viewBox=" in page.text
    assert " style=" not in page.text
    assert page.headers["Cache-Control"] == "no-store"


def test_a_name_too_long_for_a_qr_code_leaves_the_key(make_app: MakeApp) -> None:
    app = make_app(TOTP_ISSUER="蔵" * 300)
    browser = Browser(app)
    browser.sign_in(add_account(app))
    page = browser.get(SET_UP)
    assert page.status_code == 200
    assert "<svg" not in page.text
    assert key_on(page)


def test_the_key_stays_the_same_until_it_is_confirmed(
    signed_in: Browser, clock: time_machine.Traveller
) -> None:
    phone = Authenticator(key_on(signed_in.get(SET_UP)))
    for code in (phone.wrong_code(), "", "nonsense"):
        page = signed_in.submit(SET_UP, {"code": code}, page=SET_UP)
        assert page.status_code == 422
        assert error_of(page, "code")
        assert key_on(page) == phone.secret
    assert key_on(signed_in.get(SET_UP)) == phone.secret
    clock.shift(20 * 60)
    assert signed_in.get(SET_UP).location == f"/reauthenticate?next={SET_UP}"
    signed_in.submit("/reauthenticate", {"password": PASSWORD}, page="/account")
    assert key_on(signed_in.get(SET_UP)) == phone.secret
    clock.shift(10 * 60)
    page = signed_in.submit(SET_UP, {"code": phone.code()}, page=SET_UP)
    assert page.status_code == 422
    assert key_on(page) != phone.secret


def test_the_recovery_codes_are_shown_once(signed_in: Browser) -> None:
    phone = Authenticator(key_on(signed_in.get(SET_UP)))
    page = signed_in.submit(SET_UP, {"code": phone.code()}, page=SET_UP)
    shown = codes_on(page)
    assert len(set(shown)) == 8
    assert page.headers["Cache-Control"] == "no-store"
    saved = unquote(re.findall(r'href="data:text/plain;charset=utf-8,([^"]+)"', page.text)[0])
    assert saved.split() == shown
    again = signed_in.submit(SET_UP, {"code": phone.code()}, page="/account")
    assert (again.status_code, again.location) == (303, "/account/factor")
    for path in ("/account/factor", CODES, "/account", SET_UP):
        assert not [code for code in shown if code in signed_in.get(path).text]


def test_new_recovery_codes_replace_the_old(
    app: Flask, signed_in: Browser, phone: Authenticator
) -> None:
    wrong = signed_in.submit(CODES, {"code": phone.wrong_code()}, page=CODES)
    assert (wrong.status_code, codes_on(wrong)) == (422, [])
    page = signed_in.submit(CODES, {"code": phone.code()}, page=CODES)
    shown = codes_on(page)
    assert page.status_code == 200
    assert len(set(shown) - set(phone.recovery_codes)) == 8
    assert second_step(Browser(app), phone.recovery_codes[0]).status_code == 422
    assert second_step(Browser(app), shown[0]).status_code == 303


@pytest.mark.parametrize("by", ["totp", "recovery code"])
def test_turned_off_the_password_is_enough(
    app: Flask, signed_in: Browser, phone: Authenticator, inbox: Inbox, by: str
) -> None:
    wrong = signed_in.submit(REMOVE, {"code": phone.wrong_code()}, page=REMOVE)
    assert wrong.status_code == 422
    assert error_of(wrong, "code")
    code = phone.code() if by == "totp" else phone.recovery_codes[0]
    page = signed_in.submit(REMOVE, {"code": code}, page=REMOVE)
    assert (page.status_code, page.location) == (303, "/account/factor")
    assert "Two-factor authentication is off" in signed_in.get("/account/factor").text
    assert "turned off" in inbox.to(ADA)[-1].subject
    assert Browser(app).sign_in(ADA).location == "/account"


def test_where_it_is_off_there_is_nothing_to_remove(signed_in: Browser) -> None:
    for path in (REMOVE, CODES):
        assert signed_in.get(path).location == "/account/factor"
        answer = signed_in.submit(path, {"code": "123456"}, page="/account/profile")
        assert (answer.status_code, answer.location) == (303, "/account/factor")


@pytest.mark.parametrize("path", [SET_UP, CODES, REMOVE])
def test_a_change_needs_a_recent_sign_in(
    signed_in: Browser, phone: Authenticator, clock: time_machine.Traveller, path: str
) -> None:
    token = signed_in.csrf_token("/account")
    clock.shift(timedelta(minutes=15))
    assert signed_in.get(path).location == f"/reauthenticate?next={path}"
    data = {"code": phone.code(), "csrf_token": token}
    assert signed_in.client.post(path, data=data).location == f"/reauthenticate?next={path}"
    assert (
        "To change two-factor authentication" in signed_in.get(f"/reauthenticate?next={path}").text
    )


def test_the_password_asked_again_asks_for_a_code_too(
    signed_in: Browser, phone: Authenticator, clock: time_machine.Traveller
) -> None:
    clock.shift(timedelta(minutes=15))
    assert 'name="code"' in signed_in.get("/reauthenticate").text
    values = {"password": PASSWORD, "next": "/account/email"}
    for code in ("", phone.wrong_code()):
        page = signed_in.submit("/reauthenticate", {**values, "code": code}, page="/account")
        assert page.status_code == 422
        assert error_of(page, "code")
    missing = signed_in.submit("/reauthenticate", values, page="/account")
    assert (missing.status_code, error_of(missing, "code")) == (422, "Enter a code.")
    wrong = {**values, "password": "wrong", "code": phone.code()}
    page = signed_in.submit("/reauthenticate", wrong, page="/account")
    assert (bool(error_of(page, "password")), error_of(page, "code")) == (True, "")
    assert signed_in.get("/account/email").status_code == 303
    right = {**values, "code": phone.code()}
    page = signed_in.submit("/reauthenticate", right, page="/account")
    assert page.location == "/account/email"
    assert signed_in.get("/account/email").status_code == 200


def test_without_a_factor_no_code_is_asked_for(signed_in: Browser) -> None:
    assert 'name="code"' not in signed_in.get("/reauthenticate").text
    page = signed_in.submit("/reauthenticate", {"password": PASSWORD}, page="/account")
    assert page.status_code == 303


def test_a_session_from_before_proves_the_factor_before_it_replaces_it(
    app: Flask, signed_in: Browser, clock: time_machine.Traveller
) -> None:
    before = Browser(app)
    before.sign_in(ADA)
    phone = turn_on(signed_in)
    assert before.get(SET_UP).location == f"/reauthenticate?next={SET_UP}"
    values = {"password": PASSWORD, "code": phone.code(), "next": SET_UP}
    assert before.submit("/reauthenticate", values, page="/account").location == SET_UP
    second = turn_on(before)
    clock.shift(STEP)
    assert second_step(Browser(app), phone.code()).status_code == 422
    assert second_step(Browser(app), second.code()).status_code == 303


@pytest.mark.parametrize("path", ["/account/factor", SET_UP, CODES, REMOVE])
def test_signed_out_a_page_leads_to_the_sign_in(browser: Browser, path: str) -> None:
    assert browser.get(path).location == f"/login?next={path}"


def test_a_reset_signs_nobody_in_and_leaves_it_on(
    browser: Browser, phone: Authenticator, inbox: Inbox
) -> None:
    browser.submit("/reset-password", {"email": ADA}, page="/reset-password")
    link = f"/reset-password/{inbox.token(ADA)}"
    new = "tangerine lorry at dusk"
    assert browser.submit(link, {"password": new}, page=link).location == "/login"
    assert not browser.is_signed_in()
    assert browser.sign_in(ADA, new).location == "/login/factor"
