"""What SQLite has to be told on every connection."""

import sqlite3
from typing import Any

from flask import Flask
from sqlalchemy import event

from app.extensions import db


def init_app(app: Flask) -> None:
    """Have every new connection of the app's engine set up."""
    with app.app_context():
        event.listen(db.engine, "connect", _set_pragmas)


def _set_pragmas(connection: Any, _record: object) -> None:
    """Enforce foreign keys, and let readers go on while somebody writes."""
    if isinstance(connection, sqlite3.Connection):
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
