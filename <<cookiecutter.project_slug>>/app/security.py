"""What holds for every answer: hosts, proxies, headers."""

from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    # What `frame-ancestors` says, for scanners and for browsers that are too old to know it.
    "X-Frame-Options": "DENY",
    # Not `no-referrer`: the check of forged forms needs it from this same site.
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
DEVELOPMENT_HOSTS = {"localhost", "127.0.0.1", "::1"}


class MeasuredBodies:
    """Gives a body that comes in chunks its length: Werkzeug would cut it off at the limit, and
    take what is left for the whole."""

    def __init__(self, wsgi_app: "WSGIApplication", limit: int) -> None:
        self.wsgi_app = wsgi_app
        self.limit = limit

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Serve one request; one that is too long is refused where its length is read."""
        if environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(self.limit + 1)
            environ["CONTENT_LENGTH"] = str(len(body))
            environ["wsgi.input"] = BytesIO(body)
        return self.wsgi_app(environ, start_response)


def init_app(app: Flask) -> None:
    """Trust the configured host and proxies alone, and put the headers on every answer."""
    hosts = {urlsplit(app.config["BASE_URL"]).hostname}
    if app.debug:
        hosts |= DEVELOPMENT_HOSTS
    measured = MeasuredBodies(app.wsgi_app, app.config["MAX_CONTENT_LENGTH"])
    app.wsgi_app = measured  # type: ignore[method-assign]
    proxies = app.config["TRUSTED_PROXIES"]
    if proxies:
        proxy_fix = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies)
        app.wsgi_app = proxy_fix  # type: ignore[method-assign]

    @app.before_request
    def refuse_other_hosts() -> None:
        # Werkzeug's own list of trusted hosts knows no IPv6 addresses.
        if (
            request.endpoint != "health.healthz"
            and urlsplit(f"//{request.host}").hostname not in hosts
        ):
            raise SecurityError("This app does not answer for that host.")

    @app.after_request
    def add_headers(response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        if not app.debug:
            hsts = f"max-age={app.config['HSTS_SECONDS']}; includeSubDomains"
            response.headers["Strict-Transport-Security"] = hsts
        # Static files say themselves how they are cached; what else is sent is for one person.
        response.headers.setdefault("Cache-Control", "no-store")
        return response
