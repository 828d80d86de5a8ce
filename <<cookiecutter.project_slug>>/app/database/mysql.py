"""What MySQL and MariaDB need: time-outs, and another try after a deadlock."""

import re
import time
from inspect import signature
from pathlib import Path
from typing import Any
from weakref import WeakSet

import pymysql
from flask import Config
from sqlalchemy import URL, Connection, Engine, RootTransaction, event
from sqlalchemy.engine.interfaces import DBAPICursor, ExceptionContext, ExecutionContext

from app.database import backups, time_outs
from app.database.faults import Fault

# How much longer the app waits than the server should take, in seconds.
MARGIN_SECONDS = 1

# Error numbers, from the servers' references. The messages of all of these hold no value.
READ_ONLY = {1290, 1792, 1836, 1874, 3100}
DISK_FULL = {1021, 1114}  # or a table is
SHUTTING_DOWN = {1047, 1053, 1077, 1079, 1927, 3169, 4031}
PASSING = {
    *READ_ONLY,
    *SHUTTING_DOWN,
    *DISK_FULL,
    1030,  # the storage engine failed
    *(1037, 1038, 1040, 1041, 1129, 1203, 1226),  # memory or connections are used up
    *(1044, 1045, 1049, 1130, 1142, 1143, 1227, 1698),  # sign-in refused, no such database, rights
    *(1054, 1146),  # a column or a table is missing
    *(1158, 1159, 1160, 1161),  # the network
    *(1205, 1213, 1317, 1969, 3024),  # lock time-out, deadlock, interrupted, statement time-out
    *range(2000, 3000),  # the client's own: no connection, or a lost one
}
# No fault that passes, but the message names only what the schema calls things, never a value.
VALUE_FREE = {
    *(1005, 1050, 1051, 1060, 1061, 1068, 1069, 1072, 1075, 1090, 1091),  # is there, or is missing
    *(1067, 1071, 1074, 1101, 1118, 1138, 1166, 1170, 1901),  # the definition of a column or index
    *(1215, 1217, 1451, 1452, 1553, 1822, 1826, 1828, 1829, 1830, 1832, 1833),  # foreign keys
    *(3730, 3780),  # foreign keys, in MySQL
    *(1048, 1264, 1265, 1364, 1406, 3819, 4025),  # a value does not fit its column or a check
}
DUPLICATE_ENTRY = 1062
# Lock time-out, deadlock.
BUSY = {1205, 1213}
# For how many seconds the app is unhealthy after a write found the disk full.
FULL_SECONDS = 60
DEADLOCK = 1213
# How long a statement that met a deadlock waits before each new try, in seconds.
DEADLOCK_PAUSES = (0.01, 0.02, 0.04, 0.08)
# The rows that these read stay locked until the end of the transaction.
LOCKING_READ = re.compile(r"\bFOR (UPDATE|SHARE)\b|\bLOCK IN SHARE MODE\b")
BACKUP_SUFFIX = ".sql"
# Options of the URL that the client's program has too.
CLIENT_OPTIONS = {"unix_socket": "socket", "ssl_ca": "ssl-ca"}
KEY = re.compile(r"for key '([^']+)'$")


def check_options(url: URL) -> None:
    """Refuse options with which every connection would fail. Raises ValueError."""
    given = url.get_dialect()().create_connect_args(url)[1]
    unknown = given.keys() - signature(pymysql.Connection).parameters.keys()
    if unknown:
        raise ValueError(f"has options that PyMySQL doesn't have: {', '.join(sorted(unknown))}")


_full_at = [float("-inf")]


def set_up(engine: Engine, config: Config) -> None:
    """Prepare every new connection of the engine."""

    @event.listens_for(engine, "do_connect")
    def limit_waiting(
        _dialect: object, _record: object, _args: object, options: dict[str, Any]
    ) -> None:
        """Wait only so long for the server. What the URL or the owner's options say wins."""
        options["charset"] = "utf8mb4"  # any other can't carry every name
        options.setdefault("connect_timeout", config["DATABASE_CONNECT_TIMEOUT_SECONDS"])
        seconds = time_outs.of_statements(config)
        if seconds is not None:
            options.setdefault("read_timeout", seconds + MARGIN_SECONDS)
            options.setdefault("write_timeout", seconds + MARGIN_SECONDS)

    @event.listens_for(engine, "connect")
    def limit_server(connection: Any, _record: object) -> None:
        """Set the time-outs. Each server reads the comments that are for it."""
        lock_seconds = config["DATABASE_LOCK_TIMEOUT_SECONDS"]
        seconds = time_outs.of_statements(config) or 0
        with connection.cursor() as cursor:
            cursor.execute(
                f"SET innodb_lock_wait_timeout = {lock_seconds}, lock_wait_timeout = {lock_seconds}"
                f" /*M! , max_statement_time = {seconds} */"
                f" /*!80000 , max_execution_time = {seconds * 1000} */"
            )

    @event.listens_for(engine, "handle_error")
    def note_full_disk(context: ExceptionContext) -> None:
        error = context.original_exception
        if isinstance(error, pymysql.Error) and _parts(error)[0] in DISK_FULL:
            _full_at[0] = time.monotonic()

    options = config.get("SQLALCHEMY_ENGINE_OPTIONS", {})
    repeat_after_deadlock(engine, options.get("isolation_level"))


def repeat_after_deadlock(engine: Engine, level: str | None) -> None:
    """Execute a statement again that met a deadlock before its transaction had locked anything.

    Several INSERTs of one value, such as an email address, meet a deadlock where a deleted row
    with it is not purged yet. The server has rolled back the transaction, so that any other
    statement that fails must fail as a whole. So must one at another isolation level than READ
    COMMITTED, where what a transaction has read counts too. `level` is that of the engine.
    """
    locking: WeakSet[RootTransaction] = WeakSet()

    @event.listens_for(engine, "do_execute")
    def execute(
        cursor: DBAPICursor, statement: str, parameters: Any, context: ExecutionContext
    ) -> bool:
        connection = context.root_connection
        own_level = connection.get_execution_options().get("isolation_level", level)
        if own_level != "READ COMMITTED" or connection.get_transaction() in locking:
            return False
        for pause in DEADLOCK_PAUSES:
            try:
                cursor.execute(statement, parameters)
                return True
            except pymysql.OperationalError as error:
                if _parts(error)[0] != DEADLOCK:
                    raise
                time.sleep(pause)
        return False

    @event.listens_for(engine, "after_cursor_execute")
    def note(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        transaction = connection.get_transaction()
        reads = statement.startswith("SELECT ") and not LOCKING_READ.search(statement)
        if isinstance(transaction, RootTransaction) and not reads:
            locking.add(transaction)


def diagnose(error: BaseException | None) -> Fault:
    """Tell what an error of PyMySQL means; any other has no code and no message."""
    if not isinstance(error, pymysql.Error):
        return Fault()
    number, message = _parts(error)
    if number in PASSING:
        fatal = number in READ_ONLY | SHUTTING_DOWN
        return Fault(str(number), message, passing=True, fatal=fatal, busy=number in BUSY)
    if number in VALUE_FREE:
        return Fault(str(number), message)
    key = violated_unique(error)
    # PyMySQL's own errors are numbered 0: a connection that is closed, a broken protocol.
    return Fault(str(number or ""), f"for key '{key}'" if key else "")


def disk_is_full(_: Connection) -> bool:
    """Tell whether a write of this process found the disk full a moment ago.

    The server itself only notices when it needs more of the disk.
    """
    return time.monotonic() - _full_at[0] < FULL_SECONDS


def violated_unique(error: BaseException | None) -> str | None:
    """Return the name of the unique constraint that a statement would have broken."""
    if not isinstance(error, pymysql.Error):
        return None
    number, message = _parts(error)
    key = KEY.search(message) if number == DUPLICATE_ENTRY else None
    return key[1].rpartition(".")[2] if key else None


def back_up(url: URL, file: Path) -> None:
    """Copy the database into an empty file with the server's program. Raises ClickException."""
    given: dict[str, object] = {"host": url.host, "port": url.port, "user": url.username}
    given |= {name: url.query.get(key) for key, name in CLIENT_OPTIONS.items()}
    backups.dump(
        ["mariadb-dump", "mysqldump"],
        [
            *(f"--{name}={value}" for name, value in given.items() if value),
            "--single-transaction",
            "--quick",
            "--hex-blob",
            "--no-tablespaces",  # for which MySQL asks for a right of the whole server
            "--default-character-set=utf8mb4",
            f"--result-file={file}",
            str(url.database),
        ],
        {"MYSQL_PWD": url.password} if isinstance(url.password, str) else {},
    )


def _parts(error: pymysql.Error) -> tuple[int, str]:
    """Return the number and the message of an error."""
    number, message = (*error.args, None, None)[:2]
    return (number, str(message)) if isinstance(number, int) else (0, "")
