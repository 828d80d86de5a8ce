"""Taking out what is over."""

from dataclasses import dataclass
from datetime import timedelta

from flask import current_app
from sqlalchemy import ColumnElement, delete, exists, select

from app.accounts import events
from app.accounts.client import Client
from app.accounts.models import Account, Device, LimitCounter, MailedToken, Session, now
from app.accounts.store import changed_rows
from app.extensions import db, transaction


@dataclass(frozen=True)
class Purged:
    """How many rows went."""

    sessions: int
    tokens: int
    accounts: int


def purge() -> Purged:
    """Remove what is over, in one transaction: ended sessions, dead tokens, accounts never
    confirmed, devices not seen for long, counters of limits.

    An account whose owner was sent a link that still works is kept.
    """
    with transaction():
        db.session.execute(delete(Device).where(Device.expires_at <= now()))
        db.session.execute(delete(LimitCounter).where(LimitCounter.expires_at <= now()))
        ended = changed_rows(delete(Session).where(Session.expires_at <= now()))
        dead = changed_rows(delete(MailedToken).where(MailedToken.expires_at <= now()))
        abandoned = _abandoned()
        found = db.session.scalars(select(Account.id).where(abandoned)).all()
        # The condition again: what was confirmed in the meantime stays.
        removed = [
            account_id
            for account_id in found
            if changed_rows(delete(Account).where(Account.id == account_id, abandoned))
        ]
    for account_id in removed:
        events.record("account.purged", Client(), account_id)
    return Purged(sessions=ended, tokens=dead, accounts=len(removed))


def _abandoned() -> ColumnElement[bool]:
    age = timedelta(seconds=current_app.config["UNCONFIRMED_ACCOUNT_SECONDS"])
    has_link = exists().where(MailedToken.account_id == Account.id, MailedToken.expires_at > now())
    return Account.confirmed_at.is_(None) & (Account.created_at < now() - age) & ~has_link
