"""Turn errors into responses: each interface registers how it shows them."""

import logging
from collections.abc import Callable

from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm.exc import ObjectDeletedError
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from app import identity
from app.accounts import events
from app.accounts.errors import AccountError, SignedOut
from app.database import faults
from app.per_app import PerApp

# What the audit log keeps of errors: someone tried what they may not (OWASP ASVS 16.3.2, 16.3.3).
REFUSALS = (400, 401, 403)
# When to come back after a fault of the database, in seconds.
RETRY_AFTER = 10

Show = Callable[[HTTPException | AccountError], ResponseReturnValue]
VIEWS: PerApp[list[tuple[str, Show]]] = PerApp("error_views")

logger = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Show every error in the form of the interface that was requested."""
    VIEWS.set(app, [])
    for kind in (HTTPException, AccountError, SQLAlchemyError):
        app.register_error_handler(kind, _answer)


def show_with(app: Flask, prefix: str, show: Show) -> None:
    """Let an interface show the errors of all paths that start with `prefix`.

    The one with the longest prefix that fits is asked; what fits none goes to the first added.
    """
    VIEWS.of(app).append((prefix, show))


def _answer(error: HTTPException | AccountError | SQLAlchemyError) -> ResponseReturnValue:
    if isinstance(error, ObjectDeletedError) and identity.has_ended():
        error = SignedOut()
    if isinstance(error, SQLAlchemyError):
        error = _unavailable(error)
    if isinstance(error, HTTPException) and error.code in REFUSALS:
        events.record(
            "request.refused",
            identity.current_client(),
            status=error.code,
            endpoint=request.endpoint,
        )
    views = VIEWS.current()
    fitting = [view for view in views if request.path.startswith(view[0])]
    _, show = max(fitting, key=lambda view: len(view[0]), default=views[0])
    try:
        return show(error)
    except SQLAlchemyError as another:  # some pages ask who is signed in
        return show(_unavailable(another))


def _unavailable(error: SQLAlchemyError) -> HTTPException:
    """Return a 503 for a temporary fault, and log it. Raises what is a bug of the app."""
    if not faults.is_passing(error):
        raise error
    # The endpoint, not the path: that may hold a token.
    logger.error(
        "The database failed at %s %s: %s", request.method, request.endpoint, faults.reason(error)
    )
    return ServiceUnavailable(
        "The service is unavailable. Try again in a minute.", retry_after=RETRY_AFTER
    )
