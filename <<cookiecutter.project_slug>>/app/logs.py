"""The log: one line of JSON for each record in production, without secrets.

Lines written during a request name it, and have the ID that its response has as `X-Request-ID`.
"""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from flask import Flask, request
from werkzeug.wsgi import get_path_info

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# A token from an email, such as in a path. Names in tracebacks have no capitals.
# It is only looked for where a word begins: elsewhere would take quadratic time.
TOKEN = re.compile(r"(?<![\w-])(?=[\w-]*[A-Z])[\w-]{43,}", re.ASCII)
# What a proxy may call a request.
REQUEST_ID = re.compile(r"[\w.:#=+/-]{1,64}", re.ASCII)
HEADER = "X-Request-ID"
KEY = "app.request_id"
# What a line has besides time, level, logger and message, if it is known.
MEMBERS = ("request_id", "method", "path", "status", "milliseconds")

_environ: ContextVar["WSGIEnvironment | None"] = ContextVar("_environ", default=None)


class Record(logging.LogRecord):
    """A log record without tokens from emails, for all loggers including the server's."""

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        self.request_id = self.method = self.path = None
        environ = _environ.get()
        if environ is not None:
            self.request_id = environ.get(KEY)
            self.method = environ.get("REQUEST_METHOD")
            self.path = without_tokens(get_path_info(environ))

    def getMessage(self) -> str:  # noqa: N802 - the name that `logging` calls
        """Return the message."""
        return without_tokens(super().getMessage())

    @property
    def exc_text(self) -> str | None:
        """The traceback, once it has been formatted."""
        return self._exc_text

    @exc_text.setter
    def exc_text(self, text: str | None) -> None:
        self._exc_text = text and without_tokens(text)


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON, in ASCII, so that no value can start a second line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line. A traceback is its member `exception`."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        found = {name: getattr(record, name, None) for name in MEMBERS}
        line |= {name: value for name, value in found.items() if value is not None}
        if record.exc_info and not record.exc_text:
            record.exc_text = self.formatException(record.exc_info)
        if record.exc_text:
            line["exception"] = record.exc_text
        if record.stack_info:
            line["stack"] = self.formatStack(record.stack_info)
        return json.dumps(line)


def init_app(app: Flask) -> None:
    """Make every logger of this process use the record, and write JSON outside debug mode.

    Handlers that the root logger already has are left as they are.
    """
    logging.setLogRecordFactory(Record)
    # Where a line can't be written, `logging` would print its values as they are.
    logging.raiseExceptions = app.debug
    if not app.debug and not logging.root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter())
        logging.root.addHandler(handler)
    # Until it is first used, the app's logger has no handler that would write the time.
    app.logger.setLevel(logging.DEBUG if app.debug else logging.INFO)


def request_id(environ: "WSGIEnvironment", *, trusted: bool) -> str:
    """Return the ID that a proxy gave a request, or a new one.

    The header of a request is used only if it is `trusted`, and looks like an ID and not like a
    token.
    """
    given = environ.get("HTTP_X_REQUEST_ID", "")
    if trusted and REQUEST_ID.fullmatch(given) and not TOKEN.search(given):
        return str(given)
    return token_hex(16)


def current_id() -> str | None:
    """Return the ID of the current request."""
    return request.environ.get(KEY)


@contextmanager
def during(environ: "WSGIEnvironment") -> Iterator[None]:
    """Let every line that the block writes name a request."""
    token = _environ.set(environ)
    try:
        yield
    finally:
        _environ.reset(token)


def served(logger: logging.Logger, environ: "WSGIEnvironment", status: int, seconds: float) -> None:
    """Write the line for a request that was served, in so many seconds.

    It doesn't say by whom: the proxy's log and the audit log do.
    """
    method, path = environ["REQUEST_METHOD"], get_path_info(environ)
    members = {"status": status, "milliseconds": round(seconds * 1000, 1)}
    with during(environ):
        logger.info("%s %s %s", method, path, status, extra=members)


def without_tokens(text: str) -> str:
    """Return a text with everything that looks like a token left out."""
    return TOKEN.sub("[left out]", text)
