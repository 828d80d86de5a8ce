"""Finding accounts."""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, bindparam, or_, select, update
from sqlalchemy.exc import IntegrityError

from app.accounts.errors import InvalidInput
from app.accounts.fields import clean_email
from app.accounts.models import Account
from app.columns import unchanged
from app.database import faults
from app.extensions import changed_rows as changed_rows  # offered beside the look-up
from app.extensions import db, in_pages

# Named by the convention in `columns.Base`.
UNIQUE_EMAIL = f"uq_{Account.__tablename__}_email"
# Built once: it is part of most requests of people who are signed out.
BY_EMAIL = select(Account).where(Account.email == bindparam("email"))


def by_email(typed: str) -> Account | None:
    """Return the account of an email address, however it is written, or None."""
    try:
        email = clean_email(typed)
    except InvalidInput:
        return None
    return db.session.scalar(BY_EMAIL, {"email": email})


def search(text: str, limit: int | None = None) -> Iterator[Account]:
    """Yield the accounts whose name or email address holds `text`, oldest first."""
    columns = (Account.name, Account.email)
    holds = or_(*(column.icontains(text, autoescape=True) for column in columns))
    yield from in_pages(select(Account).where(holds), Account.id, limit)


def is_taken(error: IntegrityError) -> bool:
    """Tell whether a statement failed because another account has the address."""
    return faults.violated_unique(error) == UNIQUE_EMAIL


def lock(account: Account, *conditions: ColumnElement[bool]) -> bool:
    """Make other transactions that write to an account or its rows wait for this one.

    It comes before everything else that a transaction writes for the account, so that no two
    wait for each other. Writing the same value locks the row on every database, unlike
    `SELECT … FOR UPDATE`. Return whether the account is still there, and fulfills the conditions.
    """
    mine = update(Account).where(Account.id == account.id, *conditions)
    same = mine.values(unchanged(Account.name))
    return changed_rows(same.execution_options(synchronize_session=False)) == 1
