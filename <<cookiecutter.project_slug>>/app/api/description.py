"""The description of the API: an OpenAPI document, and a reference page made from it."""

import json
import re
import shlex
from typing import Any, cast

from flask import Blueprint, Response, current_app, render_template, request
from markupsafe import Markup, escape

from app.api import document
from app.api.operations import JSON, OperationsBlueprint
from app.per_app import PerApp

operations = OperationsBlueprint("Description", __name__)
ANSWERS = {
    "200": {"description": "OK", "content": {JSON: {"schema": {"type": "object"}}}},
    "304": {"description": "Not Modified"},
}

DOCUMENT: PerApp[dict[str, Any]] = PerApp("openapi")
pages = Blueprint(
    "api_docs",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/static/api",
)


@operations.operation("GET", "/openapi.json", signed_in=False, answers=ANSWERS)
def get_document() -> Response:
    """Get this document.

    It changes only with a deployment. Use `If-None-Match` to check whether it did.
    """
    # Where the app is mounted under a path, only a request knows it for sure.
    served = {**_document(), "servers": [{"url": request.root_path or "/"}]}
    response = Response(json.dumps(served, ensure_ascii=False) + "\n", mimetype=JSON)
    response.headers["Cache-Control"] = "no-cache"
    response.add_etag()
    return cast(Response, response.make_conditional(request))


@pages.get("/api/docs")
def docs() -> str:
    """The API reference: every operation with its fields, responses and a curl command."""
    return render_template(
        "api_docs.html",
        document=_document(),
        subjects=_by_subject(),
        curl=_curl,
        fields=_fields,
        requirement=_requirement,
        with_code=_with_code,
        json_lines=lambda value: json.dumps(value, indent=2, ensure_ascii=False),
    )


def _document() -> dict[str, Any]:
    """Return the app's document, made at the first request: all routes exist by then."""
    if DOCUMENT.name not in current_app.extensions:
        DOCUMENT.set(current_app, document.build(current_app))
    return DOCUMENT.current()


def _by_subject() -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """Method, path and description of each operation, by its tag."""
    subjects: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in _document()["paths"].items():
        for method, operation in methods.items():
            subjects.setdefault(operation["tags"][0], []).append((method.upper(), path, operation))
    return subjects


def _curl(method: str, path: str, operation: dict[str, Any]) -> str:
    """Return a command to copy, with the example as its body."""
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", str(parameter["schema"]["examples"][0]))
    parts = ["curl " + shlex.quote(current_app.config["BASE_URL"] + path)]
    if method != "GET":
        parts.append(f"-X {method}")
    if operation["security"]:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if "requestBody" in operation:
        example = operation["requestBody"]["content"][JSON]["example"]
        parts.append(f'-H "Content-Type: {JSON}"')
        parts.append("-d " + shlex.quote(json.dumps(example, ensure_ascii=False)))
    return " \\\n  ".join(parts)


def _fields(schema: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Name, type and meaning of a schema's fields, with those of the models below it."""
    rows = []
    for name, field in _resolve(schema).get("properties", {}).items():
        found = _resolve(field)
        rows.append((name, _type(found), found.get("description", "")))
        prefix = f"{name}[]" if "items" in field else name
        for part in (field.get("items", field), *field.get("anyOf", [])):
            inner = _fields(part) if "$ref" in part else []
            rows += [(f"{prefix}.{below}", kind, words) for below, kind, words in inner]
    return rows


def _requirement(schema: dict[str, Any]) -> str:
    """Say which fields of a body may be left out."""
    found = _resolve(schema)
    optional = found.get("properties", {}).keys() - set(found.get("required", ()))
    if not optional:
        return "All fields are required."
    return f"All fields are required, except {' and '.join(sorted(optional))}."


def _type(schema: dict[str, Any]) -> str:
    """Return the type in words, such as `string, 12 to 128 characters`."""
    if "anyOf" in schema:
        return " or ".join(_type(_resolve(choice)) for choice in schema["anyOf"])
    words = "list" if schema["type"] == "array" else str(schema["type"])
    if schema.get("format") == "date-time":
        words = "time"
    if "maxLength" in schema:
        shortest = f"{schema['minLength']} to " if "minLength" in schema else "up to "
        words += f", {shortest}{schema['maxLength']} characters"
    return words


def _resolve(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a reference points to."""
    if "$ref" not in schema:
        return schema
    found = _document()
    for part in schema["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return found


def _with_code(text: str) -> Markup:
    """Return text as HTML, with backticks as code."""
    return Markup(re.sub("`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped
