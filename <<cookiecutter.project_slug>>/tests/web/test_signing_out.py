"""Signing out: what ends, here and everywhere."""

from flask import Flask

from tests.web.conftest import Browser


def test_signing_out_ends_the_session_on_the_server(app: Flask, account: str) -> None:
    browser, thief = Browser(app), Browser(app)
    browser.sign_in(account, remember="y")
    for name in ("session", "remember_token"):
        thief.set_cookie(name, browser.cookie(name) or "")
    assert thief.is_signed_in()
    response = browser.submit("/logout", page="/account")
    assert (response.status_code, response.location) == (303, "/")
    assert "You are signed out" in browser.get("/").text
    assert not browser.is_signed_in()
    assert not thief.is_signed_in()
    thief.delete_cookie("session")
    assert not thief.is_signed_in()


def test_signing_out_leaves_the_device_cookie_alone(signed_in: Browser) -> None:
    device = signed_in.cookie("device")
    response = signed_in.submit("/logout", page="/account")
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert signed_in.cookie("device") == device
    assert signed_in.cookie("remember_token") is None


def test_nothing_of_the_session_lives_on_after_the_sign_out(signed_in: Browser) -> None:
    before = signed_in.csrf_token("/account")
    signed_in.submit("/account/email", {"email": "typed@example.com"}, page="/account")
    signed_in.submit("/logout", page="/account")
    response = signed_in.client.post("/login", data={"csrf_token": before})
    assert response.status_code == 400
    assert "typed@example.com" not in signed_in.get("/confirm").text


def test_signing_out_takes_the_remember_me_cookie_along(browser: Browser, account: str) -> None:
    browser.sign_in(account, remember="y")
    assert browser.cookie("remember_token")
    browser.submit("/logout", page="/account")
    assert browser.cookie("remember_token") is None


def test_signing_out_is_no_link(signed_in: Browser) -> None:
    response = signed_in.get("/logout")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]
    assert signed_in.is_signed_in()


def test_signing_out_twice_is_no_error(browser: Browser) -> None:
    assert browser.submit("/logout").status_code == 303
