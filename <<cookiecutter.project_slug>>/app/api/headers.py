"""What holds for every answer below /api: no cookies, and the headers that fit."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from flask.sessions import SessionMixin

from app.api.operations import ROOT
from app.session_cookie import SessionCookie

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def init_app(app: Flask) -> None:
    """Keep cookies away from the API, and complete the headers of its answers."""
    # The way that Flask documents to wrap an app; mypy takes any assigned method for a mistake.
    app.wsgi_app = WithoutCookies(app.wsgi_app)  # type: ignore[method-assign]
    app.session_interface = PageSessions()
    app.after_request(_complete)


class WithoutCookies:
    """Takes the cookies from requests to the API, so that nothing behind can see them."""

    def __init__(self, wsgi_app: "WSGIApplication") -> None:
        self.wsgi_app = wsgi_app

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Serve one request."""
        # Further slashes before a path do not change where it leads.
        if f"/{environ.get('PATH_INFO', '').lstrip('/')}".startswith(ROOT):
            environ.pop("HTTP_COOKIE", None)
        return self.wsgi_app(environ, start_response)


class PageSessions(SessionCookie):
    """Flask's session, for pages alone: the API has no cookie to write, or to vary by."""

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Write the session's cookie, unless it is the API that answers."""
        if not request.path.startswith(ROOT):
            super().save_session(app, session, response)


def _complete(response: Response) -> Response:
    if request.path.startswith(ROOT):
        response.vary.add("Accept")
        if request.method == "OPTIONS":
            response.headers.pop("Content-Type", None)  # there is no content
    return response
