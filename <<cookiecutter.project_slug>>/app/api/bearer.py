"""Sign-in by the token in the `Authorization` header (RFC 6750)."""

from flask import Request

from app import identity
from app.api.operations import ROOT


def load_identity(request: Request) -> identity.Identity | None:
    """Load the identity of a bearer token, as Flask-Login's request loader. Pages ignore it."""
    if not request.path.startswith(ROOT):
        return None
    try:
        authorization = request.authorization
    except ValueError:  # a header that isn't ASCII
        return None
    if authorization is None or authorization.type != "bearer" or not authorization.token:
        return None
    return identity.load(authorization.token, "api")
