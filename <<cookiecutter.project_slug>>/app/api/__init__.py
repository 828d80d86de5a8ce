"""The JSON API under /api/v1, and the page at /api/docs that describes it.

People sign in only with a bearer token. Cookies are neither read nor set, so a forged form can't do
anything here. Each module has the operations of one subject; `operations.py` has what they share.
"""

from flask import Flask

from app import closed, errors
from app.api import (
    account,
    bearer,
    cors,
    description,
    factors,
    headers,
    problems,
    recovery,
    registration,
)
from app.api import sessions as session_operations
from app.api.operations import ROOT
from app.extensions import login_manager


def init_app(app: Flask) -> None:
    """Add the operations, and the headers and errors of every response below /api."""
    if app.config["REGISTRATION"] == "closed":
        closed.close(app, f"{registration.operations.name}.register")
    errors.show_with(app, ROOT, problems.show)
    login_manager.request_loader(bearer.load_identity)
    headers.init_app(app)
    app.url_map.converters["session_id"] = session_operations.SessionIdConverter
    cors.init_app(app)
    for blueprint in (
        registration.operations,
        session_operations.operations,
        recovery.operations,
        account.operations,
        factors.operations,
        description.operations,
        description.pages,
    ):
        app.register_blueprint(blueprint)
