"""Headers of every response below /api, which sets no cookies."""

from flask import Flask, Response, request
from flask.sessions import SessionMixin

from app.api.operations import ROOT
from app.session_cookie import SessionCookie


def init_app(app: Flask) -> None:
    """Set no cookie, and complete the headers of responses. `app.gate` removes those that are sent."""
    app.session_interface = PageSessions()
    app.after_request(_complete)


class PageSessions(SessionCookie):
    """Flask's session, for pages alone: the API has no cookie to write, or to vary by."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the session's cookie, except for the API."""
        if not request.path.startswith(ROOT):
            super().save_session(app, session, response)


def _complete(response: Response) -> Response:
    if request.path.startswith(ROOT):
        response.vary.add("Accept")
        if request.method == "OPTIONS":
            response.headers.pop("Content-Type", None)  # there is no content
    return response
