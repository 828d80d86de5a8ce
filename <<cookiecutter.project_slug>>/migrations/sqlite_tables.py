"""Keep everything of a SQLite table when Alembic copies it; `flask db check` notices otherwise.

Alembic reads a table's definition from the database to make the copy, but not all of it: not
AUTOINCREMENT, collations, triggers, indexes on expressions, checks without a name.
"""

import re
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import click
from alembic.autogenerate import comparators, renderers
from alembic.autogenerate.api import AutogenContext
from alembic.ddl.sqlite import SQLiteImpl
from alembic.operations import ops
from alembic.operations.batch import ApplyBatchImpl
from sqlalchemy import (
    Cast,
    CheckConstraint,
    Column,
    Connection,
    Date,
    DateTime,
    Index,
    String,
    Table,
    func,
    select,
)
from sqlalchemy.exc import OperationalError

from migrations import rendering  # noqa: F401 - it reads defaults as they are

# What may contain the word AUTOINCREMENT without meaning it.
QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|/\*.*?\*/""", re.DOTALL)


def has_autoincrement(connection: Connection, table: str) -> bool:
    """Return whether a table of the database never gives a deleted row's id to a new row."""
    statement = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    sql = connection.exec_driver_sql(statement, (table,)).scalar()
    if sql is None:  # SQLite would find it, SQLAlchemy would miss its primary key
        raise click.ClickException(f"No table is called {table}: check upper and lower case.")
    return "AUTOINCREMENT" in QUOTED.sub("", sql).upper()


class Sqlite(SQLiteImpl):
    """Alembic's SQLite operations, which copy a table without losing anything.

    Alembic uses the class that was defined last for a dialect.
    """

    __dialect__ = "sqlite"
    transactional_ddl = True
    batch: ApplyBatchImpl | None = None
    # The triggers and indexes to create again: SQL by name.
    originals: Mapping[str, str] = MappingProxyType({})

    def prep_table_for_batch(self, batch_impl: ApplyBatchImpl, table: Table) -> None:
        """Complete the copy's definition before it is created."""
        copy = batch_impl.new_table
        if self.connection is None or self.as_sql or copy is None:
            return
        self.batch = batch_impl
        self.originals = _originals(self.connection, batch_impl)
        _refuse_losses(self.connection, batch_impl)
        if "sqlite_autoincrement" not in batch_impl.table_kwargs:
            kept = has_autoincrement(self.connection, table.name)
            copy.dialect_options["sqlite"]["autoincrement"] = kept
        for name, collation in _collations(self.connection, table).items():
            column = batch_impl.columns.get(name)
            if column is not None and isinstance(column.type, String):
                column.type.collation = column.type.collation or collation
        for name, column in batch_impl.columns.items():
            if column.computed is not None:  # SQLite computes it again
                batch_impl.column_transfers[name].pop("expr", None)
        if not batch_impl.table_args and not _renamed_or_dropped(batch_impl):
            for check in table.constraints:
                if isinstance(check, CheckConstraint) and check.name is None:
                    copy.append_constraint(CheckConstraint(check.sqltext))

    def cast_for_batch_migrate(
        self, existing: Column[Any], existing_transfer: dict[str, Any], new_type: Any
    ) -> None:
        """Convert a column to another type. SQLite's CAST would leave the year of a date."""
        stored = existing_transfer["expr"]
        date = func.date(stored, type_=String)
        if isinstance(new_type, Date) and not isinstance(existing.type, Date):
            existing_transfer["expr"] = date
        elif isinstance(new_type, DateTime) and not isinstance(existing.type, DateTime):
            time = func.nullif(func.substr(stored, len("2026-01-31") + 1), "")
            existing_transfer["expr"] = date + func.coalesce(time, " 00:00:00.000000")
        else:
            super().cast_for_batch_migrate(existing, existing_transfer, new_type)

    def drop_table(self, table: Table, **kw: Any) -> None:
        """Drop a table. Its copy keeps counting ids where the original stopped."""
        if self.batch and self.connection and table is self.batch.table:
            _keep_counting(self.connection, table.name, self.batch.temp_table_name)
        super().drop_table(table, **kw)

    def rename_table(self, old_table_name: str, new_table_name: Any, schema: Any = None) -> None:
        """Rename a table. A copy that takes its original's name gets its triggers and indexes."""
        rename = partial(super().rename_table, old_table_name, new_table_name, schema)
        if not self.batch or not self.connection or old_table_name != self.batch.temp_table_name:
            rename()
            return
        # Views and triggers may use the original, which does not exist at this moment.
        self.connection.exec_driver_sql("PRAGMA legacy_alter_table = ON")
        rename()
        self.connection.exec_driver_sql("PRAGMA legacy_alter_table = OFF")
        for name, sql in self.originals.items():
            try:
                self.connection.exec_driver_sql(sql)
            except OperationalError as error:
                raise click.ClickException(
                    f"Nothing was changed, because {name} does not fit the changed table "
                    f"{new_table_name}: {error.orig}. Drop it first and create it again afterwards."
                ) from None

    def create_index(self, index: Index, **kw: Any) -> None:
        """Create an index, unless it is one of the originals."""
        restored = self.batch and index.table is self.batch.new_table
        if not restored or index.name not in self.originals:
            super().create_index(index, **kw)


def _refuse_losses(connection: Connection, batch: ApplyBatchImpl) -> None:
    """Refuse another type of a column that cannot hold what is stored in it.

    Other databases refuse it themselves; SQLite would store 0 in place of a text.
    """
    for name, transfer in batch.column_transfers.items():
        copied: Any = transfer.get("expr")
        stored = batch.table.c.get(name)
        if copied is None or stored is None or copied is stored:
            continue
        kept = copied == stored if isinstance(copied, Cast) else copied.is_not(None)
        lost = select(func.count()).select_from(batch.table).where(stored.is_not(None), ~kept)
        if count := connection.scalar(lost):
            raise click.ClickException(
                f"Nothing was changed, because {count} values of {batch.table.name}.{name} do not"
                f" fit the type {batch.columns[name].type}. Convert them first, with op.execute(…)."
            )


def _originals(connection: Connection, batch: ApplyBatchImpl) -> dict[str, str]:
    """Return the table's triggers and indexes, except those that Alembic changes or drops."""
    statement = "SELECT name, type, sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL"
    rows = connection.exec_driver_sql(statement, (batch.table.name,)).fetchall()
    reflected = {index.name for index in batch.table.indexes}
    kept = set() if _renamed_or_dropped(batch) else set(batch.indexes)
    return {
        name: sql
        for name, kind, sql in rows
        if kind == "trigger" or (kind == "index" and (name in kept or name not in reflected))
    }


def _renamed_or_dropped(batch: ApplyBatchImpl) -> bool:
    """Return whether a column of the original is missing in the copy, or has another name there."""
    names = set(batch.new_table.c.keys()) if batch.new_table is not None else set()
    return not names.issuperset(column.name for column in batch.table.c)


def _collations(connection: Connection, table: Table) -> dict[str, str]:
    """Return each column's collation. SQLite only tells it for an index, which may be empty."""
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(quote(column.name) for column in table.c)
    connection.exec_driver_sql(
        f"CREATE INDEX _collations ON {quote(table.name)} ({columns}) WHERE 0"
    )
    rows = connection.exec_driver_sql("PRAGMA index_xinfo(_collations)").fetchall()
    connection.exec_driver_sql("DROP INDEX _collations")
    return {name: collation for _, _, name, _, collation, _ in rows if collation != "BINARY"}


def _keep_counting(connection: Connection, original: str, copy: str) -> None:
    """Let a copy with AUTOINCREMENT never reuse an id of its original, even of deleted rows."""
    if not has_autoincrement(connection, copy):
        return
    select = "SELECT seq FROM sqlite_sequence WHERE name = ?"
    last = connection.exec_driver_sql(select, (original,)).scalar()
    if last is not None:
        connection.exec_driver_sql("DELETE FROM sqlite_sequence WHERE name = ?", (copy,))
        insert = "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)"
        connection.exec_driver_sql(insert, (copy, last))


class AutoincrementOp(ops.MigrateOperation):
    """Add AUTOINCREMENT to a table, or remove it."""

    def __init__(self, table: str, wanted: bool) -> None:
        self.table = table
        self.wanted = wanted

    def reverse(self) -> ops.MigrateOperation:
        """Return the operation of the downgrade."""
        return AutoincrementOp(self.table, not self.wanted)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        """Return what `flask db check` prints."""
        return ("autoincrement", self.table, self.wanted)


@comparators.dispatch_for("schema")
def compare_autoincrement(
    context: AutogenContext, changes: ops.UpgradeOps, _schemas: object
) -> None:
    """Find tables whose AUTOINCREMENT differs from the models."""
    connection, metadata = context.connection, context.metadata
    if connection is None or metadata is None or connection.dialect.name != "sqlite":
        return
    present = set(context.inspector.get_table_names())
    for table in metadata.tables.values():  # type: ignore[union-attr]
        wanted = bool(table.dialect_options["sqlite"]["autoincrement"])
        if table.name in present and has_autoincrement(connection, table.name) != wanted:
            changes.ops.append(AutoincrementOp(table.name, wanted))


@renderers.dispatch_for(AutoincrementOp)
def render_autoincrement(_context: AutogenContext, op: AutoincrementOp) -> list[str]:
    """Write a copy of the table without any other change."""
    keywords = f"table_kwargs={{'sqlite_autoincrement': {op.wanted}}}"
    return [f"with op.batch_alter_table({op.table!r}, recreate='always', {keywords}):", "pass", ""]
