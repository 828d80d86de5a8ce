"""Opening an account and confirming its address, as a client does it."""

import time_machine
from flask import Flask

from tests.api.conftest import ApiClient, errors_of
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.work import visible_headers

ADA = {"name": "Ada", "email": "ada@example.com", "password": PASSWORD}


def test_a_person_registers_confirms_and_signs_in(api: ApiClient, inbox: Inbox) -> None:
    answer = api.call("POST /accounts", ADA)
    assert (answer.status_code, answer.data) == (202, b"")
    token = inbox.token(ADA["email"])
    assert api.call("PUT /confirmations", {"token": token}).status_code == 204
    account = api.sign_in(ADA["email"]).call("GET /account").json
    assert (account["name"], account["email"]) == ("Ada", "ada@example.com")


def test_a_known_address_gets_the_same_response_and_its_owner_an_email(
    api: ApiClient, account: str, inbox: Inbox
) -> None:
    known = api.call("POST /accounts", ADA | {"password": "another long password indeed"})
    unknown = api.call("POST /accounts", ADA | {"email": "eve@example.com"})
    assert (known.status_code, known.data) == (unknown.status_code, unknown.data)
    assert visible_headers(known) == visible_headers(unknown)
    assert "already" in inbox.to(account)[-1].subject
    assert api.sign_in(account).call("GET /account").status_code == 200  # the password stayed


def test_every_wrong_field_has_its_message(api: ApiClient) -> None:
    body = {"name": "", "email": "nobody", "password": "short"}
    assert set(errors_of(api.call("POST /accounts", body))) == {"name", "email", "password"}


def test_a_guessable_password_is_refused(api: ApiClient) -> None:
    body = ADA | {"password": "ada@example.com1"}
    assert set(errors_of(api.call("POST /accounts", body))) == {"password"}


def test_a_confirmation_token_works_once(api: ApiClient, inbox: Inbox) -> None:
    api.call("POST /accounts", ADA)
    token = inbox.token(ADA["email"])
    assert api.call("PUT /confirmations", {"token": token}).status_code == 204
    assert set(errors_of(api.call("PUT /confirmations", {"token": token}))) == {"token"}


def test_a_confirmation_token_expires(api: ApiClient, inbox: Inbox) -> None:
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        api.call("POST /accounts", ADA)
        token = inbox.token(ADA["email"])
        clock.shift(3 * 24 * 60 * 60)
        assert set(errors_of(api.call("PUT /confirmations", {"token": token}))) == {"token"}


def test_a_confirmation_sent_again_invalidates_the_first(api: ApiClient, inbox: Inbox) -> None:
    api.call("POST /accounts", ADA)
    first = inbox.token(ADA["email"])
    assert api.call("POST /confirmations", {"email": ADA["email"]}).status_code == 202
    second = inbox.token(ADA["email"])
    assert api.call("PUT /confirmations", {"token": first}).status_code == 422
    assert api.call("PUT /confirmations", {"token": second}).status_code == 204


def test_requesting_another_link_reveals_nothing_about_an_address(
    api: ApiClient, account: str, inbox: Inbox
) -> None:
    known = api.call("POST /confirmations", {"email": account})
    unknown = api.call("POST /confirmations", {"email": "nobody@example.com"})
    assert (known.status_code, known.data) == (unknown.status_code, unknown.data) == (202, b"")
    assert inbox.to(account) == inbox.to("nobody@example.com") == []


def test_only_the_password_shows_that_an_account_is_unconfirmed(api: ApiClient, app: Flask) -> None:
    body = {"email": add_account(app, confirmed=False), "password": PASSWORD}
    refused = api.call("POST /sessions", body)
    assert (refused.status_code, refused.mimetype) == (403, "application/problem+json")
    assert api.call("POST /sessions", body | {"password": "wrong"}).status_code == 401


def test_a_closed_registration_is_not_found(make_app: MakeApp) -> None:
    api = ApiClient(make_app(REGISTRATION="closed"))
    for body in (ADA, {}):
        answer = api.call("POST /accounts", body)
        assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    document = api.call("GET /openapi.json").json
    assert "/api/v1/accounts" not in document["paths"]
    assert "/api/v1/confirmations" in document["paths"]
