"""What `flask db migrate` writes: files that run as they are, on filled tables too."""

import enum
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Any, Literal

import click
from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import _repr_type
from alembic.migration import MigrationContext
from alembic.operations import ops
from sqlalchemy import (
    Column,
    Dialect,
    Enum,
    MetaData,
    String,
    Text,
    TextClause,
    TypeDecorator,
    literal,
    text,
)
from sqlalchemy.exc import CompileError
from sqlalchemy.types import TypeEngine


def render_item(kind: str, item: Any, context: AutogenContext) -> str | Literal[False]:
    """Render a type of the app's own; leave everything else to Alembic.

    A migration must run years later, when the class may be gone. So a `TypeDecorator` is written
    as what it is in the database; a type that no class of SQLAlchemy's stands behind is imported.
    """
    if kind != "type" or type(item).__module__.startswith("sqlalchemy."):
        return False
    if isinstance(item, TypeDecorator):
        assert context.dialect is not None  # noqa: S101 - there is always a connection
        return _repr_type(_public(item.load_dialect_impl(context.dialect)), context)
    context.imports.add(f"import {type(item).__module__}")
    return False


def _public(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    """The type as a class that SQLAlchemy exports, since a dialect has classes of its own."""
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
    command: Any = context.config.cmd_opts if context.config else None
    if getattr(command, "autogenerate", False) and all(
        script.upgrade_ops is None or script.upgrade_ops.is_empty() for script in scripts
    ):
        scripts.clear()
        click.echo("Nothing to migrate: the database matches the models.", err=True)
    for script in scripts:
        if script.upgrade_ops is None or script.downgrade_ops is None:
            continue
        for changes in (script.upgrade_ops, script.downgrade_ops):
            _leave_indexes_to_their_tables(changes)
            _fill_new_columns(changes, context)


def _leave_indexes_to_their_tables(changes: ops.OpContainer) -> None:
    """Drop no index of a table that is dropped: a foreign key may need it until then."""
    dropped = {op.table_name for op in changes.ops if isinstance(op, ops.DropTableOp)}
    for op in changes.ops:
        if isinstance(op, ops.ModifyTableOps) and op.table_name in dropped:
            op.ops = [each for each in op.ops if not isinstance(each, ops.DropIndexOp)]


def _fill_new_columns(changes: ops.OpContainer, context: MigrationContext) -> None:
    """Give existing rows the model's default in each new column that may not be NULL."""
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
                f"Edit the new migration: {op.table_name}.{column.name} cannot be NULL and its model"
                " has no constant default, so adding it fails when the table has rows.",
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
    """The model's default for the database; None if it has none or Python computes it."""
    default: Any = model.default
    if default is None or not default.is_scalar:
        return None
    value, kind = default.arg, model.type
    if isinstance(value, enum.Enum) and isinstance(kind, Enum):
        return value.name if value.name in kind.enums else str(value.value)
    if type(value) is str and type(kind) in (String, Text):
        return value
    try:
        sql = literal(value, kind).compile(dialect=dialect, compile_kwargs={"literal_binds": True})
    except (CompileError, NotImplementedError):
        return None
    return text(str(sql))
