"""One way from an error to an answer: each face registers how it shows them."""

from collections.abc import Callable
from typing import cast

from flask import Flask, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from app.accounts import events
from app.extensions import db
from app.identity import current_client

# What the audit log keeps of errors: somebody tried what they may not (OWASP ASVS 16.3.2, 16.3.3).
REFUSALS = (400, 401, 403)

Renderer = Callable[[HTTPException], ResponseReturnValue]


def init_app(app: Flask) -> None:
    """Answer every error in the look of the face that was asked."""
    app.extensions["error_renderers"] = {}
    app.register_error_handler(HTTPException, _answer)
    app.register_error_handler(OperationalError, _database_down)
    app.register_error_handler(InterfaceError, _database_down)


def show_with(app: Flask, prefix: str, renderer: Renderer) -> None:
    """Let a face show the errors of all paths that start with `prefix`."""
    app.extensions["error_renderers"][prefix] = renderer


def _answer(error: HTTPException) -> ResponseReturnValue:
    """By the face with the longest prefix that fits; what fits none goes to the widest."""
    renderers = cast(dict[str, Renderer], current_app.extensions["error_renderers"])
    fitting = [prefix for prefix in renderers if request.path.startswith(prefix)]
    prefix = max(fitting, key=len) if fitting else min(renderers, key=len)
    if error.code in REFUSALS:
        events.record(
            "request.refused", current_client(), status=error.code, endpoint=request.endpoint
        )
    return renderers[prefix](error)


def _database_down(error: Exception) -> ResponseReturnValue:
    db.session.rollback()
    return _answer(ServiceUnavailable("The database does not answer. Try again in a minute."))
