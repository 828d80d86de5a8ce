"""Find out what a database error means, without the values of the statement that failed.

Drivers repeat values in their messages ("Key (email)=(ada@example.com) already exists"). They are
removed where they arise, so that no log, traceback or terminal can show one.
"""

from dataclasses import dataclass

from flask import Flask
from sqlalchemy import Dialect, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.exc import (
    DBAPIError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    SQLAlchemyError,
    TimeoutError,
)

from app import database
from app.extensions import db


@dataclass(frozen=True)
class Fault:
    """An error of the database.

    `message` is the driver's own, empty where it may hold a value. A `passing` fault is no bug
    of the app: the same request may succeed later. After a `fatal` one no open connection is
    used again. A `busy` one came from what another connection does.
    """

    code: str = ""
    message: str = ""
    passing: bool = False
    fatal: bool = False
    busy: bool = False


def init_app(app: Flask) -> None:
    """Watch every error of the app's engines."""
    with app.app_context():
        for engine in db.engines.values():
            event.listen(engine, "handle_error", _handle)


def is_passing(error: SQLAlchemyError) -> bool:
    """Tell whether the same request may succeed later."""
    if not isinstance(error, DBAPIError):
        return isinstance(error, TimeoutError)  # no connection became free in time
    fault = _diagnose(db.engine.dialect, error.orig)
    return fault.passing or (
        not fault.code and isinstance(error, OperationalError | InterfaceError)
    )


def is_busy(error: SQLAlchemyError) -> bool:
    """Tell whether another connection kept the statement from what it needed."""
    return isinstance(error, DBAPIError) and _diagnose(db.engine.dialect, error.orig).busy


def reason(error: SQLAlchemyError) -> str:
    """Return the driver's own reason on one line, without values."""
    # SQLAlchemy's own text ends with a link that the log has no use for.
    cause = error.orig if isinstance(error, DBAPIError) else error
    text = cause if isinstance(error, DBAPIError) else " ".join(map(str, error.args[:1]))
    return " ".join(f"{type(cause).__name__}: {text}".split())


def violated_unique(error: IntegrityError) -> str | None:
    """Return the name of the unique constraint that a statement would have broken, if any."""
    return database.backend(db.engine.dialect).violated_unique(error.orig)


def _diagnose(dialect: Dialect, error: BaseException | None) -> Fault:
    """Return what an error means. Nothing is known about another kind of database."""
    try:
        return database.backend(dialect).diagnose(error)
    except LookupError:
        return Fault()


def _handle(context: ExceptionContext) -> None:
    """Remove the values from an error before anyone sees it, and drop useless connections."""
    error = context.original_exception
    if context.sqlalchemy_exception is None or not isinstance(error, Exception):
        return
    fault = _diagnose(context.dialect, error)
    if error.args and isinstance(error.args[0], int):
        error.args = (error.args[0], fault.message)  # the driver puts its number first
    else:
        error.args = (f"{fault.code} {fault.message}".strip(),)
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    context.sqlalchemy_exception.args = (f"({kind}) {error}",)
    context.is_disconnect |= fault.fatal
