"""JSON for the scripts of the pages: reading what they send, and errors as RFC 9457 problems.

All other views take forms and return pages.
"""

import json
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, TypeVar

from flask import Response, request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import (
    BadRequest,
    Forbidden,
    HTTPException,
    TooManyRequests,
    Unauthorized,
    UnprocessableEntity,
    UnsupportedMediaType,
)

from app.accounts.errors import (
    AccountError,
    FactorNotVerified,
    InvalidChallenge,
    InvalidInput,
    LimitReached,
    NotConfirmed,
    SignedOut,
    WrongCredentials,
)
from app.web.blueprint import bp
from app.web.guards import ask_to_reauthenticate, ask_to_sign_in

JSON = "application/json"
MEDIA_TYPE = "application/problem+json"
# For developers: the script of the pages never causes these.
MISSING, UNKNOWN = "This field is required.", "Unknown field."
WRONG_TYPE = "This has the wrong type."
EXPIRED = "This page has expired. Reload it and try again."
TOO_SLOW = "That took too long. Try again."
# One message for every reason, so that it says nothing about accounts.
WRONG_PASSKEY = "This passkey doesn't work here. Use another one, or your password."

# The endpoints of all views that scripts call.
FOR_SCRIPTS: set[str] = set()
Kind = type | UnionType
View = TypeVar("View", bound=Callable[..., Any])


class SignInTooOld(Forbidden):
    """403 for what needs a recent sign-in."""


def for_scripts(view: View) -> View:
    """Mark a view as called by scripts: its errors are problems, not pages."""
    FOR_SCRIPTS.add(f"{bp.name}.{view.__name__}")
    return view


def read_json(
    required: Mapping[str, Kind], optional: Mapping[str, Kind] | None = None
) -> dict[str, Any]:
    """Return the request's body: an object with the required fields and perhaps optional ones.

    Raises BadRequest, RequestTimeout, RequestEntityTooLarge, UnsupportedMediaType; InvalidInput on
    each field that is missing, unknown or of the wrong type, and on `body` if it is no object.
    """
    if request.mimetype != JSON:
        raise UnsupportedMediaType(f"Send the body as {JSON}.")
    try:
        body = json.loads(request.get_data().decode(), parse_constant=_refuse)
        json.dumps(body, ensure_ascii=False).encode()  # not half of a surrogate pair
    except (ValueError, RecursionError):
        raise BadRequest("The body isn't valid JSON.") from None
    if not isinstance(body, dict):
        raise InvalidInput({"body": ["This must be a JSON object."]})
    types = {**required, **(optional or {})}
    errors = {name: [MISSING] for name in required.keys() - body.keys()}
    errors |= {name: [UNKNOWN] for name in body.keys() - types.keys()}
    for name in types.keys() & body.keys():
        if not isinstance(body[name], types[name]):
            errors[name] = [WRONG_TYPE]
    if errors:
        raise InvalidInput(errors)
    return body


def show(error: HTTPException | AccountError) -> Response:
    """Return an error as a problem, with the headers that belong to it.

    `detail` is what the page shows. `location`, if any, is the page that the script opens instead.
    """
    error, members = _described(error)
    status = error.code or 500
    problem = {"title": error.name, "status": status, "detail": error.description or "", **members}
    response = Response(
        json.dumps({"type": "about:blank", **problem}) + "\n", status, mimetype=MEDIA_TYPE
    )
    for name, value in error.get_headers(request.environ):
        if name != "Content-Type":
            response.headers[name] = value
    return response


def _described(error: HTTPException | AccountError) -> tuple[HTTPException, dict[str, Any]]:
    match error:
        case SignInTooOld() | FactorNotVerified():
            return Forbidden("Confirm it's you first."), {
                "location": ask_to_reauthenticate().location
            }
        case CSRFError():
            return BadRequest(EXPIRED), {}
        case HTTPException():
            return error, {}
        case InvalidInput():
            return UnprocessableEntity("Some fields are invalid."), {"errors": error.errors}
        case InvalidChallenge():
            return UnprocessableEntity(TOO_SLOW), {"errors": {"challenge": [TOO_SLOW]}}
        case WrongCredentials():
            return Unauthorized(WRONG_PASSKEY), {}
        case NotConfirmed():
            words = "Confirm your email address first: open the link in the email we sent you."
            return Forbidden(words), {}
        case LimitReached():
            words = "Too many attempts. Wait a moment before you try again."
            return TooManyRequests(words, None, error.retry_after), {}
        case SignedOut():
            return Unauthorized("Sign in to continue."), {"location": ask_to_sign_in().location}
    raise error


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")
