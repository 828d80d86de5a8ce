"""CORS: only named origins may use the API."""

import pytest
from werkzeug.datastructures import Headers

from app.config import ConfigurationError
from tests.api.conftest import ApiClient
from tests.conftest import MakeApp

CLIENT = "https://client.example"
PREFLIGHT = {"Access-Control-Request-Method": "PATCH"}


def cross_origin(answer_headers: Headers) -> list[str]:
    """Return the CORS headers of a response."""
    return [name for name, _ in answer_headers if name.startswith("Access-Control-")]


def test_without_the_setting_no_other_origin_is_allowed(api: ApiClient) -> None:
    for line, headers in (("GET /openapi.json", {}), ("OPTIONS /account", PREFLIGHT)):
        answer = api.call(line, headers={"Origin": CLIENT, **headers})
        assert not cross_origin(answer.headers)
        assert "Origin" not in answer.headers["Vary"]


def test_a_named_origin_may_call_and_read(make_app: MakeApp) -> None:
    api = ApiClient(make_app(API_ALLOWED_ORIGINS=["https://other.example", CLIENT]))
    for line in ("GET /openapi.json", "GET /account", "GET /nothing"):
        answer = api.call(line, headers={"Origin": CLIENT})
        assert answer.headers["Access-Control-Allow-Origin"] == CLIENT
        assert answer.headers["Access-Control-Expose-Headers"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" in answer.headers["Vary"]


def test_a_named_origin_learns_what_it_may_send(make_app: MakeApp) -> None:
    api = ApiClient(make_app(API_ALLOWED_ORIGINS=[CLIENT]))
    answer = api.call("OPTIONS /account", headers={"Origin": CLIENT, **PREFLIGHT})
    assert answer.status_code == 200
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]
    assert int(answer.headers["Access-Control-Max-Age"]) > 0


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "", CLIENT + ".evil.example"])
def test_any_other_origin_is_refused(make_app: MakeApp, origin: str) -> None:
    api = ApiClient(make_app(API_ALLOWED_ORIGINS=[CLIENT]))
    for headers in ({}, PREFLIGHT):
        answer = api.call("OPTIONS /account", headers={"Origin": origin, **headers})
        assert not cross_origin(answer.headers)
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("origin", ["*", "client.example", "https://client.example/", "null"])
def test_an_invalid_origin_is_refused_at_startup(make_app: MakeApp, origin: str) -> None:
    with pytest.raises(ConfigurationError, match="API_ALLOWED_ORIGINS"):
        make_app(API_ALLOWED_ORIGINS=[origin])


def test_pages_allow_no_other_origin(make_app: MakeApp) -> None:
    client = make_app(API_ALLOWED_ORIGINS=[CLIENT]).test_client()
    assert not cross_origin(client.get("/healthz", headers={"Origin": CLIENT}).headers)
