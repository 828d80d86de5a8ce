"""Errors as RFC 9457 problems."""

from flask import Response
from werkzeug.exceptions import (
    Forbidden,
    HTTPException,
    TooManyRequests,
    Unauthorized,
    UnprocessableEntity,
)

from app.accounts.errors import (
    AccountError,
    AddressTaken,
    FactorRequired,
    InvalidChallenge,
    InvalidInput,
    InvalidToken,
    LimitReached,
    NotConfirmed,
    SignedOut,
    WrongCredentials,
)
from app.api.schemas import InvalidFieldsProblem, Problem, SecondFactorProblem

MEDIA_TYPE = "application/problem+json"


class InvalidFields(UnprocessableEntity):
    """422, with the messages of each field; `body` is the whole body."""

    description = "Some fields are invalid."

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__()
        self.errors = errors


class SecondFactorRequired(Unauthorized):
    """401 for a correct password where the account has a second factor."""

    description = "The password is right. Complete the sign-in with a code."

    def __init__(self, error: FactorRequired) -> None:
        super().__init__()
        self.members = {
            "challenge": error.token,
            "methods": error.methods,
            "expires_at": error.expires_at,
        }


def show(error: HTTPException | AccountError) -> Response:
    """Return the response to a request that failed, with the headers of its status."""
    if isinstance(error, AccountError):
        error = _http_error(error)
    problem = Problem(title=error.name, status=error.code or 500, detail=error.description or "")
    if isinstance(error, InvalidFields):
        problem = InvalidFieldsProblem(**problem.model_dump(), errors=error.errors)
    if isinstance(error, SecondFactorRequired):
        members = problem.model_dump(exclude={"type"}) | error.members
        problem = SecondFactorProblem.model_validate(members)
    response = Response(problem.model_dump_json() + "\n", problem.status, mimetype=MEDIA_TYPE)
    for name, value in error.get_headers():
        if name != "Content-Type":
            response.headers[name] = value
    if problem.status == Unauthorized.code:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _http_error(error: AccountError) -> HTTPException:
    match error:
        case InvalidInput():
            return InvalidFields(error.errors)
        case InvalidToken():
            return InvalidFields(
                {"token": ["This token is invalid, has expired or was already used."]}
            )
        case AddressTaken():
            return InvalidFields({"token": ["Another account now uses this email address."]})
        case FactorRequired():
            return SecondFactorRequired(error)
        case InvalidChallenge():
            message = "This challenge is invalid, has expired or was already used. Start again."
            return InvalidFields({"challenge": [message]})
        case WrongCredentials():
            return Unauthorized("The email address or the password is wrong.")
        case SignedOut():
            return Unauthorized("The session has ended.")
        case NotConfirmed():
            return Forbidden("Confirm your email address first.")
        case LimitReached():
            seconds = error.retry_after
            return TooManyRequests(f"Too many attempts. Try again in {seconds} s.", None, seconds)
    raise error
