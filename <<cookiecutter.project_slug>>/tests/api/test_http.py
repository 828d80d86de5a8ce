"""HTTP: methods, headers, caching, and never a cookie."""

import pytest

from tests.api.conftest import ApiClient


def test_head_is_get_without_a_body(ada: ApiClient) -> None:
    get, head = ada.call("GET /account"), ada.call("HEAD /account")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"]


def test_options_names_the_methods(api: ApiClient) -> None:
    answer = api.call("OPTIONS /sessions")
    assert (answer.status_code, answer.data) == (200, b"")
    allowed = set(answer.headers["Allow"].split(", "))
    assert allowed == {"GET", "HEAD", "POST", "DELETE", "OPTIONS"}
    assert "Content-Type" not in answer.headers


def test_a_response_without_a_body_has_no_content_type(ada: ApiClient) -> None:
    answers = [
        ada.call("POST /password-resets", {"email": "ada@example.com"}),
        ada.call("DELETE /sessions/current"),
    ]
    assert [answer.status_code for answer in answers] == [202, 204]
    assert not any("Content-Type" in answer.headers for answer in answers)


def test_no_response_sets_a_cookie_or_may_be_stored(ada: ApiClient) -> None:
    body = {"email": "ada@example.com", "password": "wrong"}
    answers = [
        ada.call("GET /account"),
        ada.call("POST /sessions", body),
        ada.call("GET /nothing"),
        ada.call("DELETE /sessions/current"),
    ]
    for answer in answers:
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.headers["Vary"]
        assert answer.headers["Cache-Control"] == "no-store"


def test_json_ends_with_a_newline(ada: ApiClient) -> None:
    for line in ("GET /account", "GET /openapi.json", "GET /nothing", "PATCH /account"):
        assert ada.call(line, {}).data.endswith(b"}\n")


def test_an_unexpected_body_is_ignored(ada: ApiClient) -> None:
    answer = ada.call("GET /account", data=b"\xff", content_type="text/html")
    assert answer.status_code == 200


def test_the_document_is_sent_once(api: ApiClient) -> None:
    first = api.call("GET /openapi.json")
    assert (first.status_code, first.mimetype) == (200, "application/json")
    assert first.headers["Cache-Control"] == "no-cache"
    again = api.call("GET /openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize("line", ["GET /account", "GET /nothing", "PUT /account"])
def test_security_headers_are_on_every_response(ada: ApiClient, line: str) -> None:
    headers = ada.call(line).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
