"""Password resets."""

import time_machine

from tests.api.conftest import ApiClient, errors_of
from tests.conftest import Inbox, add_account

NEW_PASSWORD = "seven purple lanterns adrift"


def test_a_reset_sets_the_password_and_ends_every_session(ada: ApiClient, inbox: Inbox) -> None:
    email = "ada@example.com"
    assert ada.call("POST /password-resets", {"email": email}).status_code == 202
    body = {"token": inbox.token(email), "password": NEW_PASSWORD}
    answer = ada.call("PUT /password-resets", body)
    assert answer.status_code == 200
    assert set(answer.json) == {"device"}
    assert ada.call("GET /account").status_code == 401
    assert "changed" in inbox.to(email)[-1].subject
    assert ada.sign_in(email, NEW_PASSWORD).call("GET /account").status_code == 200


def test_a_reset_confirms_the_address(api: ApiClient, inbox: Inbox) -> None:
    email = add_account(api.app, confirmed=False)
    api.call("POST /password-resets", {"email": email})
    api.call("PUT /password-resets", {"token": inbox.token(email), "password": NEW_PASSWORD})
    assert api.sign_in(email, NEW_PASSWORD).call("GET /account").json["confirmed_at"]


def test_a_reset_token_works_once_and_outlives_a_bad_password(
    api: ApiClient, account: str, inbox: Inbox
) -> None:
    api.call("POST /password-resets", {"email": account})
    token = inbox.token(account)
    weak = api.call("PUT /password-resets", {"token": token, "password": "short"})
    assert set(errors_of(weak)) == {"password"}
    body = {"token": token, "password": NEW_PASSWORD}
    assert api.call("PUT /password-resets", body).status_code == 200
    assert set(errors_of(api.call("PUT /password-resets", body))) == {"token"}


def test_a_reset_token_expires(api: ApiClient, account: str, inbox: Inbox) -> None:
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        api.call("POST /password-resets", {"email": account})
        body = {"token": inbox.token(account), "password": NEW_PASSWORD}
        clock.shift(60 * 60)
        assert set(errors_of(api.call("PUT /password-resets", body))) == {"token"}


def test_requesting_a_reset_reveals_nothing_about_an_address(
    api: ApiClient, account: str, inbox: Inbox
) -> None:
    known = api.call("POST /password-resets", {"email": account})
    unknown = api.call("POST /password-resets", {"email": "nobody@example.com"})
    assert (known.status_code, known.data) == (unknown.status_code, unknown.data) == (202, b"")
    assert inbox.to(account)
    assert not inbox.to("nobody@example.com")
