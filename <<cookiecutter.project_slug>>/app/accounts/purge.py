"""Taking out what is over."""

from dataclasses import dataclass
from datetime import timedelta

from flask import current_app
from sqlalchemy import delete

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
    """Remove ended sessions, dead tokens and accounts never confirmed, in one transaction."""
    age = timedelta(seconds=current_app.config["UNCONFIRMED_ACCOUNT_SECONDS"])
    accounts = delete(Account).where(
        Account.confirmed_at.is_(None), Account.created_at < now() - age
    )
    with transaction():
        db.session.execute(delete(Device).where(Device.expires_at <= now()))
        db.session.execute(delete(LimitCounter).where(LimitCounter.expires_at <= now()))
        return Purged(
            sessions=changed_rows(delete(Session).where(Session.expires_at <= now())),
            tokens=changed_rows(delete(MailedToken).where(MailedToken.expires_at <= now())),
            accounts=changed_rows(accounts),
        )
