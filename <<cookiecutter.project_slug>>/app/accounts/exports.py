"""Export everything stored about an account, also from tables that are added later.

A table belongs to an account through its foreign keys: its rows are exported if the first of them
that leads to `accounts` leads to this account, directly or through other tables. So a message is
exported for its sender, and a comment for its author, not for the owner of the post.

A column or table is marked in its model where that is not right:

- `info={"export": False}` leaves out a column or a table, or ignores a foreign key,
- `info={"export": True}` adds a column that looks secret, or the rows that a second foreign key
  assigns to the account.
"""

import base64
import math
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any, cast

from sqlalchemy import (
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    Table,
    or_,
    select,
    tuple_,
)

from app.accounts.models import Account, MailedToken
from app.columns import timestamp
from app.extensions import db

ACCOUNTS = cast(Table, Account.__table__)
# Parts that every export has.
OWN = ("sessions", "devices", "mailed_links")
# What the parts of an export are called, where that is not the name of their table.
NAMES = {MailedToken.__tablename__: "mailed_links"}
# A column `public_id` is shown to people in place of `id`.
PUBLIC = "public_"
# A column with one of these words in its name holds what only the server may know.
SECRET = re.compile(
    r"(^|_)(hash|digest|salt|token|secret|password|passphrase|pin|otp|totp|key)s?(_|$)"
)


def collect(account: Account, accounts: Table = ACCOUNTS) -> dict[str, Any]:
    """Return everything about an account, ready for JSON, without secrets.

    Returns:
        `account`, then a list of rows for each table. A table without rows is left out, unless it
        is one of the app's own.
    """
    mine = accounts.c.id == account.id
    (found,) = _rows(accounts, mine)
    exported: dict[str, Any] = {"account": found, **{name: [] for name in OWN}}
    for table, condition in _conditions(accounts, mine).items():
        rows = _rows(table, condition)
        name = NAMES.get(table.name, table.fullname)
        if rows and table is not accounts:
            exported[f"table {name}" if exported.get(name) else name] = rows
    return exported


def _conditions(accounts: Table, mine: ColumnElement[bool]) -> dict[Table, ColumnElement[bool]]:
    """For each table that leads to `accounts`: the condition for the rows of this account."""
    found = {accounts: mine}
    while True:
        # A level at a time, so that the shortest way to an account counts.
        level = {
            table: or_(*(_refers(link, found[link.referred_table]) for link in links))
            for table in accounts.metadata.tables.values()
            if table not in found and (links := list(_links(table, found)))
        }
        if not level:
            break
        found |= level
    return {table: condition for table, condition in found.items() if _marked(table) is not False}


def _links(
    table: Table, found: Mapping[Table, ColumnElement[bool]]
) -> Iterator[ForeignKeyConstraint]:
    """Yield the first foreign key to one of the tables, and others that are marked."""
    columns = list(table.columns)
    keys = sorted(
        table.foreign_key_constraints, key=lambda each: columns.index(each.elements[0].parent)
    )
    usable = [key for key in keys if key.referred_table in found and _key_mark(key) is not False]
    yield from usable[:1]
    yield from (key for key in usable[1:] if _key_mark(key))


def _refers(link: ForeignKeyConstraint, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    """Return whether a row refers to a row that fulfills the condition."""
    # Not EXISTS: some databases would read the whole table, and look for the account of each row.
    referred = select(*(element.column for element in link.elements)).where(condition)
    return tuple_(*(element.parent for element in link.elements)).in_(referred)


def _marked(item: Table | Column[Any]) -> bool | None:
    mark = item.info.get("export")
    return None if mark is None else bool(mark)


def _key_mark(key: ForeignKeyConstraint) -> bool | None:
    return next((mark for each in key.elements if (mark := _marked(each.parent)) is not None), None)


def _rows(table: Table, condition: ColumnElement[bool]) -> list[dict[str, Any]]:
    """Return the rows that fulfill the condition, as JSON can hold them."""
    columns = [column for column in table.columns if _exported(column)]
    if not columns:
        return []
    statement = select(*columns).where(condition).order_by(*table.primary_key.columns)
    return [
        {
            column.name.removeprefix(PUBLIC): plain(value)
            for column, value in zip(columns, row, strict=True)
        }
        for row in db.session.execute(statement)
    ]


def _exported(column: Column[Any]) -> bool:
    """Return whether a column is exported: no secrets, and no numbers of accounts."""
    mark = _marked(column)
    if mark is not None and not column.foreign_keys:
        return mark
    if column.primary_key and f"{PUBLIC}{column.name}" in column.table.columns:
        return False
    refers = any(key.column.table.name == ACCOUNTS.name for key in column.foreign_keys)
    return mark is not False and not refers and not SECRET.search(column.name.lower())


def plain(value: Any) -> Any:
    """Return a value of any type as JSON can hold it: exact, and readable if possible."""
    match value:
        case Enum():
            return plain(value.value)
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else str(value)
        case datetime():
            return timestamp(value) if value.tzinfo else value.isoformat()
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes() | bytearray() | memoryview():
            return base64.b64encode(value).decode("ascii")
        case Mapping():
            return {str(key): plain(each) for key, each in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(each) for each in value]
    return str(value)
