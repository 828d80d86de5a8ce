"""What holds for every answer: hosts, proxies, headers."""

import logging
import re
from collections.abc import Iterable
from io import BytesIO
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.exceptions import SecurityError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

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
DEVELOPMENT_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
# A name or an address, and perhaps a port.
HOST = re.compile(r"([^][:]+|\[[^][]+\])(?::(\d{1,5}))?")
MAX_PORT = 65535
# What is repeated of another host, in the log and on the page.
MAX_HOST_LENGTH = 100


class Gate:
    """Puts right what Flask and Werkzeug would stumble over, before they see it."""

    def __init__(self, wsgi_app: "WSGIApplication", hosts: list[str], limit: int) -> None:
        self.wsgi_app = wsgi_app
        self.hosts = hosts
        self.limit = limit

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Serve one request."""
        self._check_host(environ)
        self._measure_body(environ)
        return self.wsgi_app(environ, start_response)

    def _check_host(self, environ: "WSGIEnvironment") -> None:
        """Mark a request for another host, and let nobody see that host: it may be no host at
        all, which not even an error page could be made for."""
        host = HOST.fullmatch(environ.get("HTTP_HOST", "").lower())
        if host is None or host[1] not in self.hosts or int(host[2] or 443) > MAX_PORT:
            environ["app.other_host"] = ascii(environ.get("HTTP_HOST", "")[:MAX_HOST_LENGTH])
            environ["HTTP_HOST"] = self.hosts[0]

    def _measure_body(self, environ: "WSGIEnvironment") -> None:
        """Give a body that comes in chunks its length: Werkzeug would cut it off at the limit,
        and take what is left for the whole. One that is too long is refused by its length."""
        if environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
            body = environ["wsgi.input"].read(self.limit + 1)
            environ["CONTENT_LENGTH"] = str(len(body))
            environ["wsgi.input"] = BytesIO(body)


def init_app(app: Flask) -> None:
    """Respond only to the configured host, and set the headers of every response."""
    host = urlsplit(app.config["BASE_URL"]).hostname or ""
    hosts = [f"[{host}]" if ":" in host else host]
    if app.debug:
        hosts += DEVELOPMENT_HOSTS
    # The way that Flask documents to wrap an app; mypy takes any assigned method for a mistake.
    gate = Gate(app.wsgi_app, hosts, app.config["MAX_CONTENT_LENGTH"])
    app.wsgi_app = gate  # type: ignore[method-assign]

    @app.before_request
    def refuse_other_hosts() -> None:
        other = request.environ.get("app.other_host")
        if other is not None and request.endpoint != "health.healthz":
            logger.warning("Refused a request for host %s: BASE_URL names %s", other, hosts[0])
            raise SecurityError(
                f"This app doesn't respond to the host {other}. If you run it, set BASE_URL to the"
                " address that people use."
            )

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
