"""What needs a recent sign-in or a code."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from app.accounts import limits
from app.accounts.client import Client
from tests.authenticator import STEP, Authenticator
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.web.conftest import Browser, error_of
from tests.web.factor.conftest import ADA, CODES, REMOVE, SET_UP, second_step, turn_on


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


def test_reauthentication_needs_a_code_too(
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


def test_reauthentication_without_a_factor_needs_no_code(signed_in: Browser) -> None:
    assert 'name="code"' not in signed_in.get("/reauthenticate").text
    page = signed_in.submit("/reauthenticate", {"password": PASSWORD}, page="/account")
    assert page.status_code == 303


def test_an_earlier_session_must_prove_the_factor_before_replacing_it(
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


def test_a_reset_signs_nobody_in_and_leaves_it_on(
    browser: Browser, phone: Authenticator, inbox: Inbox
) -> None:
    browser.submit("/reset-password", {"email": ADA}, page="/reset-password")
    link = f"/reset-password/{inbox.token(ADA)}"
    new = "tangerine lorry at dusk"
    assert browser.submit(link, {"password": new}, page=link).location == "/login"
    assert not browser.is_signed_in()
    assert browser.sign_in(ADA, new).location == "/login/factor"


def test_a_form_that_is_sent_twice_is_no_wrong_code(
    make_app: MakeApp, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(LIMIT_CODE_FAILURES="1 per 15 minutes")
    add_account(app)
    browser, late = Browser(app), Browser(app)
    browser.sign_in(ADA)
    phone = turn_on(browser)
    late.set_cookie("session", browser.cookie("session") or "")
    token = browser.csrf_token("/account")
    values = {"password": PASSWORD, "code": phone.code(1), "csrf_token": token}
    reserve = limits.reserve

    def be_slower(rule: limits.Rule, client: Client) -> None:
        """Let the other request be done first, when this one has compared the password."""
        if rule.setting == "LIMIT_CODE_FAILURES":
            monkeypatch.setattr(limits, "reserve", reserve)
            answer = browser.client.post("/reauthenticate", data=values)
            assert answer.location == "/account"
        reserve(rule, client)

    monkeypatch.setattr(limits, "reserve", be_slower)
    answer = late.client.post("/reauthenticate", data=values)
    assert (answer.location or "").startswith("/login?next=/")
    clock.shift(timedelta(minutes=1))
    values["code"] = phone.code()
    assert browser.client.post("/reauthenticate", data=values).location == "/account"
