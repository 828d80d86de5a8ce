"""What SQLite needs on every connection, and what its errors mean."""

import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from flask import Config
from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event
from sqlalchemy.exc import OperationalError

from app.database.faults import Fault

# The beginnings of SQLite's names for errors. No longer writable, on a damaged disk, or moved.
FATAL = ("SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_CORRUPT", "SQLITE_NOTADB")
PASSING = (*FATAL, "SQLITE_BUSY", "SQLITE_FULL", "SQLITE_LOCKED", "SQLITE_NOMEM", "SQLITE_PROTOCOL")
BUSY = ("SQLITE_BUSY", "SQLITE_LOCKED")
MISSING = re.compile(r"no such (table|column): ")
# The beginnings of other messages that name what the schema calls things, never a value.
VALUE_FREE = re.compile(
    r"(no such \w+: |error in \w+ |near \".*\": syntax error|\w+ constraint failed: |foreign key "
    r"|(table|view|trigger|index) \S+ already exists|there is already |duplicate column name: "
    r"|table \S+ has |AUTOINCREMENT is |cannot (add|drop|rename|modify|create) |Cannot add a |view \S+ is circularly )"
)
UNIQUE = re.compile(r"UNIQUE constraint failed: (\w+)\.(\w+)")
BACKUP_SUFFIX = ".sqlite3"
# Less than this is no place for another transaction.
MIN_FREE_BYTES = 1024 * 1024
# Of SQLite's virtual machine, thousands of which take a millisecond.
STEPS_BETWEEN_SIGNALS = 10_000
# To this size the log of changes shrinks again.
LOG_BYTES = 32 * 1024 * 1024


def set_up(engine: Engine, config: Config) -> None:
    """Prepare every new connection of the engine."""
    event.listen(engine, "connect", _set_pragmas)

    @event.listens_for(engine, "do_connect")
    def limit_waiting(
        _dialect: object, _record: object, _args: object, options: dict[str, Any]
    ) -> None:
        """Wait only so long for a lock. What the URL or the owner's options say wins."""
        options.setdefault("timeout", config["DATABASE_LOCK_TIMEOUT_SECONDS"])


def _set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
    """Enforce foreign keys, and let readers continue during a write."""
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    # The log of changes would otherwise keep the size that it once had.
    connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")


def diagnose(error: BaseException | None) -> Fault:
    """Tell what an error of sqlite3 means; any other has no code and no message."""
    if not isinstance(error, sqlite3.Error):
        return Fault()
    code, message = getattr(error, "sqlite_errorname", ""), str(error)
    passing = code.startswith(PASSING) or bool(MISSING.search(message))
    return Fault(
        code,
        message if not code or passing or VALUE_FREE.search(message) else "",
        passing,
        fatal=code.startswith(FATAL),
        busy=code.startswith(BUSY),
    )


def violated_unique(error: BaseException | None) -> str | None:
    """Return the name of the unique constraint that a statement would have broken."""
    found = UNIQUE.search(str(error))
    return f"uq_{found[1]}_{found[2]}" if found else None  # SQLite tells its table and columns


def back_up(url: URL, file: Path) -> None:
    """Copy the database into an empty file; others can read and write meanwhile."""
    with create_engine(url, poolclass=NullPool).connect() as connection:
        driver: Any = connection.connection.driver_connection
        # Python handles signals, such as SIGTERM, only when it is called.
        driver.set_progress_handler(lambda: 0, STEPS_BETWEEN_SIGNALS)
        try:
            connection.exec_driver_sql("VACUUM INTO ?", (str(file),))
        except OperationalError as error:
            if getattr(error.orig, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
                raise KeyboardInterrupt from None
            raise


def disk_is_full(connection: Connection) -> bool:
    """Tell whether there is no room for another transaction."""
    file = connection.exec_driver_sql("PRAGMA database_list").first()
    return file is not None and file[2] and shutil.disk_usage(file[2]).free < MIN_FREE_BYTES
