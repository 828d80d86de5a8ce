"""What servers and reverse proxies say about a request: its client, scheme, path and ID."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from flask import Flask, request

from app import addresses, logs

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

logger = logging.getLogger(__name__)

# The server's own word for who is connected, once REMOTE_ADDR is the client behind the proxies.
PEER = "app.peer"
FORWARDING_HEADERS = ("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED")


class Border:
    """Normalizes a request's client, scheme, path and ID before anything reads them."""

    def __init__(self, app: Flask, wsgi_app: "WSGIApplication") -> None:
        self.wsgi_app = wsgi_app
        self.proxies: int = app.config["TRUSTED_PROXIES"]
        self.mount = urlsplit(app.config["BASE_URL"]).path
        self.warned: set[str] = set()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Serve one request."""
        environ[logs.KEY] = logs.request_id(environ, trusted=self.proxies > 0)
        with logs.during(environ):
            self._correct(environ)
            return self.wsgi_app(environ, start_response)

    def _correct(self, environ: "WSGIEnvironment") -> None:
        environ[PEER] = environ.get("REMOTE_ADDR", "")
        if self.proxies:
            self._believe_proxies(environ)
        environ["REMOTE_ADDR"] = addresses.normalize(environ.get("REMOTE_ADDR", ""))
        if environ["REMOTE_ADDR"] == addresses.UNREADABLE:
            self._warn(
                "Clients have no address that can be read, so they share one rate limit: set"
                " TRUSTED_PROXIES to the number of your proxies, and have them set X-Forwarded-For"
            )
        self._find_path(environ)

    def _believe_proxies(self, environ: "WSGIEnvironment") -> None:
        """Use the value of the outermost trusted proxy: each proxy appends to the header."""
        clients = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if clients != [""]:
            environ["REMOTE_ADDR"] = clients[-self.proxies :][0]
            if len(clients) < self.proxies:
                self._warn(
                    "X-Forwarded-For has fewer addresses than TRUSTED_PROXIES, so clients can"
                    " forge theirs: set TRUSTED_PROXIES to the number of your proxies"
                )
        schemes = environ.get("HTTP_X_FORWARDED_PROTO", "").split(",")
        scheme = schemes[-self.proxies :][0].strip().lower()
        if scheme in ("http", "https"):
            environ["wsgi.url_scheme"] = scheme

    def _find_path(self, environ: "WSGIEnvironment") -> None:
        """Take the path in BASE_URL off, unless the server or a proxy already did."""
        path = environ.get("PATH_INFO", "")
        if not self.mount or environ.get("SCRIPT_NAME") == self.mount:
            return
        environ["SCRIPT_NAME"] = self.mount
        if path == self.mount or path.startswith(f"{self.mount}/"):
            environ["PATH_INFO"] = path.removeprefix(self.mount)

    def _warn(self, message: str) -> None:
        """Log a message the first time."""
        if message not in self.warned:
            self.warned.add(message)
            logger.warning(message)


def is_local() -> bool:
    """Return whether this request comes from this machine, and through no proxy from elsewhere."""
    environ = request.environ
    known = [environ.get(PEER, "")]
    for name in FORWARDING_HEADERS:
        if name in environ:
            known += environ[name].split(",")
    return all(addresses.is_loopback(address) for address in known)
