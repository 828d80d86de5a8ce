"""The OpenAPI 3.1 document, made from the operations and the models that check their requests."""

import re
from typing import Any

from flask import Flask
from pydantic import BaseModel, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, models_json_schema
from werkzeug.http import HTTP_STATUS_CODES

from app import closed
from app.api import problems
from app.api.operations import JSON, Operation
from app.api.schemas import InvalidFieldsProblem, Problem, SecondFactorProblem

Json = dict[str, Any]

INTRODUCTION = """\
Sign in with `POST /api/v1/sessions`, and send the token from the response with later requests:
`Authorization: Bearer <token>`. The API ignores cookies. Request bodies are `application/json`.
Times are in UTC, in ISO 8601 format. Every error is `application/problem+json` (RFC 9457)."""

ERRORS = {
    400: "The request, or the JSON in it, is malformed.",
    401: "There is no valid token, or the credentials are wrong.",
    403: "The password is correct, but the email address isn't confirmed.",
    404: "It doesn't exist, or it isn't yours.",
    406: "`Accept` excludes `application/json`.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    415: "The body is not `application/json`.",
    422: "Some fields are invalid. `errors` has the messages for each.",
    429: "Too many attempts; `Retry-After` is the number of seconds to wait.",
    500: "An error on the server.",
    503: "The server is temporarily unavailable.",
}
ERROR_HEADERS = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "example": "Bearer"}},
    429: {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "example": 60}},
    503: {"Retry-After": {"schema": {"type": "integer", "minimum": 1}, "example": 10}},
}
LOCATION = {"Location": {"schema": {"type": "string", "format": "uri-reference"}}}


class _Schemas(GenerateJsonSchema):
    """pydantic's schemas without a title for each field: its name says the same."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Never."""
        return False


def build(app: Flask) -> Json:
    """Return the document of the current app."""
    routes = [
        (re.sub(r"<(?:[^:>]*:)?(\w+)>", r"{\1}", rule.rule), method, operation)
        for rule in app.url_map.iter_rules()
        for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
        if rule.endpoint not in closed.endpoints(app)
        and isinstance(operation := app.view_functions[rule.endpoint], Operation)
    ]
    schemas = _schemas([operation for _, _, operation in routes])
    paths: dict[str, Json] = {}
    for path, method, operation in routes:
        paths.setdefault(path, {})[method.lower()] = _describe(operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": app.config["APP_NAME"],
            "summary": app.config["APP_DESCRIPTION"],
            "version": "1.0.0",
            "description": INTRODUCTION,
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in dict.fromkeys(each.tag for _, _, each in routes)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                **{f"Error{status}": _error(status, schemas) for status in ERRORS},
                "SecondFactor": _second_factor(schemas),
            },
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _schemas(operations: list[Operation]) -> dict[str, Json]:
    """Return a schema for each model, by its name."""
    models: set[tuple[type[BaseModel], JsonSchemaMode]] = {
        (Problem, "serialization"),
        (InvalidFieldsProblem, "serialization"),
        (SecondFactorProblem, "serialization"),
    }
    for operation in operations:
        if operation.body:
            models.add((operation.body, "validation"))
        if operation.model:
            models.add((operation.model, "serialization"))
    _, definitions = models_json_schema(
        list(models),
        ref_template="#/components/schemas/{model}",
        schema_generator=_Schemas,
    )
    schemas: dict[str, Json] = definitions["$defs"]
    return schemas


def _describe(operation: Operation, schemas: dict[str, Json]) -> Json:
    """Return one operation, as OpenAPI's Operation Object."""
    summary, _, description = (operation.view.__doc__ or "").strip().partition("\n")
    described: Json = {
        "tags": [operation.tag],
        "operationId": operation.view.__name__,
        "summary": summary.rstrip("."),
        "security": [{"bearer": []}] if operation.signed_in else [],
        "responses": {
            **_success(operation, schemas),
            **{
                str(status): {"$ref": f"#/components/responses/{_name(operation, status)}"}
                for status in operation.failures
            },
        },
    }
    if description.strip():
        described["description"] = re.sub(r"\s+", " ", description.strip())
    if parameters := _parameters(operation):
        described["parameters"] = parameters
    if operation.body:
        content = _content(operation.body, schemas)
        described["requestBody"] = {"required": True, "content": {JSON: content}}
    return described


def _parameters(operation: Operation) -> list[Json]:
    """Return the parameters in an operation's path and query."""
    path = {name: TypeAdapter(kind).json_schema() for name, kind in operation.parameters.items()}
    query: Json = {}
    if operation.query:
        query = operation.query.model_json_schema(schema_generator=_Schemas)["properties"]
    return [
        {"name": name, "in": place, "required": place == "path", "schema": schema}
        for place, schemas in (("path", path), ("query", query))
        for name, schema in schemas.items()
    ]


def _success(operation: Operation, schemas: dict[str, Json]) -> Json:
    """Describe the response of a successful operation."""
    if operation.answers:
        return dict(operation.answers)
    answer: Json = {"description": HTTP_STATUS_CODES[operation.status]}
    if operation.model:
        answer["content"] = {JSON: _content(operation.model, schemas)}
    if operation.status == 201:
        answer["headers"] = LOCATION
    return {str(operation.status): answer}


def _error(status: int, schemas: dict[str, Json]) -> Json:
    model = InvalidFieldsProblem if status == 422 else Problem
    example = example_of({"$ref": f"#/components/schemas/{model.__name__}"}, schemas)
    example |= {"title": HTTP_STATUS_CODES[status], "status": status, "detail": ERRORS[status]}
    return {
        "description": ERRORS[status],
        "content": {problems.MEDIA_TYPE: {**_content(model, schemas), "example": example}},
        **({"headers": ERROR_HEADERS[status]} if status in ERROR_HEADERS else {}),
    }


def _name(operation: Operation, status: int) -> str:
    return operation.problems.get(status, f"Error{status}")


def _second_factor(schemas: dict[str, Json]) -> Json:
    """Describe the 401 that a correct password may get as well as a wrong one."""
    response = _error(401, schemas)
    content = _content(SecondFactorProblem, schemas)
    example = content["example"] | {
        "title": HTTP_STATUS_CODES[401],
        "status": 401,
        "detail": problems.SecondFactorRequired.description,
    }
    plain = {"$ref": f"#/components/schemas/{Problem.__name__}"}
    content |= {"schema": {"anyOf": [content["schema"], plain]}, "example": example}
    response["description"] += " With a `challenge`: the password is right, and a code is needed."
    response["content"] = {problems.MEDIA_TYPE: content}
    return response


def _content(model: type[BaseModel], schemas: dict[str, Json]) -> Json:
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"schema": schema, "example": example_of(schema, schemas)}


def example_of(schema: Json, schemas: dict[str, Json]) -> Any:
    """Return a value that fits a schema, made from the examples of its fields."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if schema.get("examples"):
        return schema["examples"][0]
    if "anyOf" in schema:
        return example_of(schema["anyOf"][0], schemas)
    if "properties" in schema:
        return {name: example_of(field, schemas) for name, field in schema["properties"].items()}
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "array":
        return [example_of(schema.get("items", {}), schemas)]
    plain = {"boolean": True, "string": "text", "integer": 1, "number": 1.5, "null": None}
    return plain.get(schema.get("type", ""), {})  # an object, or what may be anything
