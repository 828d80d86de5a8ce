"""Endpoints that a setting closes: the response is the same as if they didn't exist."""

from typing import cast

from flask import Flask, abort, request


def close(app: Flask, endpoint: str) -> None:
    """Respond to requests to an endpoint with 404. Call it before other checks are registered."""

    @app.before_request
    def refuse() -> None:
        if request.endpoint == endpoint:
            abort(404)

    endpoints(app).add(endpoint)


def endpoints(app: Flask) -> set[str]:
    """Return the endpoints that are closed, so that nothing links to them or describes them."""
    return cast(set[str], app.extensions.setdefault("closed_endpoints", set()))
