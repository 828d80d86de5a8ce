"""The log: JSON lines that name the request, and the ID of each request."""

import io
import json
import logging
import time
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import logs
from app.accounts import events, tokens
from app.extensions import db
from tests.conftest import MakeApp

Lines = Callable[[], list[dict[str, object]]]
TOKEN = "AbcdefghijklmnopqrstuvwxyzabcdefghijklmnopQ"
OTHER_HOST = {"Host": "evil.example"}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Lines]:
    """The app's lines so far, as production writes them, except the audit log."""
    formatter = caplog.handler.formatter
    caplog.handler.setFormatter(logs.JsonFormatter())

    def read() -> list[dict[str, object]]:
        found = [json.loads(line) for line in caplog.text.splitlines()]
        return [line for line in found if line["logger"] != "app.events"]

    yield read
    caplog.handler.setFormatter(formatter)


@pytest.fixture
def failing(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `/healthz` raise an exception, and nobody but the app see it."""

    def fail() -> None:
        raise LookupError(f"no room for {TOKEN}\nin the second line")

    monkeypatch.setitem(app.view_functions, "health.healthz", fail)
    monkeypatch.setitem(app.config, "PROPAGATE_EXCEPTIONS", False)


def test_a_line_names_its_request(client: FlaskClient, lines: Lines) -> None:
    response = client.get("/no-such-page", headers=OTHER_HOST)
    (line,) = lines()
    assert str(line.pop("time")).endswith("Z")
    assert "BASE_URL" in str(line.pop("message"))
    assert line == {
        "level": "WARNING",
        "logger": "app.gate",
        "request_id": response.headers["X-Request-ID"],
        "method": "GET",
        "path": "/no-such-page",
    }


def test_a_line_outside_a_request_names_none(client: FlaskClient, lines: Lines) -> None:
    client.get("/healthz")
    logging.getLogger("app.tests").warning("between two requests")
    assert "request_id" not in lines()[-1]


def test_a_served_request_has_status_and_time(app: Flask, lines: Lines) -> None:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/caf\xc3\xa9", logs.KEY: "some-id"}
    logger = logging.getLogger("app.tests")
    logs.served(logger, environ, 200, 0.01234)
    (line,) = lines()
    del line["time"]
    assert line == {
        "level": "INFO",
        "logger": "app.tests",
        "message": "GET /café 200",
        "request_id": "some-id",
        "method": "GET",
        "path": "/café",
        "status": 200,
        "milliseconds": 12.3,
    }


def test_the_line_of_a_served_request_has_no_token(app: Flask, lines: Lines) -> None:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": f"/confirm/{tokens.new()[0]}"}
    logs.served(logging.getLogger("app.tests"), environ, 200, 0.01)
    (line,) = lines()
    assert line["path"] == "/confirm/[left out]"
    assert line["message"] == "GET /confirm/[left out] 200"


@pytest.mark.usefixtures("failing")
def test_an_exception_is_logged_once_on_one_line(client: FlaskClient, lines: Lines) -> None:
    response = client.get("/healthz")
    assert response.status_code == 500
    (line,) = lines()
    assert line["request_id"] == response.headers["X-Request-ID"]
    assert "LookupError: no room for [left out]\nin the second line" in str(line["exception"])
    assert TOKEN not in json.dumps(line)


@pytest.mark.parametrize("end", ["%0A", "%0D", "%0B", "%C2%85", "%E2%80%A8"])
def test_paths_cannot_start_a_second_line(client: FlaskClient, lines: Lines, end: str) -> None:
    client.get(f"/{end}forged", headers=OTHER_HOST)
    (line,) = lines()
    assert str(line["path"]).endswith("forged")


def test_tokens_are_left_out_of_paths(client: FlaskClient, lines: Lines) -> None:
    client.get(f"/reset-password/{TOKEN}", headers=OTHER_HOST)
    assert lines()[0]["path"] == "/reset-password/[left out]"


def test_a_long_path_takes_no_time() -> None:
    start = time.process_time()
    assert logs.without_tokens("a" * 50_000) == "a" * 50_000
    # It takes about a millisecond; quadratic time would be ten seconds.
    assert time.process_time() - start < 1


def test_each_request_has_an_id_of_its_own(client: FlaskClient) -> None:
    paths = ("/healthz", "/no-such-page", "/static/style.css")
    found = {client.get(path, buffered=True).headers["X-Request-ID"] for path in paths}
    assert len(found) == 3


def test_only_a_trusted_proxy_can_set_the_request_id(client: FlaskClient) -> None:
    response = client.get("/healthz", headers={"X-Request-ID": "chosen"})
    assert response.headers["X-Request-ID"] != "chosen"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("chosen", True),
        ("0af7651916cd43dd8448eb211c80319c", True),
        ("3a1c0d1e-4c3b-4c39-9d6d-0d9c4b4a8b1f#7", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("one, two", False),
        ('"quoted"', False),
        ("caf\xe9", False),
        ("", False),
        (TOKEN, False),
    ],
)
def test_a_trusted_proxy_sets_the_request_id(proxied: FlaskClient, given: str, used: bool) -> None:
    response = proxied.get("/healthz", headers={"X-Request-ID": given})
    assert (response.headers["X-Request-ID"] == given) == used
    assert response.headers["X-Request-ID"]


@pytest.fixture(scope="module")
def proxied(create: MakeApp) -> Iterator[FlaskClient]:
    """A client of an app behind a proxy."""
    app = create(TRUSTED_PROXIES=1)
    yield app.test_client()
    with app.app_context():
        db.engine.dispose()


def test_the_audit_log_has_the_same_id(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events.logger, "propagate", True)
    response = client.get("/no-such-page", headers=OTHER_HOST)
    event = json.loads(next(line for line in caplog.messages if '"event"' in line))
    assert event["request_id"] == response.headers["X-Request-ID"]


@pytest.mark.parametrize("debug", [False, True])
def test_logs_are_json_only_in_production(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], debug: bool
) -> None:
    monkeypatch.setattr(logging.root, "handlers", [])
    app = Flask(f"tests.app.{debug}")
    app.debug = debug
    logs.init_app(app)
    app.logger.error("a fault")
    written = capsys.readouterr().err
    assert written.count("a fault") == 1
    assert written.startswith("{") == (not debug)


def test_the_owners_log_handlers_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    handler = logging.NullHandler()
    monkeypatch.setattr(logging.root, "handlers", [handler])
    logs.init_app(Flask("tests.app"))
    assert logging.root.handlers == [handler]


def test_a_line_that_cannot_be_written_is_not_printed_instead(
    make_app: MakeApp, capsys: pytest.CaptureFixture[str]
) -> None:
    make_app()  # after which debug mode of another app no longer counts

    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError("No space left on device")

    record = logging.makeLogRecord({"msg": "GET /reset-password/%s", "args": (TOKEN,)})
    logging.StreamHandler(Full()).handle(record)
    assert capsys.readouterr().err == ""
