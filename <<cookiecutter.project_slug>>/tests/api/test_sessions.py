"""Signing in and out, and the sessions of an account."""

import re
from uuid import UUID

import pytest
import time_machine
from flask import Flask

from tests.api.conftest import ApiClient
from tests.conftest import PASSWORD, Inbox, add_account

UNKNOWN_ID = "6f1c9a52-3b0e-4d87-9c1f-2a7d5e8b4c60"
DAY = 24 * 60 * 60


def test_a_sign_in_gives_a_token_and_the_account(api: ApiClient, account: str) -> None:
    with time_machine.travel("2026-01-01T12:00:00Z", tick=False):
        answer = api.call("POST /sessions", {"email": account, "password": PASSWORD})
    assert answer.status_code == 201
    assert set(answer.json) == {"token", "token_type", "expires_at", "device", "account"}
    assert answer.json["token_type"] == "Bearer"
    assert answer.json["expires_at"] == "2026-01-31T12:00:00Z"
    members = {"id", "name", "email", "confirmed_at", "created_at"}
    assert set(answer.json["account"]) == members, (
        "If everyone's own account may show more, add it to `members` here."
    )
    for name in ("token", "device"):
        assert re.fullmatch(r"[\w-]{43}", answer.json[name])


def test_the_location_of_a_new_session_is_where_it_can_be_ended(ada: ApiClient) -> None:
    answer = ada.call("POST /sessions", {"email": "ada@example.com", "password": PASSWORD})
    path = answer.headers["Location"].removeprefix("/api/v1")
    assert ada.call(f"DELETE {path}").status_code == 204
    assert ApiClient(ada.app, answer.json["token"]).call("GET /account").status_code == 401


@pytest.mark.parametrize("email", ["ada@example.com", "nobody@example.com", "no address", ""])
def test_wrong_credentials_are_refused_alike(api: ApiClient, account: str, email: str) -> None:
    answer = api.call("POST /sessions", {"email": email, "password": "wrong"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.json["detail"] == "The email address or the password is wrong."


def test_an_address_may_be_written_in_other_ways(api: ApiClient, account: str) -> None:
    answer = api.call("POST /sessions", {"email": " ADA@Example.com", "password": PASSWORD})
    assert answer.status_code == 201


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer x", "Basic YWRhOng=", "ada"])
def test_without_a_valid_token_nothing_is_shown(api: ApiClient, header: str) -> None:
    answer = api.call("GET /account", headers={"Authorization": header})
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_the_scheme_of_a_token_is_read_without_regard_to_case(ada: ApiClient) -> None:
    client = ApiClient(ada.app)
    answer = client.call("GET /account", headers={"Authorization": f"bearer {ada.token}"})
    assert answer.status_code == 200


def test_a_token_with_another_scheme_is_refused(ada: ApiClient) -> None:
    headers = {"Authorization": f"Token {ada.token}"}
    assert ApiClient(ada.app).call("GET /account", headers=headers).status_code == 401


def test_a_token_is_refused_after_signing_out(ada: ApiClient) -> None:
    assert ada.call("DELETE /sessions/current").status_code == 204
    assert ada.call("GET /account").status_code == 401
    assert ada.call("DELETE /sessions/current").status_code == 401


def test_sessions_are_listed_with_where_and_when(api: ApiClient, ada: ApiClient) -> None:
    api.sign_in("ada@example.com")
    sessions = ada.call("GET /sessions", headers={"User-Agent": "curl/8"}).json["sessions"]
    assert len(sessions) == 2
    assert [session["current"] for session in sessions].count(True) == 1
    for session in sessions:
        assert session["ip_address"] == "127.0.0.1"
        for moment in ("created_at", "last_seen_at", "expires_at"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", session[moment])


def test_a_session_is_seen_from_where_it_was_used_last(ada: ApiClient) -> None:
    with time_machine.travel("2099-01-01T00:00:00Z", tick=False) as clock:
        client = ada.sign_in("ada@example.com")
        clock.shift(60)
        client.call("GET /account", headers={"User-Agent": "curl/9"})
        sessions = client.call("GET /sessions").json["sessions"]
    current = next(session for session in sessions if session["current"])
    assert current["user_agent"] == "curl/9"
    assert current["last_seen_at"] == "2099-01-01T00:01:00Z"


def test_one_session_can_be_ended_from_another(ada: ApiClient) -> None:
    other = ada.sign_in("ada@example.com")
    listed = ada.call("GET /sessions").json["sessions"]
    number = next(session["id"] for session in listed if not session["current"])
    assert ada.call(f"DELETE /sessions/{number}").status_code == 204
    assert other.call("GET /account").status_code == 401
    assert ada.call("GET /account").status_code == 200
    assert ada.call(f"DELETE /sessions/{number}").status_code == 404


def test_all_other_sessions_end_at_once(ada: ApiClient) -> None:
    others = [ada.sign_in("ada@example.com") for _ in range(2)]
    assert ada.call("DELETE /sessions").status_code == 204
    assert [other.call("GET /account").status_code for other in others] == [401, 401]
    assert ada.call("GET /account").status_code == 200


def test_a_session_of_another_account_is_not_found(ada: ApiClient, app: Flask) -> None:
    eve = ada.sign_in(add_account(app, "eve@example.com"))
    number = ada.call("GET /sessions").json["sessions"][0]["id"]
    answer = eve.call(f"DELETE /sessions/{number}")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")
    assert ada.call("GET /account").status_code == 200


def test_ids_do_not_reveal_how_many_there_are(api: ApiClient, app: Flask) -> None:
    clients = [api.sign_in(add_account(app, f"person{number}@example.com")) for number in range(3)]
    ids = [client.call("GET /account").json["id"] for client in clients]
    ids += [client.call("GET /sessions").json["sessions"][0]["id"] for client in clients]
    assert len(set(ids)) == 6
    assert {UUID(each).version for each in ids} == {4}


@pytest.mark.parametrize(
    "number", ["1", "-1", "9" * 300, "x", "%00", "%00" * 36, "%D9%A1", UNKNOWN_ID]
)
def test_an_impossible_id_is_not_found(ada: ApiClient, number: str) -> None:
    assert ada.call(f"DELETE /sessions/{number}").status_code == 404


def test_a_session_ends_when_it_is_not_used(api: ApiClient, account: str) -> None:
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        client = api.sign_in(account)
        clock.shift(30 * DAY - 1)
        assert client.call("GET /account").status_code == 200
        clock.shift(30 * DAY)
        assert client.call("GET /account").status_code == 401


def test_a_session_ends_after_its_maximum_lifetime(api: ApiClient, account: str) -> None:
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        client = api.sign_in(account)
        for _ in range(4):
            clock.shift(20 * DAY)
            assert client.call("GET /account").status_code == 200
        clock.shift(10 * DAY)
        assert client.call("GET /account").status_code == 401


def test_the_owner_gets_an_email_about_a_sign_in_without_the_device(
    api: ApiClient, account: str, inbox: Inbox
) -> None:
    credentials = {"email": account, "password": PASSWORD}
    device = api.call("POST /sessions", credentials).json["device"]
    api.call("POST /sessions", {**credentials, "device": device})
    assert inbox.to(account) == []
    api.call("POST /sessions", credentials)
    assert [mail.subject.split(" ·")[0] for mail in inbox.to(account)] == [
        "New sign-in to your account"
    ]


def test_the_path_of_the_second_step_is_not_a_session_id(ada: ApiClient) -> None:
    answer = ada.call("DELETE /sessions/factor")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}
    assert ada.call("DELETE /sessions/factors").status_code == 404
