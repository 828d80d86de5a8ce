"""Challenges: the tokens between the two steps of a sign-in, or of adding a passkey.

A challenge is a random token. It expires soon, works once, and is valid for one account, purpose
and kind of session. Only its SHA-256 is stored. A sign-in with a passkey begins before anyone has
said who they are: its challenge has no account.
"""

from datetime import timedelta

from flask import current_app
from sqlalchemy import ColumnElement, delete, select

from app.accounts import store, tokens
from app.accounts.errors import InvalidChallenge
from app.accounts.models import Account, Challenge, Session
from app.columns import now
from app.extensions import db

# For each purpose, the setting that holds its lifetime in seconds.
LIFETIMES = {
    "sign in": "CHALLENGE_SECONDS",
    "passkey sign-in": "PASSKEY_CHALLENGE_SECONDS",
    "passkey again": "PASSKEY_CHALLENGE_SECONDS",
    "passkey new": "PASSKEY_CHALLENGE_SECONDS",
}


def issue(
    account: Account | None, purpose: str, kind: str, current: Session | None = None
) -> tuple[Challenge, str]:
    """Return a challenge for the start of a session of a kind, and its token. The caller commits.

    One without an account is valid for any account. One for the `current` session ends with it.
    """
    token, token_hash = tokens.new()
    lifetime = timedelta(seconds=current_app.config[LIFETIMES[purpose]])
    challenge = Challenge(
        account_id=account.id if account else None,
        session_id=current.id if current else None,
        token_hash=token_hash,
        purpose=purpose,
        kind=kind,
        expires_at=now() + lifetime,
    )
    db.session.add(challenge)
    return challenge, token


def find(token: str, purpose: str, *kinds: str) -> tuple[Challenge, Account]:
    """Return a valid challenge and its account. Raises InvalidChallenge."""
    found = db.session.execute(
        select(Challenge, Account)
        .join(Account, Account.id == Challenge.account_id)
        .where(_is(token, purpose), Challenge.kind.in_(kinds), Account.disabled_at.is_(None))
    ).first()
    if found is None:
        raise InvalidChallenge
    challenge, account = found
    return challenge, account


def find_without_account(token: str, purpose: str, *kinds: str) -> Challenge:
    """Return a valid challenge that has no account. Raises InvalidChallenge."""
    return _find(_is(token, purpose), Challenge.account_id.is_(None), Challenge.kind.in_(kinds))


def find_of(current: Session, token: str, purpose: str) -> Challenge:
    """Return a valid challenge of a session. Raises InvalidChallenge."""
    return _find(_is(token, purpose), Challenge.session_id == current.id)


#: if cookiecutter.interface != "api"
def has_expired(token: str) -> bool:
    """Return whether a token is that of a challenge which nobody used in time."""
    late = (Challenge.token_hash == tokens.digest(token)) & (Challenge.expires_at <= now())
    return db.session.scalar(select(Challenge.id).where(late)) is not None


#: endif
def use(challenge: Challenge) -> None:
    """Use a challenge. Of several concurrent requests, the one whose DELETE finds the row wins.

    Raises InvalidChallenge for all others.
    """
    if store.changed_rows(delete(Challenge).where(Challenge.id == challenge.id)) != 1:
        raise InvalidChallenge


def void(account: Account) -> None:
    """Invalidate all challenges of an account. The caller commits."""
    db.session.execute(delete(Challenge).where(Challenge.account_id == account.id))


def _is(token: str, purpose: str) -> ColumnElement[bool]:
    named = (Challenge.token_hash == tokens.digest(token)) & (Challenge.purpose == purpose)
    return named & (Challenge.expires_at > now())


def _find(*conditions: ColumnElement[bool]) -> Challenge:
    challenge = db.session.scalar(select(Challenge).where(*conditions))
    if challenge is None:
        raise InvalidChallenge
    return challenge
