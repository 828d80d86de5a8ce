"""The extensions, unbound: `create_app` binds them to an app."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from flask_login import LoginManager
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import CursorResult, Delete, Select, Update
from sqlalchemy.orm.exc import StaleDataError

from app.accounts.errors import SignedOut
from app.columns import Base

# Rows stay readable after a commit without being loaded again: one statement a page.
db = SQLAlchemy(
    model_class=Base,
    session_options={"expire_on_commit": False},
    # Parameters hold names, addresses and hashes: they must never reach a log.
    engine_options={"hide_parameters": True},
)
login_manager = LoginManager()
# How many rows are read at once.
PAGE = 500

Row = TypeVar("Row", bound=Base)


@contextmanager
def transaction() -> Iterator[None]:
    """Commit everything the block wrote or, if it raises, roll all of it back.

    Each use case that writes opens exactly one, and nothing else commits. Whatever takes long
    (hashing, counting attempts) comes before it; whatever must only follow a success (events)
    comes after it.

    Raises:
        RuntimeError: The block is inside another transaction, which would end too early.
        SignedOut: A row that the block changed, such as the account, was deleted in the meantime.
    """
    info = db.session().info
    if in_transaction():
        raise RuntimeError("a use case has one transaction: this one is inside another")
    info["in_transaction"], info["on_commit"] = True, []
    try:
        yield
        db.session.commit()
    except StaleDataError:
        db.session.rollback()
        raise SignedOut from None
    except BaseException:
        db.session.rollback()
        raise
    finally:
        info["in_transaction"] = False
    for callback in info["on_commit"]:
        callback()


def in_transaction() -> bool:
    """Return whether the caller is inside `transaction`."""
    return bool(db.session().info.get("in_transaction"))


def on_commit(callback: Callable[[], None]) -> None:
    """Call something after the transaction around this call is committed, and only then.

    Raises:
        RuntimeError: There is no transaction around it.
    """
    if not in_transaction():
        raise RuntimeError("nothing is committed here: this belongs inside a transaction")
    db.session().info["on_commit"].append(callback)


def changed_rows(statement: Delete | Update) -> int:
    """Return how many rows a statement changed: of several concurrent ones, one finds the row."""
    return cast(CursorResult[Any], db.session.execute(statement)).rowcount


def end_transaction() -> None:
    """End a transaction that only read, before something that may take any time.

    While it is open, no migration can change the tables that it read.
    """
    db.session.commit()


def in_pages(query: Select[Row], key: Any, limit: int | None = None) -> Iterator[Row]:
    """Yield the rows of a query in the order of a key, at most `limit`.

    Any number of them fits into memory, and reading them may take any time: each page is a
    transaction of its own, so this doesn't belong inside `transaction`.
    """
    last: Any = None
    left = math.inf if limit is None else limit
    while left > 0:
        size = int(min(PAGE, left))
        rest = query if last is None else query.where(key > last)
        page = db.session.scalars(rest.order_by(key).limit(size)).all()
        end_transaction()
        yield from page
        if len(page) < size:
            return
        last, left = getattr(page[-1], key.key), left - size
