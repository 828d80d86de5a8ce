"""Reading, changing, exporting and deleting your account."""

import json

import pytest
import time_machine
from flask import Flask

from app.accounts import fields, limits, store
from app.accounts.models import NAME_LENGTH
from tests.api.conftest import ApiClient, errors_of
from tests.conftest import PASSWORD, Inbox, add_account, delete_meanwhile

NEW_PASSWORD = "seven purple lanterns adrift"
NEW_EMAIL = "ada@example.org"


def test_a_name_can_be_changed(ada: ApiClient) -> None:
    answer = ada.call("PATCH /account", {"name": "  Ada 🌻 Łovelace "})
    assert (answer.status_code, answer.json["name"]) == (200, "Ada 🌻 Łovelace")
    assert ada.call("GET /account").json == answer.json


@pytest.mark.parametrize(
    "name", ["", " ", "a" * (NAME_LENGTH + 1), "a\nb", "\ta", "a\u2028b", "a\u0000"]
)
def test_a_name_that_cannot_be_displayed_is_refused(ada: ApiClient, name: str) -> None:
    assert set(errors_of(ada.call("PATCH /account", {"name": name}))) == {"name"}


def test_a_password_change_ends_the_other_sessions(ada: ApiClient, inbox: Inbox) -> None:
    other = ada.sign_in("ada@example.com")
    body = {"current_password": PASSWORD, "password": NEW_PASSWORD}
    assert ada.call("PUT /account/password", body).status_code == 204
    assert ada.call("GET /account").status_code == 200
    assert other.call("GET /account").status_code == 401
    old = ada.call("POST /sessions", {"email": "ada@example.com", "password": PASSWORD})
    assert old.status_code == 401
    assert ada.sign_in("ada@example.com", NEW_PASSWORD)
    assert "changed" in inbox.to("ada@example.com")[-1].subject


@pytest.mark.parametrize(
    ("line", "body", "field"),
    [
        ("PUT /account/password", {"password": NEW_PASSWORD}, "current_password"),
        ("PUT /account/email", {"email": NEW_EMAIL}, "current_password"),
        ("DELETE /account", {}, "password"),
    ],
)
def test_a_wrong_password_changes_nothing(
    ada: ApiClient, inbox: Inbox, line: str, body: dict[str, str], field: str
) -> None:
    assert set(errors_of(ada.call(line, {**body, field: "wrong"}))) == {field}
    assert inbox.to("ada@example.com") == inbox.to(NEW_EMAIL) == []
    assert ada.sign_in("ada@example.com").call("GET /account").status_code == 200


def test_a_new_password_must_follow_the_policy(ada: ApiClient) -> None:
    body = {"current_password": PASSWORD, "password": "ada ada ada ada"}
    assert set(errors_of(ada.call("PUT /account/password", body))) == {"password"}


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("PUT /account/password", {"current_password": "wrong", "password": "short"}),
        ("PUT /account/password", {"current_password": "wrong", "password": "ada ada ada ada"}),
        ("PUT /account/email", {"current_password": "wrong", "email": "nonsense"}),
    ],
)
def test_both_wrong_fields_have_messages(ada: ApiClient, line: str, body: dict[str, str]) -> None:
    assert set(errors_of(ada.call(line, body))) == set(body)


def ask_for_another_address(ada: ApiClient, email: str = NEW_EMAIL) -> None:
    body = {"current_password": PASSWORD, "email": email}
    answer = ada.call("PUT /account/email", body)
    assert (answer.status_code, answer.data) == (202, b"")


def test_an_address_changes_when_its_link_is_used(ada: ApiClient, inbox: Inbox) -> None:
    ask_for_another_address(ada)
    assert ada.call("GET /account").json["email"] == "ada@example.com"
    assert inbox.to("ada@example.com")
    # Signed in or not: the token is enough.
    body = {"token": inbox.token(NEW_EMAIL)}
    assert ApiClient(ada.app).call("PUT /account/email/confirmation", body).status_code == 204
    assert ada.call("GET /account").json["email"] == NEW_EMAIL
    assert set(errors_of(ada.call("PUT /account/email/confirmation", body))) == {"token"}


def test_an_address_in_use_gets_the_same_response_and_a_notice(
    ada: ApiClient, app: Flask, inbox: Inbox
) -> None:
    eve = add_account(app, "eve@example.com")
    ask_for_another_address(ada, eve)
    assert "in use" in inbox.to(eve)[-1].subject


def test_an_address_taken_in_the_meantime_changes_nothing(
    ada: ApiClient, app: Flask, inbox: Inbox
) -> None:
    ask_for_another_address(ada)
    token = inbox.token(NEW_EMAIL)
    add_account(app, NEW_EMAIL)
    refused = ada.call("PUT /account/email/confirmation", {"token": token})
    assert "address" in errors_of(refused)["token"][0]
    assert ada.call("GET /account").json["email"] == "ada@example.com"


def test_an_email_change_token_expires(ada: ApiClient, inbox: Inbox) -> None:
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        client = ada.sign_in("ada@example.com")
        ask_for_another_address(client)
        body = {"token": inbox.token(NEW_EMAIL)}
        clock.shift(24 * 60 * 60)
        assert set(errors_of(ada.call("PUT /account/email/confirmation", body))) == {"token"}


def test_a_password_change_invalidates_the_link_to_another_address(
    ada: ApiClient, inbox: Inbox
) -> None:
    ask_for_another_address(ada)
    token = inbox.token(NEW_EMAIL)
    ada.call("PUT /account/password", {"current_password": PASSWORD, "password": NEW_PASSWORD})
    assert ada.call("PUT /account/email/confirmation", {"token": token}).status_code == 422


def test_an_export_has_everything_except_secrets(ada: ApiClient) -> None:
    ask_for_another_address(ada)
    answer = ada.call("GET /account/export")
    assert answer.headers["Content-Disposition"] == "attachment; filename=account.json"
    assert set(answer.json) >= {"account", "sessions", "devices", "mailed_links"}
    assert answer.json["account"]["email"] == "ada@example.com"
    assert answer.json["sessions"][0]["ip_address"] == "127.0.0.1"
    text = json.dumps(answer.json)
    assert ada.token is not None
    assert "hash" not in text
    assert ada.token not in text


def test_a_deleted_account_is_gone(ada: ApiClient, inbox: Inbox) -> None:
    other = ada.sign_in("ada@example.com")
    assert ada.call("DELETE /account", {"password": PASSWORD}).status_code == 204
    assert [client.call("GET /account").status_code for client in (ada, other)] == [401, 401]
    again = ada.call("POST /sessions", {"email": "ada@example.com", "password": PASSWORD})
    assert again.status_code == 401
    assert "deleted" in inbox.to("ada@example.com")[-1].subject


def test_an_account_needs_a_token(api: ApiClient, account: str) -> None:
    for line in (
        "GET /account",
        "PATCH /account",
        "DELETE /account",
        "PUT /account/password",
        "PUT /account/email",
        "GET /account/export",
        "GET /sessions",
        "DELETE /sessions",
        "DELETE /sessions/current",
        "DELETE /sessions/1",
    ):
        assert api.call(line, {"name": "Eve"}).status_code == 401, line


def test_a_change_while_the_account_is_deleted_is_signed_out(
    app: Flask, ada: ApiClient, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_first(name: str) -> str:
        delete_meanwhile(app, account)
        return name

    monkeypatch.setattr(fields, "clean_name", delete_first)
    answer = ada.call("PATCH /account", {"name": "Countess"})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_asking_for_an_address_while_the_account_is_deleted_is_signed_out(
    app: Flask, ada: ApiClient, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "spend_mail", lambda *_: delete_meanwhile(app, account))
    body = {"current_password": PASSWORD, "email": NEW_EMAIL}
    assert ada.call("PUT /account/email", body).status_code == 401


def test_a_hash_renewed_by_a_change_of_address_is_kept(
    app: Flask, ada: ApiClient, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PASSWORD_HASH_METHOD", "scrypt:1024:8:1")
    body = {"current_password": PASSWORD, "email": NEW_EMAIL}
    assert ada.call("PUT /account/email", body).status_code == 202
    with app.app_context():
        stored = store.by_email(account)
        assert stored is not None
        assert stored.password_hash.startswith("scrypt:1024:")
