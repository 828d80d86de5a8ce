"""The API described: an OpenAPI document for programs, and a page made of it for people."""

import json
import shlex
from typing import Any, cast

from flask import Blueprint, Response, current_app, render_template, request

from app.api import document, schemas
from app.api.operations import JSON, OperationsBlueprint

operations = OperationsBlueprint("Description", __name__)
pages = Blueprint("api_docs", __name__, template_folder="templates")


@operations.operation("GET", "/openapi.json", signed_in=False)
def get_document() -> schemas.OpenApiDocument:
    """Read this document."""
    return schemas.OpenApiDocument.model_validate(_document())


@operations.after_request
def _let_cache(response: Response) -> Response:
    """The document changes with a deployment alone: clients may keep it, and ask for news."""
    if response.status_code == 200:
        response.headers["Cache-Control"] = "no-cache"
        response.add_etag()
        response.make_conditional(request)
    return response


@pages.get("/api/docs")
def docs() -> str:
    """Every operation with its fields, its answers and a line for `curl`."""
    return render_template("api_docs.html", document=_document(), curl=_curl, fields=_fields)


def _document() -> dict[str, Any]:
    """The app's document, made when it is first asked for: all routes are there by then."""
    if "openapi" not in current_app.extensions:
        current_app.extensions["openapi"] = document.build(current_app)
    return cast(dict[str, Any], current_app.extensions["openapi"])


def _curl(method: str, path: str, operation: dict[str, Any]) -> str:
    """A line to copy, with the example as its body."""
    parts = ["curl"]
    if method != "get":
        parts += ["-X", method.upper()]
    if operation["security"]:
        parts += ["-H", '"Authorization: Bearer $TOKEN"']
    body = operation.get("requestBody")
    if body:
        example = json.dumps(body["content"][JSON]["example"], ensure_ascii=False)
        parts += ["-H", f'"Content-Type: {JSON}"', "-d", shlex.quote(example)]
    if "206" in operation["responses"]:
        parts.append("-OJ")
    return " ".join([*parts, shlex.quote(current_app.config["BASE_URL"] + path)])


def _fields(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a schema, those of the models it holds below it, for a table."""
    found = _resolve(schema)
    rows = []
    for name, field in found.get("properties", {}).items():
        rows.append({"name": name, "type": _type(field), "field": _resolve(field)})
        inner = field.get("items", field)
        if "$ref" in inner:
            prefix = f"{name}[]." if "items" in field else f"{name}."
            rows += [{**row, "name": prefix + row["name"]} for row in _fields(inner)]
    return rows


def _type(field: dict[str, Any]) -> str:
    """The type in words, such as `string (email) or null`."""
    if "anyOf" in field:
        return " or ".join(_type(choice) for choice in field["anyOf"])
    found = _resolve(field)
    words = "list" if found["type"] == "array" else found["type"]
    return f"{words} ({found['format']})" if "format" in found else str(words)


def _resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """What a reference stands for."""
    if "$ref" not in schema:
        return schema
    found: dict[str, Any] = _document()
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found
