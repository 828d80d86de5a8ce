"""Random tokens, and those that are mailed: single-use, short-lived, stored as SHA-256."""

import hashlib
import secrets
from datetime import timedelta

from flask import current_app
from sqlalchemy import ColumnElement, delete, select

from app.accounts import store
from app.accounts.errors import InvalidToken
from app.accounts.models import Account, MailedToken, now
from app.extensions import db

# For each purpose, the setting that holds its lifetime in seconds.
LIFETIMES = {
    "confirm": "CONFIRM_TOKEN_SECONDS",
    "reset": "RESET_TOKEN_SECONDS",
    "email": "EMAIL_CHANGE_TOKEN_SECONDS",
}


def new() -> tuple[str, str]:
    """A token of 256 random bits, and its hash. The hash alone is stored."""
    token = secrets.token_urlsafe(32)
    return token, digest(token)


def digest(token: str) -> str:
    """The SHA-256 of a token. A random token needs no salt and no slow hash."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def issue(account: Account, purpose: str, email: str) -> str:
    """A token to mail to `email`; it voids the account's older ones for the same purpose.

    Of several at the same moment the later waits, and voids what the earlier stored.
    """
    store.lock(account)
    void(account, purpose)
    token, token_hash = new()
    lifetime = timedelta(seconds=current_app.config[LIFETIMES[purpose]])
    db.session.add(
        MailedToken(
            account_id=account.id,
            token_hash=token_hash,
            purpose=purpose,
            email=email,
            expires_at=now() + lifetime,
        )
    )
    return token


def find(token: str, purpose: str) -> tuple[MailedToken, Account]:
    """The row of a token that could be redeemed now, and its account.

    Raises InvalidToken when there is none.
    """
    row = db.session.execute(
        select(MailedToken, Account)
        .join(Account, Account.id == MailedToken.account_id)
        .where(_usable(token, purpose))
    ).first()
    # A link proves the address it was sent to; an account that moved on is not proven by it.
    if row is None or (purpose != "email" and row[0].email != row[1].email):
        raise InvalidToken
    return row[0], row[1]


def redeem(token: str, purpose: str) -> None:
    """Use a token up. Of several at once, the one whose DELETE finds the row wins.

    Raises InvalidToken for all others.
    """
    row_id = db.session.scalar(select(MailedToken.id).where(_usable(token, purpose)))
    # By the key alone: along any other index a server may lock tokens of other accounts too.
    if store.changed_rows(delete(MailedToken).where(MailedToken.id == row_id)) != 1:
        raise InvalidToken


def void(account: Account, *purposes: str) -> None:
    """Make an account's tokens for these purposes worthless."""
    db.session.execute(
        delete(MailedToken).where(
            MailedToken.account_id == account.id, MailedToken.purpose.in_(purposes)
        )
    )


def _usable(token: str, purpose: str) -> ColumnElement[bool]:
    return (
        (MailedToken.token_hash == digest(token))
        & (MailedToken.purpose == purpose)
        & (MailedToken.expires_at > now())
    )
