"""Redirect `/` to the API reference in debug mode."""

from flask import Flask, redirect, url_for
from werkzeug.wrappers import Response


def init_app(app: Flask) -> None:
    """Add the redirect, only in debug mode."""
    if app.debug:
        app.add_url_rule("/", "start", _start)


def _start() -> Response:
    return redirect(url_for("api_docs.docs"))
