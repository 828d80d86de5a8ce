"""Adapt the migrations that `flask db migrate` writes to MySQL and MariaDB."""

from datetime import UTC, datetime
from typing import Any

from alembic.migration import MigrationContext
from alembic.operations import ops
from sqlalchemy import URL, Connection, DateTime, Dialect, Engine, Index, UniqueConstraint, inspect
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.types import TypeEngine

NAMES = ("mysql", "mariadb")


def for_server(url: URL, engine: Engine) -> URL:
    """Return a URL that names MariaDB if that is what runs there: it has types of its own."""
    try:
        with engine.connect() as connection:
            is_mariadb = bool(getattr(connection.dialect, "is_mariadb", False))
    except SQLAlchemyError:
        return url  # without the server, only the URL can tell
    return url.set(drivername="mariadb+pymysql") if is_mariadb else url


def refuse_empty_dates(connection: Connection) -> None:
    """Let a new column of dates that cannot be NULL fail on rows: they would get 0000-00-00."""
    if connection.dialect.name in NAMES:
        modes = "CONCAT(@@sql_mode, ',NO_ZERO_DATE,NO_ZERO_IN_DATE')"
        connection.exec_driver_sql(f"SET SESSION sql_mode = {modes}")
        connection.commit()


def without_zone(
    value: Any, kind: TypeEngine[Any], dialect: Dialect
) -> tuple[Any, TypeEngine[Any]]:
    """Return a time in UTC without a zone, as the server stores it. Keep any other value."""
    if dialect.name in NAMES and isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC).replace(tzinfo=None), DateTime()
    return value, kind


def as_expression(constant: str, kind: TypeEngine[Any], dialect: Dialect) -> str:
    """Return the default of a long text or bytes as an expression, as MySQL requires."""
    stored = kind.compile(dialect=dialect).split()[0]
    if dialect.name in NAMES and stored.endswith(("TEXT", "BLOB", "JSON")):
        return f"({constant})"
    return constant


def release_indexes(changes: ops.OpContainer, context: MigrationContext) -> None:
    """Drop indexes that foreign keys need: the server refuses that unless the key goes first."""
    if context.connection is None or context.dialect.name not in NAMES:
        return
    for op in changes.ops:
        if isinstance(op, ops.ModifyTableOps):
            _release(op, context.connection)


def _release(table: ops.ModifyTableOps, connection: Connection) -> None:
    """Drop foreign keys while an index that they may need is dropped, and create them again.

    A key that finds no other index then gets one of its own, which the server creates.
    """
    lost = [columns for op in table.ops if (columns := _dropped_columns(op))]
    found = inspect(connection)
    if not lost or not found.has_table(table.table_name, schema=table.schema):
        return
    changed = {op.constraint_name for op in table.ops if isinstance(op, ops.DropConstraintOp)}
    removed = {op.column_name for op in table.ops if isinstance(op, ops.DropColumnOp)}
    for key in found.get_foreign_keys(table.table_name, schema=table.schema):
        columns = key["constrained_columns"]
        needed = any(each[: len(columns)] == columns for each in lost)
        if not needed or key["name"] in changed or removed.intersection(columns):
            continue
        create = ops.CreateForeignKeyOp(
            key["name"],
            table.table_name,
            key["referred_table"],
            columns,
            key["referred_columns"],
            source_schema=table.schema,
            referent_schema=key["referred_schema"],
            **key["options"],
        )
        table.ops = [create.reverse(), *table.ops, create]


def _dropped_columns(op: ops.MigrateOperation) -> list[str]:
    """Return the columns of an index, or of a unique constraint, that an operation drops."""
    dropped: object = None
    if isinstance(op, ops.DropIndexOp):
        dropped = op.to_index()
    elif isinstance(op, ops.DropConstraintOp) and op.constraint_type == "unique":
        dropped = op.to_constraint()
    if isinstance(dropped, Index | UniqueConstraint):
        return [column.name for column in dropped.columns]
    return []
