"""Check each request before Flask sees it, and add the headers that every response has.

`wsgi_app` is wrapped here and nowhere else.

What is found wrong is noted in `environ` and refused by Flask, so that the refusal is a response
with all its headers.
"""

import logging
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from flask import Flask, current_app, request
from werkzeug.exceptions import RequestHeaderFieldsTooLarge, SecurityError
from werkzeug.http import parse_date
from werkzeug.wsgi import ClosingIterator

from app import logs, security
from app.bodies import Body
from app.proxies import Border

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logger = logging.getLogger(__name__)

DEVELOPMENT_HOSTS = ["localhost", "127.0.0.1", "[::1]"]
# A name or an address, and perhaps a port.
HOST = re.compile(r"([^][:]+|\[[^][]+\])(?::(\d{1,5}))?")
MAX_PORT = 65535
# What is repeated of another host, in the log and on the page.
MAX_HOST_LENGTH = 100
# Bytes of all header values together, as with nginx: parsing them takes about 1 ms per KiB. More
# cookies than fit are ignored, since people whose browser sends them could not help it.
MAX_HEADERS = 32 * 1024
MAX_COOKIES = 16 * 1024
DATES = ("HTTP_IF_MODIFIED_SINCE", "HTTP_IF_UNMODIFIED_SINCE", "HTTP_IF_RANGE")
OTHER_HOST = "app.other_host"
TOO_MANY_HEADERS = "app.too_many_headers"
#: if cookiecutter.interface != "html"
# No cookie is seen below this path, so no forged form can do anything there.
WITHOUT_COOKIES = "/api/"
#: endif


class Gate:
    """Corrects what Flask and Werkzeug would stumble over."""

    def __init__(self, app: Flask) -> None:
        self.wsgi_app = app.wsgi_app
        host = urlsplit(app.config["BASE_URL"]).hostname or ""
        self.hosts = [f"[{host}]" if ":" in host else host]
        if app.debug:
            self.hosts += DEVELOPMENT_HOSTS
        self.max_length = app.config["MAX_CONTENT_LENGTH"]
        self.seconds = app.config["BODY_SECONDS"]
        headers = security.headers(app).items()
        self.headers = [(name.lower(), (name, value)) for name, value in headers]

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Serve one request."""

        # Not a function for `after_request`: Werkzeug would check and copy each header.
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            own = {name.lower() for name, _ in headers}
            headers += [header for name, header in self.headers if name not in own]
            headers.append((logs.HEADER, environ[logs.KEY]))
            return start_response(status, headers, exc_info)

        body = Body(environ, self.max_length, self.seconds)
        self._check_headers(environ)
        self._check_host(environ)
        _check_dates(environ)
        #: if cookiecutter.interface != "html"
        # Further slashes before a path do not change where it leads.
        if f"/{environ.get('PATH_INFO', '').lstrip('/')}".startswith(WITHOUT_COOKIES):
            environ.pop("HTTP_COOKIE", None)
        #: endif
        if not body.expected:
            return self.wsgi_app(environ, start)
        environ["wsgi.input"] = body
        return ClosingIterator(self.wsgi_app(environ, start), body.discard)

    def _check_headers(self, environ: "WSGIEnvironment") -> None:
        """Mark a request with too many headers, and let nobody see them."""
        if len(environ.get("HTTP_COOKIE", "")) > MAX_COOKIES:
            del environ["HTTP_COOKIE"]
        names = [name for name in environ if name.startswith("HTTP_")]
        if sum(len(environ[name]) for name in names) > MAX_HEADERS:
            for name in names:
                if name != "HTTP_HOST":
                    del environ[name]
            environ[TOO_MANY_HEADERS] = True

    def _check_host(self, environ: "WSGIEnvironment") -> None:
        """Mark a request for another host, and let nobody see that host: it may be no host at
        all, which not even an error page could be made for."""
        host = HOST.fullmatch(environ.get("HTTP_HOST", "").lower())
        if host is None or host[1] not in self.hosts or int(host[2] or 443) > MAX_PORT:
            environ[OTHER_HOST] = ascii(environ.get("HTTP_HOST", "")[:MAX_HOST_LENGTH])
            environ["HTTP_HOST"] = self.hosts[0]


def _check_dates(environ: "WSGIEnvironment") -> None:
    """Replace dates that no calendar has: Werkzeug ignores text that is no date, but fails on
    these."""
    for name in DATES:
        try:
            parse_date(environ.get(name))
        except OverflowError:
            environ[name] = "no date"


def init_app(app: Flask) -> None:
    """Put the gate in front of the app, and the border in front of the gate."""
    # As Flask documents it; mypy takes any assigned method for a mistake.
    app.wsgi_app = Border(app, Gate(app))  # type: ignore[method-assign]  # meant to be another
    app.before_request(_refuse_early)


def _refuse_early() -> None:
    """Refuse by host, headers, path and method, before anything reads the request's body."""
    environ = request.environ
    other = environ.get(OTHER_HOST)
    if other is not None and request.endpoint != "health.healthz":
        base_url = current_app.config["BASE_URL"]
        logger.warning("Refused a request for host %s: BASE_URL is %s", other, base_url)
        raise SecurityError(
            f"This app doesn't respond to the host {other}. If you run it, set BASE_URL to the"
            " address that people use."
        )
    if TOO_MANY_HEADERS in environ:
        raise RequestHeaderFieldsTooLarge
    if request.routing_exception is not None:
        current_app.raise_routing_exception(request)
    # The body itself refuses what is longer. Werkzeug would take a body in chunks that reaches its
    # limit for a longer one. A feature may have set another limit before (docs/guide.md).
    longest = request.max_content_length or current_app.config["MAX_CONTENT_LENGTH"]
    if isinstance(environ["wsgi.input"], Body):
        environ["wsgi.input"].max_length = longest
    request.max_content_length = longest + 1
