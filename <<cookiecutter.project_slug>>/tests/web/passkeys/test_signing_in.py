"""Sign in with a passkey instead of a password."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, update

from app.accounts.models import Account, Session
from app.extensions import db, transaction
from tests.conftest import add_account
from tests.software_authenticator import SoftwareAuthenticator, forged
from tests.web.conftest import Browser
from tests.web.factor.conftest import turn_on
from tests.web.passkeys.conftest import (
    ADA,
    AGAIN,
    EVE,
    PAGE,
    SIGN_IN,
    add,
    assertion,
    count,
    ids,
    options,
    problem,
    sign_in,
)
from tests.web.test_cookies import cookies


def test_a_passkey_signs_in_and_counts_as_both_factors(
    app: Flask, signed_in: Browser, browser: Browser, phone: SoftwareAuthenticator
) -> None:
    turn_on(signed_in)
    answer = sign_in(browser, phone)
    assert (answer.status_code, answer.json) == (200, {"location": "/account"})
    assert browser.is_signed_in()
    assert browser.get("/account/factor/set-up").status_code == 200
    assert "Never" not in browser.get(PAGE).text


@pytest.mark.parametrize("remember", [True, False])
def test_a_passkey_sets_the_same_cookies_as_the_form(
    app: Flask, browser: Browser, phone: SoftwareAuthenticator, remember: bool
) -> None:
    form = Browser(app).sign_in(ADA, **({"remember": "y"} if remember else {}))
    answer = sign_in(browser, phone, remember=remember)
    assert cookies(answer) == cookies(form)
    assert browser.cookie("device")
    browser.delete_cookie("session")
    assert browser.is_signed_in() == remember


def test_a_sign_in_without_remember_ends_remember_me(
    browser: Browser, phone: SoftwareAuthenticator
) -> None:
    sign_in(browser, phone, remember=True)
    remembered = browser.cookie("remember_token") or ""
    browser.submit("/logout", page="/account")
    browser.set_cookie("remember_token", remembered)
    sign_in(browser, phone)
    assert browser.cookie("remember_token") is None


def test_an_unfinished_password_sign_in_is_discarded(
    signed_in: Browser, browser: Browser, phone: SoftwareAuthenticator
) -> None:
    turn_on(signed_in)
    assert browser.sign_in(ADA, next="/account/delete").location == "/login/factor"
    answer = sign_in(browser, phone)
    assert answer.json == {"location": "/account"}
    assert browser.cookie("challenge") is None


def test_signing_in_discards_the_previous_session(
    app: Flask, browser: Browser, phone: SoftwareAuthenticator
) -> None:
    body = assertion(browser, phone)
    planted = browser.cookie("session")
    token = browser.csrf_token()
    assert browser.send(SIGN_IN, body).status_code == 200
    stranger = Browser(app)
    stranger.set_cookie("session", planted or "")
    assert not stranger.is_signed_in()
    answer = browser.client.post("/account/profile", data={"csrf_token": token, "name": "Eve"})
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("target", "location"),
    [
        ("/account/profile?x=1", "/account/profile?x=1"),
        ("", "/account"),
        ("//evil.com", "/account"),
        ("/\\evil.com", "/account"),
        ("https://evil.com", "/account"),
        ("/\t/evil.com", "/account"),
        ("javascript:alert(1)", "/account"),
    ],
)
def test_next_stays_on_this_site(
    signed_in: Browser,
    browser: Browser,
    phone: SoftwareAuthenticator,
    target: str,
    location: str,
) -> None:
    assert sign_in(browser, phone, next=target).json == {"location": location}
    answer = signed_in.send(AGAIN, assertion(signed_in, phone) | {"next": target})
    assert answer.json == {"location": location}


def test_a_response_works_once_and_expires(
    app: Flask, browser: Browser, phone: SoftwareAuthenticator, clock: time_machine.Traveller
) -> None:
    used = assertion(browser, phone)
    assert browser.send(SIGN_IN, used).status_code == 200
    late = assertion(Browser(app), phone)
    thief = Browser(app)
    assert set(problem(thief.send(SIGN_IN, used), 422)["errors"]) == {"challenge"}
    clock.shift(timedelta(minutes=5))
    assert set(problem(thief.send(SIGN_IN, late), 422)["errors"]) == {"challenge"}
    assert not thief.is_signed_in()


def test_a_challenge_only_works_for_one_purpose(
    signed_in: Browser, browser: Browser, phone: SoftwareAuthenticator
) -> None:
    again = assertion(signed_in, phone)
    sign_in_ = assertion(browser, phone)
    begun = options(signed_in, f"{PAGE}/options")
    new = {"challenge": begun["challenge"], "credential": phone.get({"rpId": "localhost", **begun})}
    for who, path, body in (
        (browser, SIGN_IN, again),
        (browser, SIGN_IN, new),
        (signed_in, AGAIN, sign_in_),
        (signed_in, AGAIN, new),
        (signed_in, PAGE, again),
    ):
        assert set(problem(who.send(path, body), 422)["errors"]) == {"challenge"}
    assert not browser.is_signed_in()


def test_every_reason_to_refuse_gets_the_same_response(
    app: Flask, signed_in: Browser, browser: Browser, phone: SoftwareAuthenticator
) -> None:
    eve = Browser(app)
    eve.sign_in(add_account(app, EVE, "Eve"))
    removed, disabled = add(eve), SoftwareAuthenticator()
    eve.submit(f"{PAGE}/{ids(eve.get(PAGE))[0]}/remove")
    add(eve, disabled)
    with app.app_context(), transaction():
        closed = update(Account).where(Account.email == EVE)
        db.session.execute(closed.values(disabled_at=func.current_timestamp()))
    unknown = SoftwareAuthenticator(user_handle=phone.user_handle)
    bodies = [assertion(browser, each) for each in (unknown, removed, disabled)]
    wrong = assertion(browser, phone)
    bodies.append(wrong | {"credential": forged(wrong["credential"])})
    bodies.append(assertion(browser, phone, origin="https://evil.example"))
    bodies.append(assertion(browser, phone, flags=0x19))
    answers = [browser.send(SIGN_IN, body) for body in bodies]
    assert len({(answer.status_code, answer.text) for answer in answers}) == 1
    assert "password" in problem(answers[0], 401)["detail"]
    for answer in answers:
        assert not cookies(answer)
    assert not browser.is_signed_in()


def test_an_unconfirmed_account_must_be_confirmed_first(
    app: Flask, browser: Browser, phone: SoftwareAuthenticator
) -> None:
    with app.app_context(), transaction():
        db.session.execute(update(Account).values(confirmed_at=None))
    assert "Confirm your email" in problem(sign_in(browser, phone), 403)["detail"]
    assert not browser.is_signed_in()


def test_signed_in_people_cannot_sign_in_again(
    app: Flask, signed_in: Browser, browser: Browser, phone: SoftwareAuthenticator
) -> None:
    body = assertion(browser, phone)
    sessions = count(app, Session)
    assert signed_in.send(SIGN_IN, body).json == {"location": "/account"}
    assert count(app, Session) == sessions
