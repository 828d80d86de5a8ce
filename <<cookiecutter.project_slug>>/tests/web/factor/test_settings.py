"""Turn two-factor authentication on and off, and get recovery codes."""

import re
from urllib.parse import unquote

import pytest
import time_machine
from flask import Flask

from tests.authenticator import Authenticator
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.web.conftest import Browser, error_of
from tests.web.factor.conftest import (
    ADA,
    CODES,
    REMOVE,
    SET_UP,
    codes_on,
    key_on,
    second_step,
    turn_on,
)


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


@pytest.mark.parametrize("code", ["12345", "0" * 24, "１２３４５６"])
def test_the_first_code_has_six_digits(signed_in: Browser, code: str) -> None:
    signed_in.get(SET_UP)
    refused = signed_in.submit(SET_UP, {"code": code}, page=SET_UP)
    assert error_of(refused, "code") == (
        "Enter the 6-digit code from your authenticator app (digits 0 to 9)."
    )


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


@pytest.mark.parametrize(
    ("codes", "used", "note"),
    [
        (8, 5, ""),
        (8, 6, "You're running out of recovery codes. "),
        (8, 8, "You have no recovery codes left. "),
        (1, 0, ""),
        (1, 1, "You have no recovery codes left. "),
    ],
)
def test_the_page_says_when_recovery_codes_run_out(
    make_app: MakeApp, codes: int, used: int, note: str
) -> None:
    app = make_app(RECOVERY_CODES=codes)
    browser = Browser(app)
    browser.sign_in(add_account(app))
    phone = turn_on(browser)
    for code in phone.recovery_codes[:used]:
        second_step(Browser(app), code)
    notes = re.findall(r'<p class="note">(.*)Create new ones', browser.get("/account/factor").text)
    assert [text.replace("&#39;", "'") for text in notes] == ([note] if note else [])


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


def test_removing_it_while_it_is_off_redirects(signed_in: Browser) -> None:
    for path in (REMOVE, CODES):
        assert signed_in.get(path).location == "/account/factor"
        answer = signed_in.submit(path, {"code": "123456"}, page="/account/profile")
        assert (answer.status_code, answer.location) == (303, "/account/factor")


@pytest.mark.parametrize("path", ["/account/factor", SET_UP, CODES, REMOVE])
def test_a_page_redirects_signed_out_people_to_the_sign_in(browser: Browser, path: str) -> None:
    assert browser.get(path).location == f"/login?next={path}"
