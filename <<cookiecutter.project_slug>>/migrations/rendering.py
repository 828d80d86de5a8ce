"""Render what `flask db migrate` writes, so that it also runs on tables with rows."""

import enum
import json
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, Literal

import click
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _repr_type
from alembic.migration import MigrationContext
from alembic.operations import ops
from sqlalchemy import (
    JSON,
    Column,
    DefaultClause,
    Dialect,
    Enum,
    MetaData,
    String,
    Table,
    TextClause,
    TypeDecorator,
    event,
    literal,
    text,
)
from sqlalchemy.exc import CompileError
from sqlalchemy.types import TypeEngine

from migrations import ordering

# What becomes of rows that get a new column without a value.
#: if cookiecutter.__backend != "mysql"
OTHERWISE = "adding it fails when the table has rows"
#: endif
#: if cookiecutter.__backend == "mysql"
OTHERWISE = "adding it fails when the table has rows, or gives them an empty value"
#: endif
# What `text` takes for a parameter.
PARAMETER = re.compile(r"(?<![:\w\\]):\w")


def render_item(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Render types of the app's own, and defaults in SQL; leave everything else to Alembic.

    A migration must run years later, when the class may be gone. So a `TypeDecorator` is written
    as what it is in the database; a type that isn't based on a class of SQLAlchemy's is imported.
    """
    if kind == "server_default":
        return _render_default(item, context)
    if kind != "type" or type(item).__module__.startswith("sqlalchemy."):
        return False
    if isinstance(item, TypeDecorator):
        assert context.dialect is not None  # noqa: S101 - there is always a connection
        return _repr_type(_public(item.load_dialect_impl(context.dialect)), context)
    context.imports.add(f"import {type(item).__module__}")
    return False


def _render_default(item: Any, context: AutogenContext) -> str | Literal[False]:
    """Render a default as it is: Alembic loses the escapes of `text` and keeps the driver's."""
    if not isinstance(item, DefaultClause) or isinstance(item.arg, str):
        return False
    migration = context.migration_context
    sql = _unescaped(
        migration.impl.render_ddl_sql_expr(item.arg, is_server_default=True), migration.dialect
    )
    return f"sa.text({(_escaped(sql) if PARAMETER.search(sql) else sql)!r})"


def _unescaped(sql: str, dialect: Dialect) -> str:
    """Return SQL without the escapes of a driver that marks parameters with %."""
    return sql.replace("%%", "%") if dialect.paramstyle in ("format", "pyformat") else sql


def _escaped(sql: str) -> str:
    """Return SQL for `text`, which takes a colon for the beginning of a parameter."""
    return sql.replace(":", r"\:")


@event.listens_for(Table, "column_reflect")
def read_default(_inspector: object, _table: object, column: Any) -> None:
    """Read a column's default from the database as it is: a colon in it begins no parameter."""
    if isinstance(column.get("default"), str):
        column["default"] = _escaped(column["default"])


def _public(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """Return the type as a class that SQLAlchemy exports instead of the dialect's own."""
    for cls in type(kind).__mro__:
        parts = cls.__module__.split(".")
        package = import_module(".".join(parts[: 3 if parts[1:2] == ["dialects"] else 1]))
        if getattr(package, cls.__name__, None) is cls:
            return kind if cls is type(kind) else kind.adapt(cls)
    return kind


def complete(
    context: MigrationContext, _revision: object, scripts: list[ops.MigrationScript]
) -> None:
    """Adjust what Alembic found before it is written."""
    #: if cookiecutter.__backend == "mysql"
    from migrations import mysql

    #: endif
    command: Any = context.config.cmd_opts if context.config else None
    if getattr(command, "autogenerate", False) and all(
        script.upgrade_ops is None or script.upgrade_ops.is_empty() for script in scripts
    ):
        scripts.clear()
        click.echo("Nothing to migrate: the database matches the models.", err=True)
    for script in scripts:
        if script.upgrade_ops is None or script.downgrade_ops is None:
            continue
        for changes, place in (
            (script.upgrade_ops, "the new migration"),
            (script.downgrade_ops, "the downgrade of the new migration"),
        ):
            ordering.arrange(changes)
            #: if cookiecutter.__backend == "mysql"
            mysql.release_indexes(changes, context)
            #: endif
            _fill_new_columns(changes, context, place)


def _fill_new_columns(changes: ops.OpContainer, context: MigrationContext, place: str) -> None:
    """Give existing rows the model's default in each new column that may not be NULL.

    Where there is none, say so: `place` is what has to be edited.
    """
    metadata: MetaData = context.opts["target_metadata"]
    for op in _operations(changes.ops):
        if not isinstance(op, ops.AddColumnOp):
            continue
        column = op.column
        if column.nullable or column.server_default is not None:
            continue
        table = metadata.tables.get(f"{op.schema}.{op.table_name}" if op.schema else op.table_name)
        model = None if table is None else table.c.get(column.name)
        default = None if model is None else _server_default(model, context.dialect)
        if default is None:
            click.echo(
                f"Edit {place}: {op.table_name}.{column.name} cannot be NULL and has no constant"
                f" default in a model, so {OTHERWISE}.",
                err=True,
            )
            continue
        op.column = Column(
            column.name,
            column.type,
            nullable=False,
            server_default=default,
            comment=column.comment,
        )


def _operations(operations: Iterable[ops.MigrateOperation]) -> Iterator[ops.MigrateOperation]:
    for op in operations:
        yield op
        if isinstance(op, ops.OpContainer):
            yield from _operations(op.ops)


def _server_default(model: Column[Any], dialect: Dialect) -> str | TextClause | None:
    """Return the model's default for the database; None if it has none or Python computes it."""
    default: Any = model.default
    if default is None or not default.is_scalar:
        return None
    value, kind = default.arg, model.type
    if isinstance(value, enum.Enum) and isinstance(kind, Enum):
        return value.name if value.name in kind.enums else str(value.value)
    if type(value) is str and type(kind) is String:
        return value
    if isinstance(kind, JSON):
        value, kind = json.dumps(value), String()
    #: if cookiecutter.__backend == "postgresql"
    from sqlalchemy import ARRAY

    if isinstance(kind, ARRAY) and not value:
        value, kind = "{}", String()  # as ARRAY[] has no type
    #: endif
    #: if cookiecutter.__backend == "mysql"
    from migrations import mysql

    value, kind = mysql.without_zone(value, kind, dialect)
    #: endif
    try:
        sql = literal(value, kind).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    except (CompileError, NotImplementedError):
        return None
    constant = _unescaped(str(sql), dialect)
    #: if cookiecutter.__backend == "mysql"
    constant = mysql.as_expression(constant, model.type, dialect)
    #: endif
    return text(_escaped(constant))
