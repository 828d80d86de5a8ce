"""A browser's cookie does nothing at the API, and a bearer token does nothing at a page."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.api.conftest import ApiClient
from tests.conftest import PASSWORD, MakeApp, add_account


def sign_in_by_form(app: Flask, email: str, **fields: str) -> FlaskClient:
    """Return a browser that is signed in."""
    client = app.test_client()
    form = client.get("/login", base_url="https://localhost").text
    token = re.findall(r'name="csrf_token"[^>]* value="([^"]+)"', form)[0]
    data = {"email": email, "password": PASSWORD, "csrf_token": token, **fields}
    headers = {"Referer": "https://localhost/login"}
    client.post("/login", data=data, base_url="https://localhost", headers=headers)
    assert client.get("/account", base_url="https://localhost").status_code == 200
    return client


def test_a_browser_session_does_not_sign_in_to_the_api(app: Flask, account: str) -> None:
    client = sign_in_by_form(app, account, remember="y")
    for method, path in (("GET", "/account"), ("DELETE", "/sessions"), ("GET", "/sessions")):
        answer = client.open(f"/api/v1{path}", method=method, base_url="https://localhost")
        assert answer.status_code == 401
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers["Vary"]
    assert client.get("/account", base_url="https://localhost").status_code == 200


def test_no_spelling_of_a_path_avoids_that(app: Flask, account: str) -> None:
    client = sign_in_by_form(app, account, remember="y")
    for path in ("//api/v1/account", "///api/v1/account", "/api//v1/account", "/.//api/v1/account"):
        environ = {"PATH_INFO": path}
        answer = client.get("/", base_url="https://localhost", environ_overrides=environ)
        assert answer.status_code in (401, 404)


def test_a_browser_token_does_not_work_as_a_bearer_token(app: Flask, account: str) -> None:
    client = sign_in_by_form(app, account, remember="y")
    cookie = client.get_cookie("__Host-remember_token")
    assert cookie is not None
    token = cookie.value.partition("|")[0]
    assert ApiClient(app, token).call("GET /account").status_code == 401


def test_a_bearer_token_does_not_sign_in_to_pages(ada: ApiClient, app: Flask) -> None:
    headers = {"Authorization": f"Bearer {ada.token}"}
    answer = app.test_client().get("/account", headers=headers, base_url="https://localhost")
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/login?")


def test_a_form_sent_to_the_api_needs_no_form_token_and_is_refused(app: Flask) -> None:
    answer = app.test_client().post("/api/v1/sessions", data={"email": "ada@example.com"})
    assert answer.status_code == 415


def test_the_sessions_of_pages_and_api_are_listed_and_ended_together(
    ada: ApiClient, app: Flask
) -> None:
    client = sign_in_by_form(app, "ada@example.com")
    assert len(ada.call("GET /sessions").json["sessions"]) == 2
    assert ada.call("DELETE /sessions").status_code == 204
    assert client.get("/account", base_url="https://localhost").status_code == 303
    assert ada.call("GET /account").status_code == 200


@pytest.mark.parametrize("prefix", ["/shop", ""])
def test_a_cookie_does_nothing_at_an_api_below_a_path(make_app: MakeApp, prefix: str) -> None:
    app = make_app(BASE_URL="https://localhost/shop")
    client = sign_in_by_form(app, add_account(app), remember="y")
    answer = client.get(f"{prefix}/api/v1/account", base_url="https://localhost")
    assert answer.status_code == 401


@pytest.mark.parametrize("header", ["Basic ÿ", "Bearer ÿ", "ÿ"])
def test_pages_ignore_any_authorization(app: Flask, header: str) -> None:
    headers = {"Authorization": header}
    page = app.test_client().get("/login", base_url="https://localhost", headers=headers)
    assert page.status_code == 200
