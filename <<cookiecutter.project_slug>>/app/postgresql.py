"""What PostgreSQL needs on every connection: time-outs, and no prepared statements."""

from typing import Any, TypeVar

import psycopg
from flask import Config
from psycopg.abc import PQGen
from psycopg.pq import TransactionStatus
from sqlalchemy import Engine

from app import database

# How much longer the app waits than the server should take, in seconds.
MARGIN_SECONDS = 1

Result = TypeVar("Result")


class Connection(psycopg.Connection[Any]):
    """A connection that does not wait forever for a server that went silent."""

    read_timeout: float | None = None

    def wait(
        self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None
    ) -> Result:
        """Wait for the server. Raises psycopg.OperationalError after `read_timeout` seconds."""
        try:
            return super().wait(gen, interval, timeout or self.read_timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()  # its response, if it ever comes, belongs to nobody
            raise


class Connector:
    """Opens the connections of an engine."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.takes_options = True

    def open(self, *args: Any, **options: Any) -> Connection:
        """Open one, for SQLAlchemy. What the URL or the owner's options say wins."""
        options.setdefault("connect_timeout", self.config["DATABASE_CONNECT_TIMEOUT_SECONDS"])
        # A pooler gives each transaction another server connection, and statements stay behind.
        options.setdefault("prepare_threshold", None)
        connection = self._open(args, options)
        seconds = database.statement_timeout(self.config)
        if seconds is not None:
            connection.read_timeout = seconds + MARGIN_SECONDS
        return connection

    def _open(self, args: tuple[Any, ...], options: dict[str, Any]) -> Connection:
        """Ask for the server's time-outs at the start, which costs no statement.

        Poolers such as pgbouncer refuse that; then only the app's own time-out holds.
        """
        if self.takes_options:
            try:
                return Connection.connect(*args, **{**options, "options": self._options(options)})
            except psycopg.OperationalError as error:
                if "unsupported startup parameter" not in str(error):
                    raise
                self.takes_options = False
        return Connection.connect(*args, **options)

    def _options(self, options: dict[str, Any]) -> str:
        seconds = database.statement_timeout(self.config) or 0
        lock_seconds = self.config["DATABASE_LOCK_TIMEOUT_SECONDS"]
        time_outs = f"-c statement_timeout={seconds}s -c lock_timeout={lock_seconds}s"
        return f"{time_outs} {options.get('options', '')}".strip()


def set_up(engine: Engine, config: Config) -> None:
    """Prepare every new connection of the engine."""
    # The event `do_connect` would do, but keep other listeners from being called.
    engine.dialect.connect = Connector(config).open  # type: ignore[assignment]
