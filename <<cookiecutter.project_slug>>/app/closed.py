"""Endpoints that a setting closes: the response is the same as if they didn't exist."""

from typing import cast

from flask import Flask, abort, current_app, request


def close(app: Flask, endpoint: str) -> None:
    """Respond to requests to an endpoint with 404. Call it before other checks are registered."""

    if not endpoints(app):
        app.before_request(_refuse)
    endpoints(app).add(endpoint)


def endpoints(app: Flask) -> set[str]:
    """Return the endpoints that are closed, so that nothing links to them or describes them."""
    return cast(set[str], app.extensions.setdefault("closed_endpoints", set()))


def _refuse() -> None:
    if request.endpoint in endpoints(current_app):
        abort(404)
