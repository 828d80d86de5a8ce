"""Failing statements, whose values are in the driver's own message."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event

from app.extensions import db
from app.jobs.worker import Worker

# The driver of each database puts the parameter into its message.
FAILING: dict[str, tuple[str, Callable[[str], Any]]] = {
    #: if cookiecutter.__backend == "sqlite"
    "sqlite": ("SELECT json_extract('{}', ?)", lambda text: (text,)),
    #: endif
    #: if cookiecutter.__backend == "postgresql"
    "postgresql": ("SELECT CAST(%(text)s AS integer)", lambda text: {"text": text}),
    #: endif
    #: if cookiecutter.__backend == "mysql"
    "mysql": (
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = %(text)s",
        lambda text: {"text": text[:128]},
    ),
    #: endif
}
# For apps that answer for their faults as in production, however often someone tries.
SETTINGS = {
    "TESTING": False,
    **dict.fromkeys(("LIMIT_PASSWORD_BY_IP", "LIMIT_PASSWORD_FAILURES"), "1000 per minute"),
    **dict.fromkeys(("LIMIT_MAIL_BY_ADDRESS", "LIMIT_MAIL_BY_IP"), "1000 per minute"),
}
# What must not be in a log: Ada's and Grace's names and addresses, a hash, a token or its hash.
PRIVATE = re.compile(r"(?i)\bada\b|grace|hopper|scrypt:|\b[\w-]{43}\b|\b[0-9a-f]{64}\b")


def engine_of(app: Flask) -> Engine:
    """Return the engine of an app."""
    with app.app_context():
        return db.engine


@contextmanager
def failing_statement(app: Flask, number: int) -> Iterator[list[str]]:
    """Let one statement fail, counted from 0. Yields what was executed."""
    seen: list[str] = []

    def fail(
        _connection: object, _cursor: object, statement: str, parameters: Any, *_: object
    ) -> tuple[str, Any]:
        if not parameters:
            return statement, parameters
        seen.append(statement)
        if len(seen) != number + 1:
            return statement, parameters
        values = parameters.values() if isinstance(parameters, dict) else parameters
        failing, wrap = FAILING[engine.dialect.name]
        return failing, wrap(" ".join(value for value in values if isinstance(value, str)))

    engine = engine_of(app)
    event.listen(engine, "before_cursor_execute", fail, retval=True)
    try:
        yield seen
    finally:
        Worker(app).look()
        event.remove(engine, "before_cursor_execute", fail)


def assert_private(app: Flask, caplog: pytest.LogCaptureFixture, step: Callable[[], object]) -> int:
    """Take a step again and again, until each of its statements has failed once.

    Returns how many those were.
    """
    number = 0
    while True:
        caplog.clear()
        with failing_statement(app, number) as seen:
            step()
        if len(seen) <= number:
            return number
        written = [record for record in caplog.records if record.name != "app.events"]
        assert written, f"nothing was logged when this failed: {seen[-1]}"
        formatted = "\n".join(logging.Formatter().format(record) for record in written)
        found = PRIVATE.findall(formatted)
        assert not found, f"{found} in the log when this failed: {seen[number]}\n{formatted}"
        number += 1
