"""Every error is a problem document as defined in RFC 9457."""

import pytest
from flask import abort
from sqlalchemy.exc import OperationalError

from app import errors
from app.accounts import changes
from app.extensions import db
from tests.api.conftest import Answer, ApiClient, errors_of
from tests.conftest import MakeApp


def assert_problem(answer: Answer, status: int) -> None:
    """Check that a response is a problem with this status, and not a page."""
    assert answer.status_code == status, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == status
    assert set(answer.json) - {"errors"} == {"type", "title", "status", "detail"}
    assert ("errors" in answer.json) == (status == 422)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"{'name': 1}", b'{"name": "\xff"}', b'{"name": "\\ud800"}', b"[" * 60000,
     b"NaN", b"[-Infinity]", b'{"name": NaN}', b'{"name": Infinity, "email": "x"}'],
)  # fmt: skip
def test_400_for_invalid_json(api: ApiClient, data: bytes) -> None:
    options = {"data": data, "content_type": "application/json"}
    assert_problem(api.call("POST /accounts", **options), 400)


def test_400_for_another_host(api: ApiClient) -> None:
    answer = api.call("GET /account", base_url="https://evil.example")
    assert_problem(answer, 400)


def test_401_without_a_token(api: ApiClient) -> None:
    answer = api.call("GET /account")
    assert_problem(answer, 401)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Basic ÿ", "Bearer ÿ", "Basic x", "Bearer", "ÿ", "Basic Og=="])
def test_401_for_any_other_authorization(api: ApiClient, header: str) -> None:
    answer = api.call("GET /account", headers={"Authorization": header})
    assert_problem(answer, 401)


@pytest.mark.parametrize(
    "path", ["/", "", "/nothing", "/account/", "//account", "/account//export"]
)
def test_404_for_an_unknown_path(ada: ApiClient, path: str) -> None:
    assert_problem(ada.call(f"GET {path}"), 404)


@pytest.mark.parametrize("method", ["PUT", "TRACE", "BREW"])
def test_405_names_the_allowed_methods(ada: ApiClient, method: str) -> None:
    answer = ada.call(f"{method} /account")
    assert_problem(answer, 405)
    allowed = set(answer.headers["Allow"].split(", "))
    assert allowed == {"GET", "HEAD", "OPTIONS", "PATCH", "DELETE"}


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "application/xml, text/*"])
def test_406_for_another_kind_of_response(ada: ApiClient, accept: str) -> None:
    assert_problem(ada.call("GET /account", headers={"Accept": accept}), 406)


@pytest.mark.parametrize("accept", ["*/*", "application/*", "text/html, application/json;q=0.1"])
def test_json_is_sent_to_clients_that_accept_it(ada: ApiClient, accept: str) -> None:
    assert ada.call("GET /account", headers={"Accept": accept}).status_code == 200


def test_an_accept_header_that_is_slow_to_parse_is_ignored(ada: ApiClient) -> None:
    excluding = "application/json;q=0"
    assert_problem(ada.call("GET /account", headers={"Accept": excluding}), 406)
    padded = excluding + ", text/html" * 100
    assert ada.call("GET /account", headers={"Accept": padded}).status_code == 200


def test_413_for_a_large_body(api: ApiClient) -> None:
    assert_problem(api.call("POST /accounts", {"name": "x" * 65536}), 413)


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "x"])
def test_415_for_another_kind_of_body(api: ApiClient, kind: str | None) -> None:
    assert_problem(api.call("POST /accounts", data=b"{}", content_type=kind), 415)


def test_a_charset_is_accepted_with_the_content_type(api: ApiClient) -> None:
    kind = "application/json; charset=utf-8"
    assert_problem(api.call("POST /accounts", data=b"{}", content_type=kind), 422)


@pytest.mark.parametrize("data", [b"[]", b"null", b"1", b'"x"', b"true"])
def test_422_for_json_that_is_not_an_object(api: ApiClient, data: bytes) -> None:
    answer = api.call("POST /accounts", data=data, content_type="application/json")
    assert_problem(answer, 422)
    assert set(errors_of(answer)) == {"body"}


def test_422_names_every_field_that_is_wrong_missing_or_unknown(api: ApiClient) -> None:
    errors = errors_of(api.call("POST /accounts", {"name": 1, "password": None, "admin": True}))
    assert set(errors) == {"name", "email", "password", "admin"}
    assert errors["email"] == ["This field is required."]


def test_422_never_repeats_a_password(api: ApiClient) -> None:
    answer = api.call("POST /accounts", {"email": 1, "password": "my secret"})
    assert "my secret" not in answer.text


def test_500_reveals_nothing(make_app: MakeApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("an inner secret")

    monkeypatch.setattr(changes, "confirm_email_change", fail)
    api = ApiClient(make_app(PROPAGATE_EXCEPTIONS=False))
    answer = api.call("PUT /account/email/confirmation", {"token": "x"})
    assert_problem(answer, 500)
    assert "secret" not in answer.text


def test_503_while_the_database_is_down(ada: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise OperationalError("SELECT", {}, Exception("down"))

    with monkeypatch.context() as patch:
        patch.setattr(db.session, "scalar", fail)
        assert_problem(ada.call("GET /account"), 503)
    assert ada.call("GET /account").status_code == 200


def test_an_own_feature_may_show_its_errors_in_its_own_way(make_app: MakeApp) -> None:
    app = make_app()
    app.add_url_rule("/hooks/fail", view_func=lambda: abort(409))
    errors.show_with(app, "/hooks/", lambda error: ("Ours", 409))
    assert app.test_client().get("/hooks/fail").text == "Ours"
    for path in ("/nothing", "/api/v1/nothing"):
        assert "Ours" not in app.test_client().get(path).text
