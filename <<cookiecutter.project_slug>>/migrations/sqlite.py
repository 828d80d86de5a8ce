"""Run migrations on SQLite in one transaction, without deleting rows.

SQLite changes most of a table by copying it and dropping the original (Alembic's "batch mode").
With foreign keys enforced, dropping a table first deletes every row that refers to it.
"""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

NAMED_ROWS = 10
# What Alembic and SQLAlchemy say gets lost in a copy; see migrations/sqlite_tables.py.
KEPT = ("Unnamed CHECK constraint on", "Skipped unsupported reflection of expression-based index")

Row = tuple[Any, ...]


@contextmanager
def one_transaction(connection: Connection) -> Iterator[None]:
    """Run migrations as a whole or not at all, one process at a time, with foreign keys off.

    The transaction begins explicitly, because Python's driver begins none before DDL. Foreign keys
    have to be turned off before it: inside a transaction, SQLite ignores that.

    Raises:
        click.ClickException: A row refers to a row that does not exist, or a view or a trigger to
            a column that does not. Nothing was changed.
    """
    driver: Any = connection.connection.driver_connection
    if driver.in_transaction:
        raise click.ClickException(
            "Migrations need a connection of their own: this one is in a transaction, in which"
            " foreign keys cannot be turned off."
        )
    connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
    try:
        _begin(connection)
        before = _orphans(connection)
        broken_before = _broken(connection)
        with warnings.catch_warnings():
            for message in KEPT:
                warnings.filterwarnings("ignore", message)
            yield
        _refuse_orphans(_orphans(connection), before)
        _refuse_broken(_broken(connection), broken_before)
        connection.exec_driver_sql("COMMIT")
    finally:
        if driver.in_transaction:
            connection.exec_driver_sql("ROLLBACK")
        connection.exec_driver_sql("PRAGMA foreign_keys = ON")


def _begin(connection: Connection) -> None:
    """Become the only writer, after waiting for others."""
    said = False
    while True:
        try:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            return
        except OperationalError as error:
            if "locked" not in str(error.orig):
                raise
        if not said:
            click.echo("Waiting: another process is writing to this database.", err=True)
            said = True
        time.sleep(0.1)


def _orphans(connection: Connection) -> list[Row]:
    """Return rows that refer to a missing row: each as table, rowid and the table it refers to."""
    try:
        rows = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    except OperationalError as error:  # such as a reference to columns that are not unique
        raise click.ClickException(f"Nothing was changed: {error.orig}.") from None
    return [tuple(row)[:3] for row in rows]


def _refuse_orphans(orphans: list[Row], before: list[Row]) -> None:
    if not orphans:
        return
    named = [f"{table} rowid {rowid} -> {parent}" for table, rowid, parent in orphans[:NAMED_ROWS]]
    if len(orphans) > NAMED_ROWS:
        named.append(f"and {len(orphans) - NAMED_ROWS} more")
    cause = (
        "These were there before the migration: repair or delete them, then run it again."
        if set(orphans) <= set(before)
        else "Change the migration so that it leaves none behind."
    )
    raise click.ClickException(
        "Nothing was changed, because these rows refer to rows that do not exist: "
        f"{', '.join(named)}. {cause}"
    )


def _broken(connection: Connection) -> str:
    """Return what is wrong with the first view or trigger that can't work, or an empty string.

    SQLite checks all of them when it renames a table. A copied table has left those of other
    tables as they were, even if they name a column that is gone.
    """
    connection.exec_driver_sql("CREATE TABLE _broken (id INTEGER)")
    try:
        connection.exec_driver_sql("ALTER TABLE _broken RENAME TO _broken_too")
        connection.exec_driver_sql("ALTER TABLE _broken_too RENAME TO _broken")
    except OperationalError as error:
        return str(error.orig)
    finally:
        connection.exec_driver_sql("DROP TABLE _broken")
    return ""


def _refuse_broken(broken: str, before: str) -> None:
    if broken and broken != before:
        raise click.ClickException(
            f"Nothing was changed, because something does not fit the changed tables: {broken}."
            " Drop it in the migration first, and create it again at the end."
        )
