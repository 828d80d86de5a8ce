"""Sign-in by the token in the `Authorization` header (RFC 6750)."""

from flask import Request

from app import identity
from app.api.operations import ROOT


def load_identity(request: Request) -> identity.Identity | None:
    """Load the identity of a bearer token, as Flask-Login's request loader. Pages ignore it."""
    authorization = request.authorization
    if not request.path.startswith(ROOT) or authorization is None:
        return None
    if authorization.type != "bearer" or not authorization.token:
        return None
    return identity.load(authorization.token, "api")
