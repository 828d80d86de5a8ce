"""Challenges: the tokens between the first and the second step of a sign-in.

A challenge is a random token. It expires soon, works once, and is valid for one account, purpose
and kind of session. Only its SHA-256 is stored.
"""

from datetime import timedelta

from flask import current_app
from sqlalchemy import delete, select

from app.accounts import store, tokens
from app.accounts.errors import InvalidChallenge
from app.accounts.models import Account, Challenge, now
from app.extensions import db

# For each purpose, the setting that holds its lifetime in seconds.
LIFETIMES = {"sign in": "CHALLENGE_SECONDS"}


def issue(account: Account, purpose: str, kind: str) -> tuple[Challenge, str]:
    """Return a challenge for the start of a session of a kind, and its token. The caller commits."""
    token, token_hash = tokens.new()
    lifetime = timedelta(seconds=current_app.config[LIFETIMES[purpose]])
    challenge = Challenge(
        account_id=account.id,
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
        .where(
            Challenge.token_hash == tokens.digest(token),
            Challenge.purpose == purpose,
            Challenge.kind.in_(kinds),
            Challenge.expires_at > now(),
            Account.disabled_at.is_(None),
        )
    ).first()
    if found is None:
        raise InvalidChallenge
    challenge, account = found
    return challenge, account


def use(challenge: Challenge) -> None:
    """Use a challenge. Of several concurrent requests, the one whose DELETE finds the row wins.

    Raises InvalidChallenge for all others.
    """
    if store.changed_rows(delete(Challenge).where(Challenge.id == challenge.id)) != 1:
        raise InvalidChallenge


def void(account: Account) -> None:
    """Invalidate all challenges of an account. The caller commits."""
    db.session.execute(delete(Challenge).where(Challenge.account_id == account.id))
