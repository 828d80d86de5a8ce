"""The OpenAPI document and its page describe what the app does."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any, Literal

import pytest
from flask import Flask
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate
from pydantic import BaseModel

from app.api.document import example_of
from tests.api.conftest import ApiClient
from tests.conftest import MakeApp

Json = dict[str, Any]


@pytest.fixture
def document(api: ApiClient) -> Json:
    """The document as it is served."""
    served: Json = api.call("GET /openapi.json").json
    return served


def operations(document: Json) -> Iterator[tuple[str, Json]]:
    """Yield each operation with its `METHOD /path`."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def media_types(part: Any) -> Iterator[Json]:
    """Yield each description of a body's content below a part of the document."""
    if isinstance(part, dict):
        for key, value in part.items():
            yield from value.values() if key == "content" else media_types(value)


def test_the_document_is_valid(document: Json) -> None:
    assert document["openapi"].startswith("3.1")
    validate(document)


def test_it_describes_every_route_and_no_other(app: Flask, document: Json) -> None:
    routes = {
        f"{method} {re.sub('<[^>]+>', '<>', rule.rule)}"
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1/")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {re.sub("{[^}]+}", "<>", line) for line, _ in operations(document)}
    assert described >= routes, (
        "Use @operations.operation(...) of app/api/operations.py, which describes a route, for:"
        f" {routes - described}"
    )
    assert described <= routes


def test_every_operation_has_its_own_id_and_a_description(document: Json) -> None:
    found = [operation for _, operation in operations(document)]
    assert len({operation["operationId"] for operation in found}) == len(found)
    assert all(operation["summary"] for operation in found)


def test_every_example_fits_its_schema(document: Json) -> None:
    contents = [content for content in media_types(document) if "example" in content]
    assert len(contents) > 20
    for content in contents:
        schema = {**content["schema"], "components": document["components"]}
        OAS31Validator(schema).validate(content["example"])


def test_every_error_is_a_problem(document: Json) -> None:
    for status, answer in document["components"]["responses"].items():
        assert set(answer["content"]) == {"application/problem+json"}, status
    for line, operation in operations(document):
        errors = {status for status in operation["responses"] if status >= "4"}
        assert {"400", "500", "503"} <= errors, line
        takes_values = "requestBody" in operation or any(
            parameter["in"] == "query" for parameter in operation.get("parameters", [])
        )
        assert ("422" in errors) == takes_values, line
        assert ("401" in errors) >= bool(operation["security"]), line


def test_operations_that_need_a_token_say_so(api: ApiClient, document: Json) -> None:
    for line, operation in operations(document):
        path = re.sub("{[^}]+}", "1", line.replace("/api/v1", ""))
        needs_token = operation["security"] == [{"bearer": []}]
        assert (api.call(path, {}).status_code == 401) == needs_token, line


def test_operations_that_check_a_password_or_a_passkey_say_that_they_are_limited(
    document: Json,
) -> None:
    limited = set()
    for line, operation in operations(document):
        content = operation.get("requestBody", {}).get("content", {})
        fields = content.get("application/json", {}).get("example", {}).keys()
        if fields & {"password", "current_password", "credential"}:
            assert "429" in operation["responses"], line
            limited.add(line)
    sign_ins = {"POST /api/v1/sessions", "POST /api/v1/sessions/passkey"}
    assert limited > sign_ins
    for line, operation in operations(document):
        # Of an account that is not confirmed.
        assert line not in sign_ins or "403" in operation["responses"], line


def test_the_password_policy_follows_the_settings(make_app: MakeApp) -> None:
    api = ApiClient(make_app(PASSWORD_MIN_LENGTH=20))
    schemas = api.call("GET /openapi.json").json["components"]["schemas"]
    assert schemas["Registration"]["properties"]["password"]["minLength"] == 20


def test_it_says_what_the_app_is(make_app: MakeApp) -> None:
    app = make_app(APP_DESCRIPTION="Bookings & more")
    client = app.test_client()
    assert client.get("/api/v1/openapi.json").get_json()["info"]["summary"] == "Bookings & more"
    assert '<p class="lead">Bookings &amp; more</p>' in client.get("/api/docs").text


def test_the_page_shows_every_operation(app: Flask, document: Json) -> None:
    answer = app.test_client().get("/api/docs")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    for line, operation in operations(document):
        method, path = line.split(" ")
        article = answer.text.partition(f'id="{operation["operationId"]}"')[2]
        article = unescape(article.partition("</article>")[0])
        assert operation["summary"] in article
        assert path in article
        assert method in article
        assert "curl https://localhost/api/v1" in article
        body = operation.get("requestBody", {"content": {"application/json": {"example": {}}}})
        for field in body["content"]["application/json"]["example"]:
            assert f"<code>{field}</code>" in article, line


def test_the_page_needs_no_network_and_no_inline_script(app: Flask) -> None:
    text = app.test_client().get("/api/docs").text
    assert "<style" not in text
    assert " style=" not in text
    assert not re.search(r"<script(?! src=\"/static/)", text)
    assert not re.search(r"(?:src|href)=\"(?!/static/|/api/|#|/\")", text)


@pytest.mark.parametrize("prefix", ["/shop", ""])
def test_it_says_where_the_api_is_mounted(make_app: MakeApp, prefix: str) -> None:
    client = make_app(BASE_URL="https://localhost/shop").test_client()
    served: Json = client.get(f"{prefix}/api/v1/openapi.json").get_json()
    assert served["servers"] == [{"url": "/shop"}]
    assert "https://localhost/shop/api/v1" in client.get(f"{prefix}/api/docs").text


class Many(BaseModel):
    """Fields as owners may write them."""

    ratio: float
    scope: Literal["read", "write"]
    nothing: None
    anything: Any
    many: list[Any]
    table: dict[str, int]
    choice: int | None


def test_every_type_of_a_field_has_an_example() -> None:
    schema = Many.model_json_schema()
    example = example_of(schema, {})
    OAS31Validator(schema).validate(example)
    assert Many(**example)


def test_the_page_says_which_fields_are_optional(app: Flask) -> None:
    text = app.test_client().get("/api/docs").text
    assert "All fields are required, except device." in text
    assert "All fields are required. Unknown" in text
