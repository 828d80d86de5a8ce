"""The connection to the database: its driver, its pool and its time-outs."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from flask import Config, Flask
from sqlalchemy import URL, Connection, Dialect, Engine, QueuePool, make_url
from sqlalchemy.exc import SQLAlchemyError

from app.database import url as database_url
from app.extensions import db

if TYPE_CHECKING:
    from app.database.faults import Fault

logger = logging.getLogger(__name__)


class Backend(Protocol):
    """What the module for one kind of database provides."""

    # How the names of its backups end.
    BACKUP_SUFFIX: str

    def set_up(self, engine: Engine, config: Config) -> None:
        """Prepare every new connection of the engine."""

    def diagnose(self, error: BaseException | None) -> "Fault":
        """Tell what an error of the driver means; any other has no code and no message."""

    def violated_unique(self, error: BaseException | None) -> str | None:
        """Return the name of the unique constraint that a statement would have broken."""

    def disk_is_full(self, connection: Connection, /) -> bool:
        """Tell whether the database has no room for another transaction."""

    def back_up(self, url: URL, file: Path) -> None:
        """Copy the database into an empty file, as it is at one moment. Raises ClickException."""


def init_app(app: Flask) -> None:
    """Create the app's engine from the settings."""
    app.config["SQLALCHEMY_DATABASE_URI"] = database_url.with_driver(app.config["DATABASE_URL"])
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = _engine_options(app.config)
    db.init_app(app)
    app.teardown_appcontext(_end_session)
    # Of each lost connection it writes a traceback; what that means the app says in one line.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
    with app.app_context():
        for engine in db.engines.values():
            with suppress(LookupError):  # your own of SQLALCHEMY_BINDS may be of another kind
                backend(engine.dialect).set_up(engine, app.config)


def _end_session(_: BaseException | None) -> None:
    """End the session of a request, even if its connection was lost after the last statement.

    Flask-SQLAlchemy, whose turn is next, would raise outside of Flask: the response that was made
    would be lost.
    """
    try:
        db.session.remove()
    except SQLAlchemyError as error:
        logger.warning("The database connection was lost at the end: %s", type(error).__name__)


def backend(dialect: Dialect) -> Backend:
    """Return the module for one kind of database."""
    #: if cookiecutter.__backend == "postgresql"
    if dialect.name == "postgresql":
        from app.database import postgresql

        return postgresql
    #: endif
    #: if cookiecutter.__backend == "mysql"
    if dialect.name in ("mysql", "mariadb"):
        from app.database import mysql

        return mysql
    #: endif
    #: if cookiecutter.__backend == "sqlite"
    if dialect.name == "sqlite":
        from app.database import sqlite

        return sqlite
    #: endif
    raise LookupError(dialect.name)


def _engine_options(config: Config) -> dict[str, Any]:
    """Return the options for `create_engine`; SQLALCHEMY_ENGINE_OPTIONS wins except for one."""
    own = config.get("SQLALCHEMY_ENGINE_OPTIONS", {})
    url = make_url(config["SQLALCHEMY_DATABASE_URI"])
    options: dict[str, Any] = {}
    #: if cookiecutter.__backend != "sqlite"
    # A connection that died while it was idle is noticed and replaced before its next use.
    options["pool_pre_ping"] = True
    #: endif
    #: if cookiecutter.__backend == "mysql"
    if url.get_backend_name() in ("mysql", "mariadb"):
        # The servers' default, REPEATABLE READ, hides what others committed since the transaction
        # began, and locks gaps between rows, so that more transactions end in a deadlock.
        options["isolation_level"] = "READ COMMITTED"
    #: endif
    #: if cookiecutter.__backend == "postgresql"
    if url.get_backend_name() == "postgresql":
        # Whatever the database's own default is: with others, the later of two changes fails.
        options["isolation_level"] = "READ COMMITTED"
    #: endif
    pool = own.get("poolclass") or url.get_dialect()().get_dialect_pool_class(url)
    if "pool" not in own and issubclass(pool, QueuePool):
        options |= {
            "pool_size": config["DATABASE_POOL_SIZE"],
            "max_overflow": config["DATABASE_MAX_OVERFLOW"],
            "pool_timeout": config["DATABASE_POOL_TIMEOUT_SECONDS"],
        }
    return {**options, **own, "hide_parameters": True}
