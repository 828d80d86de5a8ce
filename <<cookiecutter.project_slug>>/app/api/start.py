"""Where a newcomer to an app without pages begins: in debug mode `/` leads to the API's own."""

from flask import Flask, redirect, url_for
from werkzeug.wrappers import Response


def init_app(app: Flask) -> None:
    """Add the way, in debug mode alone."""
    if app.debug:
        app.add_url_rule("/", "start", _start)


def _start() -> Response:
    return redirect(url_for("api_docs.docs"))
