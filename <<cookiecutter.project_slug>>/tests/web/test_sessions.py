"""The list of signed-in devices, and signing them out."""

import json
import re

import pytest
from flask import Flask

from app.web.words import device
from tests.conftest import add_account
from tests.web.conftest import Browser

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
UNKNOWN_ID = "6f1c9a52-3b0e-4d87-9c1f-2a7d5e8b4c60"
REVOKE = re.compile(r"/account/sessions/[\w-]{36}/revoke")


@pytest.fixture
def other(app: Flask, account: str) -> Browser:
    """Another browser in which the owner of `account` is signed in."""
    browser = Browser(app, FIREFOX)
    browser.sign_in(account, remember="y")
    return browser


def test_devices_are_listed_in_words(signed_in: Browser, other: Browser) -> None:
    page = signed_in.get("/account/sessions").text
    assert "Firefox 145 on Linux" in page
    assert page.count("127.0.0.1") == 2
    assert page.count("this device") == 1
    assert len(REVOKE.findall(page)) == 1


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (FIREFOX, "Firefox 145 on Linux"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15"
            " (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
            "Mobile Safari 17 on iOS 17",
        ),
        ("curl/8.5.0", "curl 8 on unknown system"),
        ("", "Unknown browser on unknown system"),
    ],
)
def test_a_device_in_words(user_agent: str, words: str) -> None:
    assert device(user_agent) == words


def test_a_user_agent_is_shown_as_text(app: Flask, account: str) -> None:
    hostile = Browser(app, "<script>alert(1)</script>" + "x" * 500)
    hostile.sign_in(account)
    page = hostile.get("/account/sessions")
    assert page.status_code == 200
    assert "<script>alert" not in page.text


def test_one_device_can_be_signed_out(signed_in: Browser, other: Browser) -> None:
    path = REVOKE.findall(signed_in.get("/account/sessions").text)[0]
    response = signed_in.submit(path, page="/account")
    assert (response.status_code, response.location) == (303, "/account/sessions")
    assert not other.is_signed_in()
    assert signed_in.is_signed_in()
    assert signed_in.submit(path, page="/account").status_code == 404


def test_all_others_can_be_signed_out(app: Flask, signed_in: Browser, other: Browser) -> None:
    third = Browser(app)
    third.sign_in(add_account(app, "other@example.com"))
    response = signed_in.submit("/account/sessions/revoke-others", page="/account")
    assert (response.status_code, response.location) == (303, "/account/sessions")
    assert "Signed out 1 other device." in signed_in.get("/account/sessions").text
    assert not other.is_signed_in()
    assert signed_in.is_signed_in()
    assert third.is_signed_in()


def test_revoking_ones_own_session_signs_out(app: Flask, signed_in: Browser, account: str) -> None:
    second = Browser(app)
    second.sign_in(account)
    own = REVOKE.findall(second.get("/account/sessions").text)[0]
    response = signed_in.submit(own, page="/account")
    assert (response.status_code, response.location) == (303, "/login")
    assert response.headers["Clear-Site-Data"]
    assert not signed_in.is_signed_in()
    assert second.is_signed_in()


def test_the_session_of_another_account_is_not_found(app: Flask, signed_in: Browser) -> None:
    add_account(app, "other@example.com")
    victim, witness = Browser(app), Browser(app)
    for browser in (victim, witness):
        browser.sign_in("other@example.com")
    path = REVOKE.findall(witness.get("/account/sessions").text)[0]
    assert signed_in.submit(path, page="/account").status_code == 404
    assert victim.is_signed_in()


@pytest.mark.parametrize("session_id", ["1", "x", "-1", "9" * 300, "%00", "%00" * 36, UNKNOWN_ID])
def test_an_unknown_session_is_not_found(signed_in: Browser, session_id: str) -> None:
    path = f"/account/sessions/{session_id}/revoke"
    assert signed_in.submit(path, page="/account").status_code == 404


def test_signing_out_this_device_clears_its_cookies_however_its_id_is_written(
    signed_in: Browser,
) -> None:
    (session,) = json.loads(signed_in.get("/account/export").text)["sessions"]
    path = f"/account/sessions/{session['id'].upper()}/revoke"
    answer = signed_in.submit(path, page="/account")
    assert answer.location == "/login"
    assert "Clear-Site-Data" in answer.headers
