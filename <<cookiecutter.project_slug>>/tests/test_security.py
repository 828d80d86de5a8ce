"""Headers and rules of every response of every interface."""

import pytest
from flask import Flask, request
from flask.testing import EnvironBuilder, FlaskClient
from sqlalchemy import event
from werkzeug.test import run_wsgi_app

from app.accounts import events
from app.extensions import db
from app.identity import current_client
from tests.conftest import MakeApp

PAGES = [
    "/no-such-page",
    #: if cookiecutter.interface != "html"
    "/api/v1/no-such-thing",
    #: endif
]
PATHS = ["/healthz", "/static/style.css", "/no-such-page"]


@pytest.mark.parametrize("path", PATHS)
def test_every_response_has_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path, buffered=True).headers
    policy = headers["Content-Security-Policy"]
    for directive in (
        "default-src 'none'",
        "connect-src 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
        "form-action 'self'",
    ):
        assert directive in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize("path", PATHS)
def test_no_header_is_sent_twice(client: FlaskClient, path: str) -> None:
    names = [name for name, _ in client.get(path, buffered=True).headers]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("path", "content_type"),
    [
        ("/healthz", "application/json"),
        ("/static/style.css", "text/css; charset=utf-8"),
        #: if cookiecutter.interface != "api"
        ("/no-such-page", "text/html; charset=utf-8"),
        #: endif
    ],
)
def test_every_response_has_a_content_type(
    client: FlaskClient, path: str, content_type: str
) -> None:
    assert client.get(path, buffered=True).headers["Content-Type"] == content_type


def test_no_hsts_in_debug_mode(make_app: MakeApp) -> None:
    client = make_app(DEBUG=True).test_client()
    assert "Strict-Transport-Security" not in client.get("/healthz").headers


def test_nothing_but_static_files_is_cached(client: FlaskClient) -> None:
    assert client.get("/no-such-page").headers["Cache-Control"] == "no-store"
    static = client.get("/static/style.css", buffered=True)
    assert "no-store" not in static.headers["Cache-Control"]


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "localhost.",
        "127.0.0.1",
        "localhost:99999",
        "localhost:x",
        "localhost@evil.example",
        "localhost, evil.example",
        "a" * 300,
        "@",
        "..",
        "xn--",
        "[a:b]",
        "[::1",
        "\xff",
        "",
    ],
)
def test_another_host_is_refused(app: Flask, host: str) -> None:
    # Not by a test client, which would stumble over some of these itself.
    for path, expected in (("/static/style.css", 400), ("/no-such-page", 400), ("/healthz", 200)):
        environ = EnvironBuilder(app, path).get_environ() | {"HTTP_HOST": host}
        _, status, headers = run_wsgi_app(app, environ, buffered=True)
        assert int(status.split()[0]) == expected
        assert "Content-Security-Policy" in headers


@pytest.mark.parametrize("path", PAGES)
def test_another_host_and_the_setting_are_named(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    environ = {"HTTP_HOST": 'evil.example"\r\n<script>' + "a" * 200}
    answer = client.get(path, environ_overrides=environ)
    for told in (answer.text, caplog.text):
        assert "evil.example" in told
        assert "BASE_URL" in told
        assert "\n<script>" not in told
        assert "a" * 101 not in told


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "localhost:443", "localhost:8000"])
def test_the_apps_own_host_is_answered(client: FlaskClient, host: str) -> None:
    response = client.get("/static/style.css", headers={"Host": host}, buffered=True)
    assert response.status_code == 200


def test_an_address_may_be_the_host(make_app: MakeApp) -> None:
    client = make_app(BASE_URL="https://[2001:db8::1]:8000").test_client()
    for host, status in (("[2001:db8::1]:8000", 404), ("[2001:db8::2]:8000", 400)):
        assert client.get("/no-such-page", headers={"Host": host}).status_code == status


def test_health_checks_accept_any_host(client: FlaskClient) -> None:
    response = client.get("/healthz", headers={"Host": "192.0.2.7:8000"})
    assert response.status_code == 200
    assert response.json == {"status": "ok"}


def test_health_checks_report_that_the_database_is_down(make_app: MakeApp) -> None:
    app = make_app()
    with app.app_context():
        engine = db.engine

    def refuse(*_arguments: object) -> None:
        raise engine.dialect.loaded_dbapi.OperationalError("down")

    event.listen(engine, "do_connect", refuse)
    response = app.test_client().get("/healthz")
    event.remove(engine, "do_connect", refuse)
    assert (response.status_code, response.json) == (503, {"status": "unavailable"})


@pytest.mark.parametrize("host", ["localhost:5000", "127.0.0.1:5000", "[::1]:5000"])
def test_localhost_is_a_trusted_host_in_debug_mode(make_app: MakeApp, host: str) -> None:
    client = make_app(DEBUG=True).test_client()
    response = client.get("/static/style.css", headers={"Host": host}, buffered=True)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("proxies", "seen"), [(0, "127.0.0.1"), (1, "192.0.2.3"), (2, "192.0.2.2")]
)
def test_only_configured_proxies_are_trusted(make_app: MakeApp, proxies: int, seen: str) -> None:
    app = make_app(TRUSTED_PROXIES=proxies)
    addresses: list[str | None] = []
    app.before_request(lambda: addresses.append(request.remote_addr))
    forwarded = "192.0.2.1, 192.0.2.2, 192.0.2.3"
    app.test_client().get("/healthz", headers={"X-Forwarded-For": forwarded})
    assert addresses == [seen]


def test_a_forwarded_host_is_not_trusted(make_app: MakeApp) -> None:
    client = make_app(TRUSTED_PROXIES=1).test_client()
    headers = {"Host": "evil.example", "X-Forwarded-Host": "localhost"}
    assert client.get("/static/style.css", headers=headers).status_code == 400


@pytest.mark.parametrize("path", PATHS)
def test_trace_is_not_allowed(client: FlaskClient, path: str) -> None:
    answer = client.open(path, method="TRACE", headers={"X-Secret": "secret"})
    assert answer.status_code in (404, 405)
    assert "secret" not in answer.text


def test_only_static_files_are_served_and_no_folder_is_listed(client: FlaskClient) -> None:
    for path in (
        "/static/",
        "/static",
        "/.git/config",
        "/.env",
        "/app/config.py",
        "/static/../.env",
    ):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(("host", "status"), [("evil.example", 400), ("localhost", 404)])
def test_a_request_for_another_host_is_logged(
    client: FlaskClient,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    status: int,
) -> None:
    monkeypatch.setattr(events.logger, "propagate", True)
    assert client.get("/no-such-page", headers={"Host": host}).status_code == status
    noted = '"event": "request.refused"' in caplog.text
    assert noted == (status == 400)


@pytest.mark.parametrize(
    "date",
    [
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2026 00:00:00 +99999999999999",
        "Mon, 01 Jan 2026 99999999999999999999:00:00 GMT",
    ],
)
@pytest.mark.parametrize("header", ["If-Modified-Since", "If-Unmodified-Since", "If-Range"])
def test_an_impossible_date_is_ignored(client: FlaskClient, header: str, date: str) -> None:
    headers = {header: date, "Range": "bytes=0-9"} if header == "If-Range" else {header: date}
    assert client.get("/static/style.css", headers=headers, buffered=True).status_code == 200


def test_a_long_user_agent_fits_every_database(app: Flask) -> None:
    environ = {"HTTP_USER_AGENT": "a\0b" * 200, "REMOTE_ADDR": "\0" * 100}
    with app.test_request_context(environ_overrides=environ):
        client = current_client()
    assert client.user_agent == ("ab" * 200)[:255]
    assert client.ip_address == ""
