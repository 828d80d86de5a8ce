"""Who may use and change passkeys, and re-authentication with them."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete

from app.accounts.models import Passkey, Session
from app.accounts.passkeys import ceremonies
from app.extensions import db, transaction
from tests.conftest import add_account
from tests.software_authenticator import SoftwareAuthenticator
from tests.web.conftest import Browser
from tests.web.passkeys.conftest import (
    AGAIN,
    EVE,
    PAGE,
    add,
    assertion,
    count,
    ids,
    options,
    problem,
    sign_in,
)
from tests.web.test_pages import check


def test_a_passkey_reauthenticates(
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


def test_only_a_passkey_of_the_same_account_reauthenticates(
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


def test_reauthentication_options_list_the_accounts_passkeys(
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


@pytest.mark.parametrize(
    ("path", "location"),
    [
        (f"{PAGE}/options", f"/login?next={PAGE}"),
        (PAGE, f"/login?next={PAGE}"),
        (AGAIN, "/login?next=/account"),
    ],
)
def test_signed_out_people_are_redirected_to_the_sign_in(
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
