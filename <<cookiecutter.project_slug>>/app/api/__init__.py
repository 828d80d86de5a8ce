"""The JSON API under /api/v1, and the page at /api/docs that describes it.

People sign in only with a bearer token. Cookies are neither read nor set, so a forged form can't do
anything here. Each module has the operations of one subject; `operations.py` has what they share.
"""

from flask import Flask

from app import closed, errors
from app.accounts.passkeys import relying_party
from app.api import (
    account,
    bearer,
    cors,
    description,
    factors,
    headers,
    passkeys,
    problems,
    recovery,
    registration,
)
from app.api import sessions as session_operations
from app.api.ids import IdConverter
from app.api.operations import ROOT
from app.extensions import login_manager


def init_app(app: Flask) -> None:
    """Add the operations, and the headers and errors of every response below /api."""
    if app.config["REGISTRATION"] == "closed":
        closed.close(app, f"{registration.operations.name}.register")
    errors.show_with(app, ROOT, problems.show)
    login_manager.request_loader(bearer.load_identity)
    headers.init_app(app)
    app.url_map.converters["id"] = IdConverter
    cors.init_app(app)
    blueprints = [
        registration.operations,
        session_operations.operations,
        recovery.operations,
        account.operations,
        factors.operations,
        passkeys.operations,
        description.operations,
        description.pages,
    ]
    if not relying_party.are_possible(app):
        blueprints.remove(passkeys.operations)
    for blueprint in blueprints:
        app.register_blueprint(blueprint)
