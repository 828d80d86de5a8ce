"""The page of passkeys: add, show, rename and remove them."""

import os
from html import unescape

import pytest
from flask import Flask
from sqlalchemy import delete

from app.accounts.models import NAME_LENGTH, Account, Passkey
from app.accounts.passkeys import store
from app.extensions import db, transaction
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.software_authenticator import DEVICE_BOUND, SoftwareAuthenticator
from tests.web.conftest import Browser, error_of
from tests.web.factor.conftest import turn_on
from tests.web.passkeys.conftest import (
    ADA,
    AGAIN,
    EVE,
    FIREFOX,
    PAGE,
    SIGN_IN,
    add,
    ids,
    options,
    problem,
    signals,
)
from tests.web.test_pages import check


def test_a_passkey_is_added_shown_renamed_and_removed(signed_in: Browser, inbox: Inbox) -> None:
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


def test_a_new_passkey_is_described(app: Flask, account: str) -> None:
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


def test_a_password_beside_the_recent_sign_in_is_no_error(signed_in: Browser) -> None:
    body = {"current_password": PASSWORD, "code": "123456"}
    assert signed_in.send(f"{PAGE}/options", body).status_code == 200


def test_a_passkey_can_be_named_when_it_is_added(signed_in: Browser) -> None:
    add(signed_in, name="Key ring")
    add(signed_in, name=None)
    page = signed_in.get(PAGE).text
    assert "Key ring" in page
    assert len(ids(signed_in.get(PAGE))) == 2


@pytest.mark.parametrize("name", ["", " ", "x" * (NAME_LENGTH + 1), "a\nb"])
def test_an_invalid_name_of_a_passkey_is_refused(
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


def test_adding_one_needs_the_second_factor(
    app: Flask, account: str, signed_in: Browser, browser: Browser
) -> None:
    browser.sign_in(account)
    turn_on(signed_in)
    answer = browser.send(f"{PAGE}/options", {})
    assert problem(answer, 403)["location"] == f"/reauthenticate?next={PAGE}"
    add(signed_in)


@pytest.mark.parametrize("what", ["rename", "remove"])
def test_a_passkey_of_another_account_is_not_found(
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
def test_a_passkey_removed_in_the_meantime_is_not_found(
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


def test_password_managers_get_the_list_of_passkeys(
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


def test_the_id_of_a_passkey_may_be_long(signed_in: Browser) -> None:
    # In base64 it ends with X.
    long = SoftwareAuthenticator(credential_id=os.urandom(297) + b"\0\0\x17")
    add(signed_in, long)
    made = long.get({"rpId": "x", "challenge": "x"})["id"]
    assert signals(signed_in.get(PAGE))["allAcceptedCredentialIds"] == [made]


def test_the_well_known_path_names_the_passkeys_page(browser: Browser) -> None:
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


def test_the_page_explains_why_passkeys_are_impossible(numbered: Browser) -> None:
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
