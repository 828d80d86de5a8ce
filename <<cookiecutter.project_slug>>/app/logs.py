"""What every log of the process leaves out, whoever writes it."""

import logging
import re

from flask import Flask

# A mailed token, such as in the path of a request; no name in a traceback, which has no capitals.
# It is only looked for where a word begins: elsewhere would take quadratic time.
TOKEN = re.compile(r"(?<![\w-])(?=[\w-]*[A-Z])[\w-]{43,}", re.ASCII)


class Record(logging.LogRecord):
    """A line of any logger, the server's own included, with every mailed token left out."""

    def getMessage(self) -> str:  # noqa: N802 - the name that `logging` calls
        """Return the message."""
        return _without_tokens(super().getMessage())

    @property
    def exc_text(self) -> str | None:
        """The traceback, once it has been formatted."""
        return self._exc_text

    @exc_text.setter
    def exc_text(self, text: str | None) -> None:
        self._exc_text = text and _without_tokens(text)


def init_app(app: Flask) -> None:
    """Make every logger of this process use the record, and Flask add its handler."""
    logging.setLogRecordFactory(Record)
    # Until it is first used, the app's logger has no handler that would write the time.
    app.logger.setLevel(logging.DEBUG if app.debug else logging.INFO)


def _without_tokens(text: str) -> str:
    return TOKEN.sub("[left out]", text)
