"""What PostgreSQL needs on every connection, and what its errors mean."""

import logging
import select
import time
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from flask import Config
from psycopg.abc import PQGen
from psycopg.pq import Conninfo, TransactionStatus
from sqlalchemy import URL, Engine, event
from sqlalchemy import Connection as SqlConnection
from sqlalchemy.engine import ExceptionContext

from app.database import backups, time_outs
from app.database.faults import Fault

# How much longer the app waits than the server should take, in seconds.
MARGIN_SECONDS = 1

# How long after its last use a connection is taken for alive, if the server has sent nothing.
TRUSTED_SECONDS = 10

# What the first two characters of an SQLSTATE, or all five, say about an error; see the appendix
# "PostgreSQL Error Codes". In these classes the message names what the schema or the server calls
# things, never a value.
VALUE_FREE = (
    "08", "0A", "22001", "25", "28", "2B", "3D", "3F", "40", "42", "53", "54", "55", "57", "58",
)  # fmt: skip
# But in these it may be a value that a function was to parse, as a query or a name.
PARSED = ("42601", "42602", "42622", "42704")
# Connection lost, read-only, sign-in refused, no such database, deadlock, privilege, missing column
# and table, resources, lock, shutdown or statement time-out, the system, a damaged index.
PASSING = (
    "08", "25006", "28", "3D", "40", "42501", "42703", "42P01", "53", "55", "57", "58", "XX",
)  # fmt: skip
# The server is shutting down, or another one has taken over.
FATAL = ("08", "25006", "57P")
# Deadlock, lock time-out, and what another isolation level than the app's may meet.
BUSY = ("40", "55P03")
UNIQUE_VIOLATION = "23505"
DISK_FULL = "53100"
# For how many seconds the app is unhealthy after a write found the disk full.
FULL_SECONDS = 60
BACKUP_SUFFIX = ".dump"

Result = TypeVar("Result")

logger = logging.getLogger(__name__)

_full_at = [float("-inf")]


class Connection(psycopg.Connection[Any]):
    """A connection that does not wait forever for a server that went silent."""

    read_timeout: float | None = None
    used_at = float("-inf")

    def wait(
        self, gen: PQGen[Result], interval: float = 0.1, timeout: float | None = None
    ) -> Result:
        """Wait for the server. Raises psycopg.OperationalError after `read_timeout` seconds."""
        try:
            return super().wait(gen, interval, timeout or self.read_timeout)
        except psycopg.OperationalError as error:
            if self.pgconn.transaction_status != TransactionStatus.ACTIVE:
                raise
            self.pgconn.finish()  # its response, if it ever comes, belongs to nobody
            message = f"no response from the server within {self.read_timeout} seconds"
            raise psycopg.OperationalError(message) from error
        finally:
            self.used_at = time.monotonic()

    def is_quiet(self) -> bool:
        """Tell whether it was used a moment ago and the server has sent nothing since.

        A server that ends a connection sends that, so this sees it without asking the server.
        """
        if self.closed or time.monotonic() - self.used_at > TRUSTED_SECONDS:
            return False
        try:
            return not select.select([self.pgconn.socket], [], [], 0)[0]
        except ValueError:  # too many open files for `select`
            return False


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
        options["client_encoding"] = "utf8"  # any other can't carry every name
        connection = self._open(args, options)
        _check_encoding(connection)
        seconds = time_outs.of_statements(self.config)
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
                logger.warning(
                    "The connection pooler refuses time-outs: DATABASE_LOCK_TIMEOUT_SECONDS has no"
                    " effect. Set lock_timeout and statement_timeout with ALTER ROLE"
                )
        return Connection.connect(*args, **options)

    def _options(self, options: dict[str, Any]) -> str:
        seconds = time_outs.of_statements(self.config) or 0
        lock_seconds = self.config["DATABASE_LOCK_TIMEOUT_SECONDS"]
        limits = f"-c statement_timeout={seconds}s -c lock_timeout={lock_seconds}s"
        # The driver reads times in no other style than ISO.
        return f"-c datestyle=ISO {limits} {options.get('options', '')}".strip()


def check_options(url: URL) -> None:
    """Refuse options with which every connection would fail. Raises ValueError."""
    given = url.get_dialect()().create_connect_args(url)[1]
    unknown = given.keys() - {option.keyword.decode() for option in Conninfo.get_defaults()}
    if unknown:
        raise ValueError(f"has options that PostgreSQL doesn't have: {', '.join(sorted(unknown))}")
    if not str(given.get("connect_timeout", 1)).isdecimal():
        raise ValueError("has a connect_timeout that is no number of seconds")


def set_up(engine: Engine, config: Config) -> None:
    """Prepare every new connection of the engine."""
    # The event `do_connect` would do, but keep other listeners from being called.
    engine.dialect.connect = Connector(config).open  # type: ignore[assignment]  # a callable too
    ask = engine.dialect.do_ping

    def ping(connection: Any) -> bool:
        """Tell whether a pooled connection can be used. Asking takes as long as a statement."""
        return (isinstance(connection, Connection) and connection.is_quiet()) or ask(connection)

    engine.dialect.do_ping = ping  # type: ignore[method-assign, assignment]  # SQLAlchemy calls it

    @event.listens_for(engine, "handle_error")
    def note_full_disk(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == DISK_FULL:
            _full_at[0] = time.monotonic()

    _execute_alone(engine)


def _execute_alone(engine: Engine) -> None:
    """Run a statement with the option `alone` outside of a transaction, unless one has begun.

    BEGIN and ROLLBACK would be two more round trips. What follows is in a transaction as ever.
    """
    execute = engine.dialect.do_execute

    def do_execute(cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        connection, idle = cursor.connection, TransactionStatus.IDLE
        is_alone = context is not None and context.execution_options.get("alone")
        if not is_alone or connection.pgconn.transaction_status != idle:
            execute(cursor, statement, parameters, context)
            return
        connection.autocommit = True
        try:
            execute(cursor, statement, parameters, context)
        finally:
            if connection.pgconn.transaction_status == idle:  # else the connection was lost
                connection.autocommit = False

    engine.dialect.do_execute = do_execute  # type: ignore[method-assign]  # for this engine


def _check_encoding(connection: Connection) -> None:
    """Refuse a database that cannot hold every name. Raises psycopg.OperationalError."""
    encoding = (connection.pgconn.parameter_status(b"server_encoding") or b"UTF8").decode()
    if encoding != "UTF8":
        connection.close()
        raise psycopg.OperationalError(
            f"the database has the encoding {encoding}, the app needs UTF8: create it with"
            " CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0"
        )


def diagnose(error: BaseException | None) -> Fault:
    """Tell what an error of psycopg means; any other has no code and no message."""
    if not isinstance(error, psycopg.Error):
        return Fault()
    code = error.sqlstate or ""
    if not code:
        # The app could not reach the server, or psycopg refused to send what it was given.
        reachable = not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError)
        return Fault(message="" if reachable else str(error))
    free = code.startswith(VALUE_FREE) and code not in PARSED
    return Fault(
        code,
        (error.diag.message_primary or "") if free else _constraint(error),
        passing=code.startswith(PASSING),
        fatal=code.startswith(FATAL),
        busy=code.startswith(BUSY),
    )


def disk_is_full(_: SqlConnection) -> bool:
    """Tell whether a write of this process found the disk full a moment ago.

    The server itself only notices when it needs more of the disk.
    """
    return time.monotonic() - _full_at[0] < FULL_SECONDS


def violated_unique(error: BaseException | None) -> str | None:
    """Return the name of the unique constraint that a statement would have broken."""
    if isinstance(error, psycopg.Error) and error.sqlstate == UNIQUE_VIOLATION:
        return error.diag.constraint_name
    return None


def back_up(url: URL, file: Path) -> None:
    """Copy the database into an empty file with pg_dump. Raises ClickException."""
    public = url._replace(drivername="postgresql", password=None)
    backups.dump(
        ["pg_dump"],
        [
            "--format=custom",
            "--no-owner",
            "--no-privileges",
            "--no-password",  # never ask
            f"--file={file}",
            f"--dbname={public.render_as_string()}",
        ],
        {"PGPASSWORD": url.password} if isinstance(url.password, str) else {},
    )


def _constraint(error: psycopg.Error) -> str:
    """Return the names of what was violated, without the values."""
    names = (error.diag.table_name, error.diag.column_name, error.diag.constraint_name)
    return " ".join(name for name in names if name)
