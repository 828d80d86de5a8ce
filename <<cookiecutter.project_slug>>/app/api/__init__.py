"""The JSON API under /api/v1, and the page at /api/docs that describes it.

A bearer token is the only way in. Cookies are neither read nor set, so a forged form can do
nothing here. Each module holds the operations of one subject; `operations.py` is what they share.
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
    """Add the operations, and what holds for every answer below /api."""
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
