"""Errors, in the look of the pages."""

from typing import Any

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from markupsafe import escape
from sqlalchemy import event, inspect
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm.exc import ObjectDeletedError
from werkzeug.exceptions import TooManyRequests

from app import errors
from app.accounts.models import Session
from app.extensions import db
from app.web.error_pages import WORDS
from tests.conftest import MakeApp
from tests.web.conftest import Browser


@pytest.mark.parametrize("code", WORDS)
def test_every_error_has_its_page(make_app: MakeApp, account: str, code: int) -> None:
    app = make_app()
    app.add_url_rule("/fail", view_func=lambda: abort(code))
    browser = Browser(app)
    browser.sign_in(account)
    response = browser.get("/fail")
    assert response.status_code == code
    assert f"<h1>{escape(WORDS[code][0])}</h1>" in response.text
    assert 'lang="en"' in response.text
    assert "Content-Security-Policy" in response.headers
    assert response.headers["Cache-Control"] == "no-store"


def test_an_own_feature_may_show_its_errors_in_its_own_way(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/hooks/fail", view_func=lambda: abort(409))
    errors.show_with(app, "/hooks/", lambda error: ("Ours", 409))
    assert app.test_client().get("/hooks/fail").text == "Ours"
    assert "<h1>" in app.test_client().get("/other").text


def test_any_other_error_has_a_page_too(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/fail", view_func=lambda: abort(418))
    response = app.test_client().get("/fail")
    assert response.status_code == 418
    assert "teapot" in response.text


def test_a_server_error_reveals_nothing(make_app: MakeApp) -> None:
    app = make_app(TESTING=False)

    def fail() -> str:
        raise RuntimeError("the inside of the app")

    app.add_url_rule("/fail", view_func=fail)
    response = app.test_client().get("/fail")
    assert response.status_code == 500
    assert "Something went wrong" in response.text
    assert "the inside" not in response.text


def test_another_row_that_was_deleted_signs_nobody_out(make_app: MakeApp, account: str) -> None:
    app = make_app(TESTING=False)

    def fail() -> str:
        raise ObjectDeletedError(inspect(Session()), "a row of the owner's is gone")

    app.add_url_rule("/fail", view_func=fail)
    browser = Browser(app)
    browser.sign_in(account)
    assert browser.get("/fail").status_code == 500


def test_an_error_page_does_not_query_the_database(app: Flask, signed_in: Browser) -> None:
    statements: list[str] = []
    with app.app_context():
        engine = db.engine
    event.listen(
        engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2])
    )
    assert signed_in.get("/nowhere").status_code == 404
    assert statements == []


def test_while_the_database_is_down_there_is_a_page(make_app: MakeApp, signed_in: Browser) -> None:
    app = make_app()
    with app.app_context():
        engine = db.engine
    app.config["TESTING"] = False

    def refuse(*arguments: object) -> None:
        raise db.engine.dialect.loaded_dbapi.OperationalError("down")

    event.listen(engine, "do_connect", refuse)
    signed_in.client.application = app
    for path in ("/account", "/", "/login"):
        response = signed_in.get(path)
        assert response.status_code == 503
        assert "Temporarily unavailable" in response.text
    event.remove(engine, "do_connect", refuse)
    assert signed_in.is_signed_in()


def test_the_database_may_fail_while_an_error_page_asks_who_is_signed_in(
    make_app: MakeApp, signed_in: Browser
) -> None:
    app = make_app(TESTING=False)

    def refuse(*arguments: Any) -> None:
        if "FROM sessions" in arguments[2]:
            raise OperationalError(arguments[2], {}, Exception("down"))

    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", refuse)
    signed_in.client.application = app
    response = signed_in.get(f"/confirm/{'x' * 43}")
    assert response.status_code == 503
    assert "Temporarily unavailable" in response.text


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/account/profile", "/account/profile"),
        ("/account/sessions/revoke-others", "/account/sessions"),
        ("/account/sessions/x/revoke", "/account/sessions"),
        ("/account/passkeys/x/remove", "/account/passkeys"),
        ("/logout", "/"),
    ],
)
def test_an_expired_form_leads_back_to_its_page(signed_in: Browser, path: str, page: str) -> None:
    response = signed_in.client.post(path, data={"csrf_token": "expired"})
    assert response.status_code == 400
    assert f'href="{page}">Reload the page</a>' in response.text


def test_a_wrong_method_names_the_allowed_ones(client: FlaskClient) -> None:
    response = client.get("/account/sessions/revoke-others")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "a second"),
        (59, "59 seconds"),
        (61, "61 seconds"),
        (120, "2 minutes"),
        (900, "15 minutes"),
        (3601, "61 minutes"),
        (7201, "3 hours"),
    ],
)
def test_a_waiting_time_is_shown_in_words(make_app: MakeApp, seconds: int, words: str) -> None:
    app = make_app()

    def fail() -> str:
        raise TooManyRequests(retry_after=seconds)

    app.add_url_rule("/fail", view_func=fail)
    response = app.test_client().get("/fail")
    assert response.headers["Retry-After"] == str(seconds)
    assert f"Wait {words} before" in response.text


def test_a_missing_slash_redirects(client: FlaskClient) -> None:
    assert client.get("/account/").status_code == 404
    assert client.get("/account//profile").status_code == 308
