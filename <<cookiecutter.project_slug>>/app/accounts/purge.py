"""The cleanup of ended and expired rows."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
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
from app.database import faults
from app.extensions import db, transaction

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
        jobs.check_stop()
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
    for key, over, size in (
        (Device.id, Device.expires_at <= now(), BATCH),
        (Challenge.id, Challenge.expires_at <= now(), BATCH),
        (TotpSetup.session_id, TotpSetup.expires_at <= now(), BATCH),
        (LimitCounter.name, LimitCounter.expires_at <= now(), BATCH),
        (Session.id, Session.expires_at <= now(), BATCH),
        (MailedToken.id, MailedToken.expires_at <= now(), BATCH),
        (Account.id, _abandoned(), ACCOUNTS),
    ):
        for deleted in _delete(key, over, size):
            if key.class_ is Account:
                for account_id in deleted:
                    events.record("account.purged", Client(), account_id)
            purged[key.class_.__tablename__] += len(deleted)
            if note is not None:
                note(purged)
            time.sleep(PAUSE)
    return purged


def _delete(
    key: InstrumentedAttribute[Any], over: ColumnElement[bool], size: int
) -> Iterator[set[Any]]:
    """Delete rows in batches, and yield the keys of each.

    Rows that another connection has locked, or that a foreign key keeps, stay.
    """
    rest, kept, reason = over, 0, ""
    while found := _batch(key, rest, size):
        rest = over & (key > found[-1])  # in the order of the keys, so that each is read once
        try:
            deleted = _delete_batch(key, found, over)
        except IntegrityError:
            deleted = set()
            for each in found:
                try:
                    deleted |= _delete_batch(key, [each], over)
                except IntegrityError as error:
                    kept, reason = kept + 1, faults.reason(error)
        yield deleted
    if kept:
        message = "Rows of %s that foreign keys without `ondelete` keep: %d (%s)"
        logger.error(message, key.class_.__tablename__, kept, reason)


def _batch(key: InstrumentedAttribute[Any], over: ColumnElement[bool], size: int) -> Sequence[Any]:
    return db.session.scalars(select(key).where(over).order_by(key).limit(size)).all()


def _delete_batch(
    key: InstrumentedAttribute[Any], keys: Sequence[Any], over: ColumnElement[bool]
) -> set[Any]:
    """Delete all of these rows or none. Return the keys of those that were deleted."""
    with transaction():
        # Locked by a statement of its own: the next one sees what was sent or confirmed before.
        lock = select(key).where(key.in_(keys)).with_for_update(skip_locked=True)
        free = set(db.session.scalars(lock))
        db.session.execute(delete(key.class_).where(key.in_(free), over))
        return free - set(db.session.scalars(select(key).where(key.in_(free))))


def _abandoned() -> ColumnElement[bool]:
    age = timedelta(seconds=current_app.config["UNCONFIRMED_ACCOUNT_SECONDS"])
    has_link = exists().where(MailedToken.account_id == Account.id, MailedToken.expires_at > now())
    return Account.confirmed_at.is_(None) & (Account.created_at < now() - age) & ~has_link
