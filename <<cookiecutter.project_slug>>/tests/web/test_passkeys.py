"""Passkeys on the pages: the list of an account's own, and what the script sends."""

import json
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, func, select, update
from werkzeug.test import TestResponse

from app.accounts.models import NAME_LENGTH, Account, Passkey, Session
from app.accounts.passkeys import ceremonies, store
from app.extensions import db, transaction
from tests.conftest import Inbox, MakeApp, add_account
from tests.software_authenticator import DEVICE_BOUND, SoftwareAuthenticator, forged
from tests.web.conftest import Browser, error_of
from tests.web.test_cookies import cookies
from tests.web.test_factor import turn_on
from tests.web.test_pages import check

ADA, EVE = "ada@example.com", "eve@example.com"
PAGE = "/account/passkeys"
SIGN_IN, AGAIN = "/passkeys/sign-in", "/passkeys/reauthenticate"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"


@pytest.fixture(autouse=True)
def standing_clock(clock: time_machine.Traveller) -> None:
    """A test decides how much time passes."""


def add(
    browser: Browser, authenticator: SoftwareAuthenticator | None = None, **values: str | None
) -> SoftwareAuthenticator:
    """Add a passkey to the account of who is signed in."""
    authenticator = authenticator or SoftwareAuthenticator()
    begun = options(browser, f"{PAGE}/options")
    body = {"challenge": begun["challenge"], "credential": authenticator.create(begun["options"])}
    answer = browser.send(PAGE, {**body, **values})
    assert answer.status_code == 201, answer.text
    return authenticator


def options(browser: Browser, path: str = "/passkeys/options") -> dict[str, Any]:
    """What the script is given to ask the browser with."""
    answer = browser.send(path, {})
    assert answer.status_code == 200, answer.text
    begun: dict[str, Any] = json.loads(answer.text)
    assert set(begun) == {"challenge", "options", "expires_at"}
    return begun


def assertion(browser: Browser, authenticator: SoftwareAuthenticator, **lies: Any) -> Any:
    """The body with which the script answers."""
    begun = options(browser)
    credential = authenticator.get(begun["options"], **lies)
    return {"challenge": begun["challenge"], "credential": credential}


def sign_in(browser: Browser, authenticator: SoftwareAuthenticator, **values: Any) -> TestResponse:
    """Sign in with a passkey."""
    return browser.send(SIGN_IN, assertion(browser, authenticator) | values)


def signals(page: TestResponse) -> Any:
    """What a page has for password managers."""
    (found,) = re.findall(r'data-signals="([^"]*)"', page.text)
    return json.loads(unescape(found))


def ids(page: TestResponse) -> list[str]:
    """The ids of the passkeys on the page of passkeys."""
    return re.findall(rf"{PAGE}/([\w-]{{36}})/remove", page.text)


def problem(answer: TestResponse, status: int) -> Any:
    """The members of a problem."""
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert answer.json is not None
    assert answer.json["status"] == status
    assert set(answer.json) >= {"type", "title", "detail"}
    assert answer.headers["Cache-Control"] == "no-store"
    return answer.json


def count(app: Flask, model: type) -> int:
    """The number of rows in a table."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


@pytest.fixture
def phone(signed_in: Browser) -> SoftwareAuthenticator:
    """Ada's passkey; `signed_in` stays signed in."""
    return add(signed_in)


@pytest.fixture
def stale(signed_in: Browser, clock: time_machine.Traveller) -> Browser:
    """The browser `signed_in`, a quarter of an hour later."""
    clock.shift(timedelta(minutes=15))
    return signed_in


def test_one_is_added_seen_renamed_and_removed(signed_in: Browser, inbox: Inbox) -> None:
    assert "You don't have any passkeys." in unescape(signed_in.get(PAGE).text)
    assert signed_in.get("/account").text.count("<dd>On</dd>") == 0
    add(signed_in)
    page = signed_in.get(PAGE)
    check(page.text)
    assert "was added" in page.text
    assert "Never" in page.text
    assert "Synced between devices" in page.text
    assert signed_in.get("/account").text.count("<dd>On</dd>") == 1
    (mail,) = inbox.to(ADA)
    assert mail.subject.startswith("A passkey was added to your account")
    (passkey_id,) = ids(page)
    rename = f"{PAGE}/{passkey_id}/rename"
    assert rename in page.text
    check(signed_in.get(rename).text)
    answer = signed_in.submit(rename, {"name": " Blue phone "})
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert '<strong class="breakable">Blue phone</strong>' in signed_in.get(PAGE).text
    assert 'value="Blue phone"' in signed_in.get(rename).text
    answer = signed_in.submit(f"{PAGE}/{passkey_id}/remove")
    assert (answer.status_code, answer.location) == (303, PAGE)
    page = signed_in.get(PAGE)
    assert ids(page) == []
    assert "The passkey was removed." in page.text
    assert inbox.to(ADA)[-1].subject.startswith("A passkey was removed from your account")


def test_what_a_new_one_is(app: Flask, account: str) -> None:
    browser = Browser(app, FIREFOX)
    browser.sign_in(account)
    begun = options(browser, f"{PAGE}/options")
    credential = SoftwareAuthenticator(flags=DEVICE_BOUND).create(begun["options"])
    answer = browser.send(PAGE, {"challenge": begun["challenge"], "credential": credential})
    assert answer.status_code == 201
    assert answer.json == {
        "id": ids(browser.get(PAGE))[0],
        "name": "Firefox 145 on Windows 10",
        "created_at": "2026-01-31T12:00:00Z",
        "last_used_at": None,
        "synced": False,
    }
    assert begun["expires_at"] == "2026-01-31T12:05:00Z"
    assert "Only on one device" in browser.get(PAGE).text


def test_one_may_be_given_a_name(signed_in: Browser) -> None:
    add(signed_in, name="Key ring")
    add(signed_in, name=None)
    page = signed_in.get(PAGE).text
    assert "Key ring" in page
    assert len(ids(signed_in.get(PAGE))) == 2


@pytest.mark.parametrize("name", ["", " ", "x" * (NAME_LENGTH + 1), "a\nb"])
def test_a_name_that_is_none_is_refused(
    signed_in: Browser, phone: SoftwareAuthenticator, name: str
) -> None:
    (passkey_id,) = ids(signed_in.get(PAGE))
    page = signed_in.submit(f"{PAGE}/{passkey_id}/rename", {"name": name})
    assert page.status_code == 422
    check(page.text)
    assert error_of(page, "name")
    assert "<title>Error: " in page.text
    begun = options(signed_in, f"{PAGE}/options")
    body = {"challenge": begun["challenge"], "credential": {}, "name": name}
    assert set(problem(signed_in.send(PAGE, body), 422)["errors"]) == {"name"}


def test_names_are_shown_as_text(signed_in: Browser) -> None:
    name = "</strong><script>alert('\"')</script>"
    add(signed_in, name=name)
    page = signed_in.get(PAGE)
    check(page.text)
    assert "<script>alert" not in page.text
    assert "&lt;/strong&gt;&lt;script&gt;alert(&#39;&#34;&#39;)&lt;/script&gt;" in page.text


def test_it_signs_in_and_counts_as_both_factors(
    app: Flask, signed_in: Browser, browser: Browser, phone: SoftwareAuthenticator
) -> None:
    turn_on(signed_in)
    answer = sign_in(browser, phone)
    assert (answer.status_code, answer.json) == (200, {"location": "/account"})
    assert browser.is_signed_in()
    assert browser.get("/account/factor/set-up").status_code == 200
    assert "Never" not in browser.get(PAGE).text


@pytest.mark.parametrize("remember", [True, False])
def test_cookies_are_those_of_the_form(
    app: Flask, browser: Browser, phone: SoftwareAuthenticator, remember: bool
) -> None:
    form = Browser(app).sign_in(ADA, **({"remember": "y"} if remember else {}))
    answer = sign_in(browser, phone, remember=remember)
    assert cookies(answer) == cookies(form)
    assert browser.cookie("device")
    browser.delete_cookie("session")
    assert browser.is_signed_in() == remember


def test_a_remembered_browser_is_forgotten_by_a_sign_in_that_is_not(
    browser: Browser, phone: SoftwareAuthenticator
) -> None:
    sign_in(browser, phone, remember=True)
    remembered = browser.cookie("remember_token") or ""
    browser.submit("/logout", page="/account")
    browser.set_cookie("remember_token", remembered)
    sign_in(browser, phone)
    assert browser.cookie("remember_token") is None


def test_half_a_sign_in_with_a_password_is_left(
    signed_in: Browser, browser: Browser, phone: SoftwareAuthenticator
) -> None:
    turn_on(signed_in)
    assert browser.sign_in(ADA, next="/account/delete").location == "/login/factor"
    answer = sign_in(browser, phone)
    assert answer.json == {"location": "/account"}
    assert browser.cookie("challenge") is None


def test_nothing_of_the_session_before_lives_on(
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
def test_it_leads_to_this_site_alone(
    signed_in: Browser,
    browser: Browser,
    phone: SoftwareAuthenticator,
    target: str,
    location: str,
) -> None:
    assert sign_in(browser, phone, next=target).json == {"location": location}
    answer = signed_in.send(AGAIN, assertion(signed_in, phone) | {"next": target})
    assert answer.json == {"location": location}


def test_a_response_works_once_and_for_a_while(
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


def test_a_challenge_is_for_one_purpose(
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


def test_an_unconfirmed_account_has_to_be_confirmed(
    app: Flask, browser: Browser, phone: SoftwareAuthenticator
) -> None:
    with app.app_context(), transaction():
        db.session.execute(update(Account).values(confirmed_at=None))
    assert "Confirm your email" in problem(sign_in(browser, phone), 403)["detail"]
    assert not browser.is_signed_in()


def test_who_is_signed_in_needs_no_other_sign_in(
    app: Flask, signed_in: Browser, browser: Browser, phone: SoftwareAuthenticator
) -> None:
    body = assertion(browser, phone)
    sessions = count(app, Session)
    assert signed_in.send(SIGN_IN, body).json == {"location": "/account"}
    assert count(app, Session) == sessions


def test_it_proves_again_who_one_is(
    app: Flask, browser: Browser, signed_in: Browser, clock: time_machine.Traveller
) -> None:
    phone = add(signed_in)
    sign_in(browser, phone, remember=True)
    clock.shift(timedelta(minutes=15))
    thief = Browser(app)
    thief.set_cookie("session", browser.cookie("session") or "")
    assert browser.get("/account/email").location == "/reauthenticate?next=/account/email"
    page = browser.get("/reauthenticate?next=/account/email")
    check(page.text)
    assert "Use a passkey" in page.text
    answer = browser.send(AGAIN, assertion(browser, phone) | {"next": "/account/email"})
    assert (answer.status_code, answer.json) == (200, {"location": "/account/email"})
    assert browser.get("/account/email").status_code == 200
    assert not thief.is_signed_in()
    browser.delete_cookie("session")
    assert browser.is_signed_in()


def test_only_ones_own_passkey_proves_who_one_is(
    app: Flask, stale: Browser, browser: Browser, clock: time_machine.Traveller
) -> None:
    add_account(app, EVE, "Eve")
    browser.sign_in(EVE)
    begun = options(stale)
    theirs = add(browser)
    body = {"challenge": begun["challenge"], "credential": theirs.get(begun["options"])}
    problem(stale.send(AGAIN, body), 401)
    assert stale.get("/account/email").status_code == 303
    assert "Use a passkey" not in stale.get("/reauthenticate").text


def test_the_browser_is_asked_for_ones_own(
    signed_in: Browser, browser: Browser, phone: SoftwareAuthenticator
) -> None:
    assert "allowCredentials" not in options(browser)["options"]
    allowed = options(signed_in)["options"]["allowCredentials"]
    assert [each["id"] for each in allowed] == [phone.get({"rpId": "x", "challenge": "x"})["id"]]


def test_changes_need_a_recent_sign_in(
    app: Flask, signed_in: Browser, phone: SoftwareAuthenticator, clock: time_machine.Traveller
) -> None:
    begun = options(signed_in, f"{PAGE}/options")
    credential = SoftwareAuthenticator().create(begun["options"])
    (passkey_id,) = ids(signed_in.get(PAGE))
    clock.shift(timedelta(minutes=15))
    rename, remove = (f"{PAGE}/{passkey_id}/{what}" for what in ("rename", "remove"))
    for answer in (
        signed_in.send(f"{PAGE}/options", {}),
        signed_in.send(PAGE, {"challenge": begun["challenge"], "credential": credential}),
    ):
        assert problem(answer, 403)["location"] == f"/reauthenticate?next={PAGE}"
    answer = signed_in.submit(remove)
    assert (answer.status_code, answer.location) == (303, f"/reauthenticate?next={PAGE}")
    assert "To change your passkeys" in signed_in.get(answer.location).text
    for answer in (signed_in.submit(rename, {"name": "Mine"}), signed_in.get(rename)):
        assert (answer.status_code, answer.location) == (303, f"/reauthenticate?next={rename}")
    assert count(app, Passkey) == 1
    assert "Mine" not in signed_in.get(PAGE).text


def test_adding_one_needs_the_second_factor(
    app: Flask, account: str, signed_in: Browser, browser: Browser
) -> None:
    browser.sign_in(account)
    turn_on(signed_in)
    answer = browser.send(f"{PAGE}/options", {})
    assert problem(answer, 403)["location"] == f"/reauthenticate?next={PAGE}"
    add(signed_in)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        (f"{PAGE}/options", f"/login?next={PAGE}"),
        (PAGE, f"/login?next={PAGE}"),
        (AGAIN, "/login?next=/account"),
    ],
)
def test_who_is_signed_out_is_led_to_the_sign_in(
    browser: Browser, path: str, location: str
) -> None:
    body = {} if path.endswith("options") else {"challenge": "x", "credential": {}}
    assert problem(browser.send(path, body), 401)["location"] == location
    assert "Sign in to continue." in browser.get(location).text


@pytest.mark.parametrize(
    ("path", "status"),
    [(f"{PAGE}/options", 401), ("/passkeys/options", 401), (PAGE, 422), (AGAIN, 422)],
)
def test_a_session_that_ends_meanwhile_is_signed_out(
    app: Flask,
    signed_in: Browser,
    phone: SoftwareAuthenticator,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    status: int,
) -> None:
    begun = {} if path.endswith("options") else options(signed_in, f"{PAGE}/options")
    body = begun and {"challenge": begun["challenge"], "credential": {}}
    spend = ceremonies._spend

    def end_first(*arguments: Any) -> None:
        with transaction():
            db.session.execute(delete(Session))
        spend(*arguments)

    token = signed_in.csrf_token()
    monkeypatch.setattr(ceremonies, "_spend", end_first)
    answer = signed_in.client.post(path, json=body, headers={"X-CSRFToken": token})
    problem(answer, status)
    assert count(app, Passkey) == 1


@pytest.mark.parametrize("what", ["rename", "remove"])
def test_another_accounts_passkey_is_not_there(
    app: Flask, signed_in: Browser, phone: SoftwareAuthenticator, what: str
) -> None:
    eve = Browser(app)
    eve.sign_in(add_account(app, EVE, "Eve"))
    (theirs,) = ids(signed_in.get(PAGE))
    for passkey_id in (theirs, theirs[:-1] + "x", "1", "%00", "9" * 400):
        page = eve.submit(f"{PAGE}/{passkey_id}/{what}", {"name": "Mine"})
        assert page.status_code == 404
        assert "Page not found" in page.text
    assert ids(signed_in.get(PAGE)) == [theirs]
    assert "Mine" not in signed_in.get(PAGE).text


@pytest.mark.parametrize("what", ["rename", "remove"])
def test_one_that_is_removed_meanwhile_is_not_there(
    signed_in: Browser, phone: SoftwareAuthenticator, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    find = store.find

    def find_and_remove(account: Account, public_id: str) -> Passkey | None:
        found = find(account, public_id)
        with transaction():
            db.session.execute(delete(Passkey).execution_options(synchronize_session=False))
        return found

    (passkey_id,) = ids(signed_in.get(PAGE))
    monkeypatch.setattr(store, "find", find_and_remove)
    page = signed_in.submit(f"{PAGE}/{passkey_id}/{what}", {"name": "Mine"})
    assert page.status_code == 404


@pytest.mark.parametrize("path", ["/passkeys/options", SIGN_IN, AGAIN, f"{PAGE}/options", PAGE])
def test_a_script_needs_the_token_of_this_browser(
    app: Flask, signed_in: Browser, path: str
) -> None:
    foreign = Browser(app).csrf_token()
    for headers in ({}, {"X-CSRFToken": ""}, {"X-CSRFToken": "x"}, {"X-CSRFToken": foreign}):
        answer = signed_in.client.post(path, json={}, headers=headers)
        assert problem(answer, 400)["detail"].startswith("This page has expired.")
    token = {"X-CSRFToken": signed_in.csrf_token(), "Sec-Fetch-Site": "same-site"}
    problem(signed_in.client.post(path, json={}, headers=token), 400)


def test_tries_are_limited(app: Flask, browser: Browser) -> None:
    token = {"X-CSRFToken": browser.csrf_token()}
    answers = [browser.client.post("/passkeys/options", json={}, headers=token) for _ in range(21)]
    assert {answer.status_code for answer in answers[:20]} == {200}
    problem(answers[20], 429)
    assert 0 < int(answers[20].headers["Retry-After"]) <= 60


FIELDS = {"challenge": "x", "credential": {}}


@pytest.mark.parametrize(
    ("body", "content_type", "status", "errors"),
    [
        (json.dumps(FIELDS), "text/plain", 415, None),
        (json.dumps(FIELDS), "", 415, None),
        ("a=1", "application/x-www-form-urlencoded", 415, None),
        ("", "application/json", 400, None),
        ("{", "application/json", 400, None),
        ('{"challenge": NaN}', "application/json", 400, None),
        ('{"challenge": "\\ud800", "credential": {}}', "application/json", 400, None),
        (b"\xff\xfe{\x00}\x00", "application/json", 400, None),
        (b'{"challenge": "\xff"}', "application/json", 400, None),
        ("[" * 30_000, "application/json", 400, None),
        ('{"challenge": ' + "9" * 9_000 + "}", "application/json", 400, None),
        ("x" * 70_000, "application/json", 413, None),
        ("[]", "application/json", 422, {"body"}),
        ("null", "application/json", 422, {"body"}),
        ("{}", "application/json", 422, {"challenge", "credential"}),
        ('{"challenge": 1, "credential": "x"}', "application/json", 422, set(FIELDS)),
        (json.dumps(FIELDS | {"next": ["/"]}), "application/json", 422, {"next"}),
        (json.dumps(FIELDS | {"remember": "y"}), "application/json", 422, {"remember"}),
        (json.dumps(FIELDS | {"isAdmin": True}), "application/json", 422, {"isAdmin"}),
        (json.dumps(FIELDS), "application/json", 422, {"challenge"}),
        (json.dumps(FIELDS | {"challenge": "\0" * 9_000}), "application/json", 422, {"challenge"}),
    ],
)
def test_a_body_that_is_wrong_is_refused(
    browser: Browser, body: str | bytes, content_type: str, status: int, errors: set[str] | None
) -> None:
    headers = {"X-CSRFToken": browser.csrf_token()}
    answer = browser.client.post(SIGN_IN, data=body, content_type=content_type, headers=headers)
    members = problem(answer, status)
    assert members.get("errors", {}).keys() == (errors or set())


def test_a_body_that_is_nested_deeply_is_refused(browser: Browser) -> None:
    body = '{"a":' * 9_000 + "1" + "}" * 9_000
    headers = {"X-CSRFToken": browser.csrf_token()}
    answer = browser.client.post(
        SIGN_IN, data=body, content_type="application/json", headers=headers
    )
    # Some Pythons can read it, and find fields that nobody asked for.
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {}},
        {"id": [], "rawId": {}, "type": 1, "response": None},
        {"id": "\0", "rawId": "x" * 60_000, "type": "public-key", "response": []},
    ],
)
def test_no_credential_is_a_fault(
    signed_in: Browser, browser: Browser, credential: dict[str, Any]
) -> None:
    challenge = options(browser)["challenge"]
    answer = browser.send(SIGN_IN, {"challenge": challenge, "credential": credential})
    problem(answer, 401)
    challenge = options(signed_in)["challenge"]
    answer = signed_in.send(AGAIN, {"challenge": challenge, "credential": credential})
    problem(answer, 401)
    challenge = options(signed_in, f"{PAGE}/options")["challenge"]
    answer = signed_in.send(PAGE, {"challenge": challenge, "credential": credential})
    assert set(problem(answer, 422)["errors"]) == {"credential"}


def test_password_managers_learn_what_there_is(
    app: Flask, signed_in: Browser, phone: SoftwareAuthenticator
) -> None:
    told = {
        "rpId": "localhost",
        "userId": phone.user_handle,
        "name": ADA,
        "displayName": "Ada </div>\"'",
    }
    signed_in.submit("/account/profile", {"name": told["displayName"] or ""})
    assert signals(signed_in.get("/account")) == told
    made = phone.get({"rpId": "x", "challenge": "x"})["id"]
    page = signed_in.get(PAGE)
    check(page.text)
    assert signals(page) == {**told, "allAcceptedCredentialIds": [made]}
    signed_in.submit(f"{PAGE}/{ids(page)[0]}/remove")
    assert signals(signed_in.get(PAGE))["allAcceptedCredentialIds"] == []


def test_where_password_managers_find_the_page(browser: Browser) -> None:
    answer = browser.get("/.well-known/passkey-endpoints")
    page = f"https://localhost{PAGE}"
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.json == {"enroll": page, "manage": page}


@pytest.fixture
def numbered(make_app: MakeApp) -> Browser:
    """A browser of an app whose BASE_URL has an IP address."""
    app = make_app(DEBUG=True, BASE_URL="http://127.0.0.1:5000", PREFERRED_URL_SCHEME="http")
    add_account(app)
    return Browser(app)


def test_where_passkeys_are_impossible_one_page_says_why(numbered: Browser) -> None:
    assert "passkey" not in numbered.get("/login").text.replace("username webauthn", "")
    numbered.sign_in(ADA)
    assert "passkeys.js" not in numbered.get("/account").text
    page = numbered.get(PAGE)
    check(page.text)
    assert "the address of this one is an IP address" in page.text
    assert "Add a passkey" not in page.text
    assert numbered.get("/.well-known/passkey-endpoints").status_code == 404
    for path in ("/passkeys/options", SIGN_IN, AGAIN, f"{PAGE}/options", PAGE):
        problem(numbered.send(path, {}), 404)
