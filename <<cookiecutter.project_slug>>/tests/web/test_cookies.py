"""What a browser holds, and for how long it is worth something."""

from base64 import urlsafe_b64decode
from datetime import timedelta
from hashlib import sha256

import pytest
import time_machine
from flask import Flask, session
from werkzeug.test import TestResponse

from app.columns import now
from tests.conftest import PASSWORD, MakeApp, add_account
from tests.web.conftest import Browser

KEYS = [f"a-key-of-the-tests-number-{n}-0123456789" for n in range(3)]


def cookies(response: TestResponse) -> dict[str, set[str]]:
    """Return the attributes of the cookies that a response sets, by their names."""
    parsed = {}
    for header in response.headers.getlist("Set-Cookie"):
        pair, *attributes = header.split("; ")
        parsed[pair.partition("=")[0]] = {attribute.partition("=")[0] for attribute in attributes}
        parsed[pair.partition("=")[0]] |= set(attributes)
    return parsed


def test_cookies_are_for_this_host_over_https_and_not_for_scripts(
    browser: Browser, account: str
) -> None:
    found = cookies(browser.sign_in(account, remember="y"))
    assert set(found) == {"__Host-session", "__Host-remember_token", "__Host-device"}
    for attributes in found.values():
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= attributes
        assert "Domain" not in attributes
    assert "Expires" not in found["__Host-session"]
    assert f"Max-Age={365 * 24 * 60 * 60}" in found["__Host-device"]


def test_pages_after_a_sign_in_set_no_cookies(browser: Browser, account: str) -> None:
    browser.sign_in(account)
    assert cookies(browser.get("/account")) == {}


def test_over_plain_http_in_debug_mode_cookies_have_no_prefix(
    make_app: MakeApp, account: str
) -> None:
    app = make_app(DEBUG=True, BASE_URL="http://localhost:5000", PREFERRED_URL_SCHEME="http")
    found = cookies(Browser(app).sign_in(account, remember="y"))
    assert set(found) == {"session", "remember_token", "device"}
    assert all("Secure" not in attributes for attributes in found.values())
    assert all("HttpOnly" in attributes for attributes in found.values())


def test_a_remembered_browser_stays_signed_in_when_it_is_closed(
    browser: Browser, account: str
) -> None:
    browser.sign_in(account, remember="y")
    browser.delete_cookie("session")
    assert browser.is_signed_in()


def test_a_browser_that_is_not_remembered_is_signed_out_when_it_is_closed(
    browser: Browser, account: str
) -> None:
    browser.sign_in(account)
    assert browser.cookie("remember_token") is None
    browser.delete_cookie("session")
    assert not browser.is_signed_in()


@pytest.mark.parametrize(
    ("values", "idle"), [({}, timedelta(hours=12)), ({"remember": "y"}, timedelta(days=30))]
)
def test_a_session_ends_when_it_is_idle(
    browser: Browser, account: str, values: dict[str, str], idle: timedelta
) -> None:
    start = now()
    with time_machine.travel(start, tick=False) as clock:
        browser.sign_in(account, **values)
        clock.move_to(start + idle - timedelta(minutes=1))
        assert browser.is_signed_in()
        clock.move_to(start + 2 * idle - timedelta(minutes=2))
        assert browser.is_signed_in()
        clock.shift(idle)
        assert not browser.is_signed_in()


def test_a_remembered_session_ends_after_ninety_days(browser: Browser, account: str) -> None:
    start = now()
    with time_machine.travel(start, tick=False) as clock:
        browser.sign_in(account, remember="y")
        for day in range(20, 90, 20):
            clock.move_to(start + timedelta(days=day))
            assert browser.is_signed_in()
        clock.move_to(start + timedelta(days=90))
        assert not browser.is_signed_in()


def test_the_remember_cookie_lives_as_long_as_its_session_may(
    browser: Browser, account: str
) -> None:
    with time_machine.travel(now(), tick=False):
        browser.sign_in(account, remember="y")
        cookie = browser.client.get_cookie("__Host-remember_token")
        assert cookie is not None
        assert cookie.expires is not None
        assert cookie.expires - now() == timedelta(days=90)


def test_a_sign_in_without_remember_forgets_an_older_one(browser: Browser, account: str) -> None:
    browser.sign_in(account, remember="y")
    browser.delete_cookie("session")
    with time_machine.travel(now() + timedelta(days=31), tick=False):
        response = browser.sign_in(account)
        assert browser.cookie("remember_token") is None
        assert "Secure" in cookies(response)["__Host-remember_token"]


def test_a_change_of_the_secret_key_signs_nobody_out(make_app: MakeApp, account: str) -> None:
    old = make_app(SECRET_KEY=KEYS[0])
    remembered, plain = Browser(old), Browser(old)
    remembered.sign_in(account, remember="y")
    remembered.delete_cookie("session")
    plain.sign_in(account)
    open_form = plain.csrf_token("/account/profile")
    new = make_app(SECRET_KEY=KEYS[2], SECRET_KEY_FALLBACKS=[KEYS[1], KEYS[0]])
    for browser in (remembered, plain):
        browser.client.application = new
        assert browser.is_signed_in()
    response = plain.client.post("/account/profile", data={"csrf_token": open_form, "name": "Ada"})
    assert response.status_code == 303


def test_after_a_change_of_the_secret_key_forms_are_signed_with_the_new_one(
    make_app: MakeApp, account: str
) -> None:
    browser = Browser(make_app(SECRET_KEY=KEYS[1], SECRET_KEY_FALLBACKS=[KEYS[0]]))
    browser.sign_in(account)
    open_form = browser.csrf_token("/account/profile")
    browser.client.application = make_app(SECRET_KEY=KEYS[1])
    data = {"csrf_token": open_form, "name": "Ada"}
    assert browser.client.post("/account/profile", data=data).status_code == 303


def test_a_removed_key_is_refused(make_app: MakeApp, account: str) -> None:
    browser = Browser(make_app(SECRET_KEY=KEYS[0]))
    browser.sign_in(account, remember="y")
    browser.client.application = make_app(SECRET_KEY=KEYS[2], SECRET_KEY_FALLBACKS=[KEYS[1]])
    assert not browser.is_signed_in()
    browser.delete_cookie("session")
    assert not browser.is_signed_in()


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"x",
        b"|",
        "x|é".encode(),
        "é|x".encode(),
        b"a|" + b"0" * 128,
        b"\xff\xfe",
        b"\xff|\xff",
        b'"\\377"',
        b"\x7f",
        b"x" * 60_000,
        b"eyJ9.x.y",
    ],
)
@pytest.mark.parametrize("name", ["session", "remember_token", "device"])
def test_foreign_cookies_are_ignored(app: Flask, name: str, value: bytes) -> None:
    client = app.test_client(use_cookies=False)
    environ = {"HTTP_COOKIE": f"__Host-{name}=" + value.decode("latin1")}
    for path, status in (("/", 200), ("/nowhere", 404), ("/account", 303)):
        assert client.get(path, environ_overrides=environ).status_code == status


def test_every_sign_in_makes_the_browser_a_known_device(browser: Browser, account: str) -> None:
    browser.sign_in(account)
    first = browser.cookie("device")
    browser.submit("/logout", page="/account")
    browser.sign_in(account)
    assert first
    assert browser.cookie("device") == first


def test_a_browser_is_a_known_device_of_the_five_accounts_it_was_used_for_last(
    make_app: MakeApp,
) -> None:
    app = make_app(LIMIT_PASSWORD_BY_IP="1000 per minute")
    browser = Browser(app)
    addresses = [add_account(app, f"person{number}@example.com") for number in range(6)]
    for address in addresses:
        browser.sign_in(address)
        browser.submit("/logout", page="/account")
    stranger = Browser(app)
    for address in (addresses[0], addresses[1]):
        for _ in range(10):
            assert stranger.sign_in(address, "wrong").status_code == 422
    assert browser.sign_in(addresses[0]).status_code == 429
    assert browser.sign_in(addresses[1]).status_code == 303


def test_the_session_cookie_is_signed_with_sha256(browser: Browser, account: str) -> None:
    browser.sign_in(account)
    signature = (browser.cookie("session") or "").rpartition(".")[2]
    assert len(urlsafe_b64decode(signature + "=")) == sha256().digest_size


def test_a_late_request_does_not_replace_the_cookie_of_a_new_session(
    app: Flask, signed_in: Browser
) -> None:
    late = Browser(app)
    late.set_cookie("session", signed_in.cookie("session") or "")
    values = {"password": PASSWORD, "csrf_token": signed_in.csrf_token("/account")}
    assert signed_in.client.post("/reauthenticate", data=values).location == "/account"
    again = late.client.post("/reauthenticate", data=values)
    for answer in (late.get("/account"), again):
        assert (answer.location or "").startswith("/login?next=/")
        assert cookies(answer) == {}


def test_a_late_request_of_a_remembered_browser_sets_no_session_cookie_either(
    app: Flask, browser: Browser, account: str
) -> None:
    browser.sign_in(account, remember="y")
    late = Browser(app)
    for name in ("session", "remember_token"):
        late.set_cookie(name, browser.cookie(name) or "")
    again = Browser(app)
    again.set_cookie("remember_token", browser.cookie("remember_token") or "")
    assert "__Host-session" in cookies(again.get("/account/export"))
    browser.submit("/logout", page="/account")
    for page in ("/account", "/", "/login"):
        assert "__Host-session" not in cookies(late.get(page))


def test_what_a_request_notes_in_the_session_stays_after_a_session_ended(
    make_app: MakeApp, account: str
) -> None:
    app = make_app()
    app.before_request(lambda: session.update(noted=True))
    browser, late = Browser(app), Browser(app)
    browser.sign_in(account)
    late.set_cookie("session", browser.cookie("session") or "")
    browser.submit("/logout", page="/account")
    assert "__Host-session" in cookies(late.get("/"))
