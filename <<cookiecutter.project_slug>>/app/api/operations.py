"""What all operations share: sign-in, reading the request, writing the response.

An operation is a view whose types describe its request and its response. The same
types check its requests and describe it in the OpenAPI document, so the two can't differ.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NoReturn, get_args, get_type_hints

from flask import Blueprint, Response, request
from flask_login import current_user
from pydantic import BaseModel, ValidationError
from werkzeug.exceptions import BadRequest, NotAcceptable, Unauthorized, UnsupportedMediaType

from app.api import problems

ROOT = "/api/"
PREFIX = "/api/v1"
JSON = "application/json"
# A longer `Accept` is ignored: parsing it takes quadratic time.
MAX_ACCEPT = 1000

# What a view may return: a model, a model and headers, nothing, or a response.
Answer = BaseModel | tuple[BaseModel, dict[str, str]] | Response | None
View = Callable[..., Answer]

# pydantic's errors in our own words; for others its words do.
MESSAGES = {
    "missing": "This field is required.",
    "extra_forbidden": "Unknown field.",
    "string_type": "This must be a string.",
    "model_type": "This must be a JSON object.",
    "dict_type": "This must be a JSON object.",
}


@dataclass(frozen=True)
class Operation:
    """One method of one path: called by Flask as its view, read by the OpenAPI document."""

    view: View
    tag: str
    status: int
    signed_in: bool
    # The statuses of the errors that its own work may end in.
    errors: tuple[int, ...]
    # For an error that has members of its own: the name of its response in the document.
    problems: Mapping[int, str]
    # OpenAPI's description of the responses that the view builds itself, by status.
    answers: Mapping[str, Any]
    # The view's arguments that come from the path, with their types.
    parameters: Mapping[str, type]
    # The models of the request's body, the URL's query and the response's body, if there are any.
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    model: type[BaseModel] | None

    @classmethod
    def of(cls, view: View, **described: Any) -> "Operation":
        """Return the operation of a view, whose types are looked up here, once."""
        hints = get_type_hints(view, include_extras=True)
        body, query = hints.pop("body", None), hints.pop("query", None)
        given = hints.pop("return")
        # A model, or a model and headers.
        model = (get_args(given) or (given,))[0]
        return cls(
            view,
            parameters=hints,
            body=body,
            query=query,
            model=model if issubclass(model, BaseModel) else None,
            **described,
        )

    @property
    def failures(self) -> list[int]:
        """The status of every error it may end in."""
        statuses = {400, 500, 503, *self.errors}
        if self.signed_in:
            statuses.add(401)
        if self.parameters:
            statuses.add(404)
        if self.model:
            statuses.add(406)
        if self.body:
            statuses |= {408, 413, 415, 422}
        if self.query:
            statuses.add(422)
        return sorted(statuses)

    def __call__(self, **arguments: Any) -> Response:
        """Serve one request. Raises HTTPException, and AccountError from the view."""
        if self.signed_in and not current_user.is_authenticated:
            raise Unauthorized("Send a valid token: `Authorization: Bearer <token>`.")
        if self.model and not _accepts_json():
            raise NotAcceptable("The response is application/json, which `Accept` excludes.")
        if self.body:
            arguments["body"] = _read(self.body)
        if self.query:
            arguments["query"] = _read_query(self.query)
        return self._respond(self.view(**arguments))

    def _respond(self, answer: Answer) -> Response:
        if isinstance(answer, Response):
            return answer
        model, headers = answer if isinstance(answer, tuple) else (answer, {})
        if model is None:
            response = Response(status=self.status)
            del response.headers["Content-Type"]
            return response
        return Response(model.model_dump_json() + "\n", self.status, headers, mimetype=JSON)


class OperationsBlueprint(Blueprint):
    """The operations of one subject; `tag` is its name in the document."""

    def __init__(self, tag: str, import_name: str) -> None:
        super().__init__(f"api_{tag.lower()}", import_name, url_prefix=PREFIX)
        self.tag = tag

    def operation(
        self,
        method: str,
        path: str,
        status: int = 200,
        *,
        signed_in: bool = True,
        errors: tuple[int, ...] = (),
        problems: Mapping[int, str] | None = None,
        answers: Mapping[str, Any] | None = None,
    ) -> Callable[[View], View]:
        """Register a view; the first line of its docstring is the operation's summary.

        `status` is that of success; the view's argument `body`, if any, is the request's model, and
        `query` that of its URL's query.
        A view that gives a Response has `answers` described by hand.
        """

        def register(view: View) -> View:
            operation = Operation.of(
                view,
                tag=self.tag,
                status=status,
                signed_in=signed_in,
                errors=errors,
                problems=problems or {},
                answers=answers or {},
            )
            # A doubled slash is no other way to write a path: its redirect would be a page.
            self.add_url_rule(path, view.__name__, operation, methods=[method], merge_slashes=False)
            return view

        return register


def _accepts_json() -> bool:
    if len(request.headers.get("Accept", "")) > MAX_ACCEPT:
        return True
    accepted = request.accept_mimetypes
    return not accepted or accepted.quality(JSON) > 0


def _read(model: type[BaseModel]) -> BaseModel:
    """Return the request's body as the model. Raises 400, 408, 413, 415 or 422."""
    if request.mimetype != JSON:
        raise UnsupportedMediaType(f"Send the body as {JSON}.")
    data = request.get_data()
    with suppress(ValueError, RecursionError):  # what Pydantic refuses too
        json.loads(data, parse_constant=_refuse_constant)
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            raise BadRequest(f"{first['msg']}.") from None
        raise _refusal(error) from None


def _refuse_constant(name: str) -> NoReturn:
    """Refuse NaN and Infinity, which Python and Pydantic take for JSON."""
    raise BadRequest(f"Invalid JSON: {name} is not a JSON value.")


def _read_query(model: type[BaseModel]) -> BaseModel:
    """Return the URL's query as the model. Raises 422."""
    try:
        return model.model_validate_strings(request.args.to_dict())
    except ValidationError as error:
        raise _refusal(error) from None


def _refusal(error: ValidationError) -> problems.InvalidFields:
    """Return the messages of all errors by field."""
    errors: dict[str, list[str]] = {}
    for part in error.errors():
        field = str(part["loc"][0]) if part["loc"] else "body"
        errors.setdefault(field, []).append(MESSAGES.get(part["type"], part["msg"]))
    return problems.InvalidFields(errors)
