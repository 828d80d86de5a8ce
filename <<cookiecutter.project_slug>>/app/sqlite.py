"""What SQLite has to be told on every connection."""

import sqlite3
from typing import Any

from flask import Config
from sqlalchemy import Engine, event


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
    """Enforce foreign keys, and let readers go on while somebody writes."""
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
