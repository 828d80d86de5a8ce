"""Random tokens, and the single-use tokens in emails. Only their SHA-256 is stored."""

import hashlib
import secrets
from datetime import timedelta

from flask import current_app
from sqlalchemy import ColumnElement, Delete, delete, select, update

from app.accounts import store
from app.accounts.errors import InvalidToken, UsedToken
from app.accounts.models import Account, MailedToken
from app.columns import now
from app.extensions import db

# For each purpose, the setting that holds its lifetime in seconds.
LIFETIMES = {
    "confirm": "CONFIRM_TOKEN_SECONDS",
    "reset": "RESET_TOKEN_SECONDS",
    "email": "EMAIL_CHANGE_TOKEN_SECONDS",
}


def new() -> tuple[str, str]:
    """Return a token of 256 random bits and its hash. Store only the hash."""
    token = secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> str:
    """Return the SHA-256 of a token. A random token needs no salt and no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def issue(
    account: Account,
    purpose: str,
    email: str,
    job_id: int | None = None,
    lifetime_setting: str | None = None,
) -> str:
    """Create a token to send to `email`; the account's older ones for this purpose stop working.

    Those of earlier tries of the same job stay: the email that carries one may have arrived.
    Of two concurrent calls the later one waits, and invalidates the earlier one's token.
    """
    store.lock(account)
    same_job = (MailedToken.job_id == job_id) & MailedToken.job_id.is_not(None)
    db.session.execute(_of(account, purpose).where(~same_job))
    token, token_hash = new()
    lifetime = timedelta(seconds=current_app.config[lifetime_setting or LIFETIMES[purpose]])
    db.session.add(
        MailedToken(
            account_id=account.id,
            token_hash=token_hash,
            purpose=purpose,
            email=email,
            job_id=job_id,
            expires_at=now() + lifetime,
        )
    )
    return token


def find(token: str, purpose: str) -> tuple[MailedToken, Account]:
    """Return the row of a token that can be used now, and its account.

    Raises InvalidToken if there is none, UsedToken if it was already used.
    """
    found = db.session.execute(
        select(MailedToken, Account)
        .join(Account, Account.id == MailedToken.account_id)
        .where(_is(token, purpose), MailedToken.expires_at > now())
    ).first()
    if found is None:
        raise InvalidToken
    row, account = found
    if row.used_at is not None:
        raise UsedToken if row.email == account.email else InvalidToken
    # A link proves the address it was sent to; an account that moved on is not proven by it.
    if purpose != "email" and row.email != account.email:
        raise InvalidToken
    return row, account


def redeem(token: str, purpose: str) -> None:
    """Use a token. Of several concurrent calls, the one whose UPDATE finds it unused wins.

    Raises InvalidToken for all others.
    """
    unused = (MailedToken.expires_at > now()) & MailedToken.used_at.is_(None)
    row_id = db.session.scalar(select(MailedToken.id).where(_is(token, purpose), unused))
    # By the key alone: along any other index a server may lock tokens of other accounts too.
    use = update(MailedToken).where(MailedToken.id == row_id, unused)
    if store.changed_rows(use.values(used_at=now())) != 1:
        raise InvalidToken


def void(account: Account, *purposes: str) -> None:
    """Invalidate an account's unused tokens: those for these purposes, or all of them."""
    db.session.execute(_of(account, *purposes))


def _of(account: Account, *purposes: str) -> Delete:
    """Return the DELETE of an account's unused tokens: those for these purposes, or all of them."""
    unused = (MailedToken.account_id == account.id) & MailedToken.used_at.is_(None)
    query = delete(MailedToken).where(unused)
    return query.where(MailedToken.purpose.in_(purposes)) if purposes else query


def _is(token: str, purpose: str) -> ColumnElement[bool]:
    return (MailedToken.token_hash == digest(token)) & (MailedToken.purpose == purpose)
