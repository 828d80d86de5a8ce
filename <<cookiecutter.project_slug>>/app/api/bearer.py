"""Who is signed in, by the token in the header `Authorization` (RFC 6750)."""

from flask import Request

from app import identity
from app.api.operations import ROOT


def load_identity(request: Request) -> identity.Identity | None:
    """Flask-Login's request loader: the identity of a bearer token; on pages it means nothing."""
    authorization = request.authorization
    if not request.path.startswith(ROOT) or authorization is None:
        return None
    if authorization.type != "bearer" or not authorization.token:
        return None
    return identity.load(authorization.token, "api")
