"""The cleanup of ended and expired rows."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, delete, exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import InstrumentedAttribute

from app import jobs
from app.accounts import events
from app.accounts.client import Client
from app.accounts.models import (
    Account,
    Challenge,
    Device,
    LimitCounter,
    MailedToken,
    Session,
    TotpSetup,
)
from app.columns import now
from app.extensions import changed_rows, db, transaction

logger = logging.getLogger(__name__)

# Rows deleted in one transaction: a million of them must not lock a table for minutes.
BATCH = 1000
# The same for accounts, which have rows of other tables: to register with one of them has to wait.
ACCOUNTS = 50
# Seconds between two of them, in which requests that wait to write get their turn.
PAUSE = 0.1


# How many rows were deleted so far, by the name of their table.
Purged = Counter[str]


@jobs.every(timedelta(days=1), "purge")
def purge_daily(job: jobs.Job) -> None:
    """Do the same as `flask accounts purge`, once a day."""

    def keep(_: Purged) -> None:
        """Keep the job, so that no other worker begins with it."""
        with transaction():
            jobs.hold(job)

    purge(keep)


def purge(note: Callable[[Purged], object] | None = None) -> Purged:
    """Delete ended sessions, expired tokens and challenges, unconfirmed accounts and keys,
    devices not seen for long, and old counters of rate limits.

    Keep an account whose owner has a link that still works. `note` is called after each
    transaction, with what was deleted so far.
    """
    purged = Purged()
    for table, batches in (
        ("devices", _delete(Device.id, Device.expires_at)),
        ("challenges", _delete(Challenge.id, Challenge.expires_at)),
        ("totp_setups", _delete(TotpSetup.session_id, TotpSetup.expires_at)),
        ("limit_counters", _delete(LimitCounter.name, LimitCounter.expires_at)),
        ("sessions", _delete(Session.id, Session.expires_at)),
        ("mailed_tokens", _delete(MailedToken.id, MailedToken.expires_at)),
        ("accounts", _delete_abandoned_accounts()),
    ):
        for number in batches:
            purged[table] += number
            if note is not None:
                note(purged)
            time.sleep(PAUSE)
    return purged


def _delete(
    key: InstrumentedAttribute[Any], expires_at: InstrumentedAttribute[datetime]
) -> Iterator[int]:
    """Delete what has expired, in batches. Yield how many rows each had."""
    over = expires_at <= now()
    while keys := _batch(key, over, BATCH):
        with transaction():
            # The condition again: what was seen or confirmed in the meantime stays.
            number = changed_rows(delete(key.class_).where(key.in_(keys), over))
        yield number


def _delete_abandoned_accounts() -> Iterator[int]:
    """Delete accounts that were never confirmed, in batches. Yield how many each had."""
    abandoned, last, kept = _abandoned(), 0, 0
    # In the order of their IDs, so that the table is read once.
    while found := _batch(Account.id, abandoned & (Account.id > last), ACCOUNTS, Account.id):
        last = found[-1]
        try:
            removed = _delete_accounts(found, abandoned)
        except IntegrityError:
            removed = []
            for account_id in found:
                try:
                    removed += _delete_accounts([account_id], abandoned)
                except IntegrityError:
                    kept += 1
        for account_id in removed:
            events.record("account.purged", Client(), account_id)
        yield len(removed)
    if kept:
        message = "Unconfirmed accounts that foreign keys without `ondelete` keep: %d"
        logger.error(message, kept)


def _delete_accounts(ids: Sequence[int], over: ColumnElement[bool]) -> list[int]:
    """Delete all of these accounts or none. Return those that there were."""
    with transaction():
        return [account_id for account_id in ids if _delete_account(account_id, over)]


def _delete_account(account_id: int, over: ColumnElement[bool]) -> bool:
    # Locked by a statement of its own: one that has to wait sees no link sent in the meantime.
    db.session.execute(select(Account.id).where(Account.id == account_id).with_for_update())
    return changed_rows(delete(Account).where(Account.id == account_id, over)) == 1


def _batch(
    key: InstrumentedAttribute[Any], over: ColumnElement[bool], size: int, *order: Any
) -> Sequence[Any]:
    return db.session.scalars(select(key).where(over).order_by(*order).limit(size)).all()


def _abandoned() -> ColumnElement[bool]:
    age = timedelta(seconds=current_app.config["UNCONFIRMED_ACCOUNT_SECONDS"])
    has_link = exists().where(MailedToken.account_id == Account.id, MailedToken.expires_at > now())
    return Account.confirmed_at.is_(None) & (Account.created_at < now() - age) & ~has_link
