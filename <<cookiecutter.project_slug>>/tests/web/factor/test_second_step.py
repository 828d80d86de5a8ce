"""The second step of a sign-in."""

import pytest
import time_machine
from flask import Flask

from tests.authenticator import Authenticator
from tests.conftest import PASSWORD, MakeApp, add_account
from tests.web.conftest import Browser, error_of
from tests.web.factor.conftest import ADA, CODES, second_step, sessions, turn_on


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
    browser.set_cookie("challenge", "x")
    headers = browser.get("/login/factor").headers.getlist("Set-Cookie")
    (cookie,) = [header for header in headers if header.startswith("__Host-challenge=;")]
    # Without these, a browser would not delete a cookie with this prefix.
    assert {"Secure", "Path=/", "Max-Age=0"} <= set(cookie.split("; ")[1:])


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
def test_the_second_step_never_redirects_to_another_site(
    browser: Browser, phone: Authenticator, target: str
) -> None:
    assert second_step(browser, phone.code(), next=target).location == "/account"


def test_signing_in_discards_the_previous_session(
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


def test_the_second_step_discards_the_session_of_the_first(
    browser: Browser, phone: Authenticator
) -> None:
    browser.sign_in(ADA)
    before = browser.csrf_token("/login/factor")
    browser.submit("/login/factor", {"code": phone.code()}, page="/login/factor")
    assert browser.client.post("/logout", data={"csrf_token": before}).status_code == 400
    assert browser.is_signed_in()


def test_a_wrong_code_has_a_message_beside_the_field_and_can_be_corrected(
    browser: Browser, phone: Authenticator
) -> None:
    browser.sign_in(ADA)
    for code in phone.wrong_codes():
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
    assert "took too long" not in browser.get("/login").text
    for deletes_it in (False, True):
        browser.sign_in(ADA)
        clock.shift(10 * 60)
        if deletes_it:  # as the cookie's own age asks for
            browser.delete_cookie("challenge")
        assert browser.get("/login/factor").location == "/login"
        assert browser.cookie("challenge") is None
        assert "took too long" in browser.get("/login").text
        assert "took too long" not in browser.get("/login").text
    browser.set_cookie("challenge", "x" * 43)
    assert browser.get("/login/factor").location == "/login"
    assert "took too long" not in browser.get("/login").text


def test_a_sign_in_that_took_too_long_still_leads_where_it_began(
    browser: Browser, phone: Authenticator, clock: time_machine.Traveller
) -> None:
    fields = {"email": ADA, "password": PASSWORD, "next": "/account/sessions"}
    assert browser.submit("/login", fields).location == "/login/factor"
    clock.shift(10 * 60)
    assert browser.get("/login/factor").location == "/login?next=/account/sessions"


def test_a_copied_challenge_cannot_be_used_again(
    app: Flask, browser: Browser, phone: Authenticator
) -> None:
    browser.sign_in(ADA)
    copied = browser.cookie("challenge") or ""
    browser.submit("/login/factor", {"code": phone.code()}, page="/login/factor")
    thief = Browser(app)
    thief.set_cookie("challenge", copied)
    assert thief.get("/login/factor").location == "/login"


def test_an_unfinished_sign_in_leaves_nothing_for_the_next_account(
    app: Flask, browser: Browser, phone: Authenticator
) -> None:
    eve = add_account(app, "eve@example.com", "Eve")
    browser.sign_in(ADA, remember="y", next="/account/delete")
    assert browser.sign_in(eve).location == "/account"
    assert browser.cookie("challenge") is browser.cookie("remember_token") is None
    assert "eve@example.com" in browser.get("/account").text
    browser.submit("/logout", page="/account")
    assert browser.get("/login/factor").location == "/login"


def test_another_sign_in_replaces_an_unfinished_one(
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


def test_the_second_step_redirects_signed_in_people(signed_in: Browser) -> None:
    assert signed_in.get("/login/factor").location == "/account"


def test_the_form_needs_the_token_of_this_browser(browser: Browser, phone: Authenticator) -> None:
    browser.sign_in(ADA)
    assert browser.client.post("/login/factor", data={"code": phone.code()}).status_code == 400
    assert second_step(browser, phone.code()).status_code == 303


def test_after_ten_wrong_codes_even_the_right_one_is_refused(
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


def test_a_form_that_is_sent_twice_signs_in(
    app: Flask, browser: Browser, phone: Authenticator
) -> None:
    browser.sign_in(ADA)
    data = {"code": phone.code(), "csrf_token": browser.csrf_token("/login/factor")}
    late = Browser(app)
    for name in ("session", "challenge"):
        late.set_cookie(name, browser.cookie(name) or "")
    assert browser.client.post("/login/factor", data=data).location == "/account"
    answer = late.client.post("/login/factor", data=data)
    assert (answer.status_code, answer.location) == (303, "/login")
    # Else it would replace the cookie of the session that the first one started.
    cookies = answer.headers.getlist("Set-Cookie")
    assert not [each for each in cookies if each.startswith("__Host-session=")]
