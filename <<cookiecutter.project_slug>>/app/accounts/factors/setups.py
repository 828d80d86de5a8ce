"""Keys of authenticator apps that wait for their first code."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import delete, select

from app.accounts import sessions, store
from app.accounts.factors import encryption, totp
from app.accounts.models import Account, Session, TotpSetup
from app.columns import now
from app.extensions import db


@dataclass(frozen=True)
class SetUp:
    """A key that waits: in base32, and as the URI that a QR code holds."""

    secret: str
    uri: str
    expires_at: datetime


@dataclass(frozen=True)
class Waiting:
    """A key that waits, as it is stored: encrypted."""

    secret: str
    expires_at: datetime


def find(current: Session) -> Waiting | None:
    """Return the key that waits in a session, unless it is too old or can't be decrypted."""
    living = (TotpSetup.session_id == current.id) & (TotpSetup.expires_at > now())
    found = db.session.execute(select(TotpSetup.secret, TotpSetup.expires_at).where(living)).first()
    if found is None:
        return None
    try:
        encryption.decrypt(found.secret)
    except encryption.UnknownKey:
        return None
    return Waiting(found.secret, found.expires_at)


def find_or_new(current: Session) -> SetUp:
    """Return the key that waits in a session, or a new one. The caller holds the account's row.

    Raises SignedOut when the session has ended in the meantime.
    """
    sessions.hold(current)
    waiting = find(current)
    if waiting is None:
        end(current)
        lifetime = timedelta(seconds=current_app.config["TOTP_SETUP_SECONDS"])
        waiting = Waiting(encryption.encrypt(totp.new_secret()), now() + lifetime)
        keep(waiting, current)
    secret = encryption.decrypt(waiting.secret)
    return SetUp(secret, totp.uri(secret, current.account), waiting.expires_at)


def keep(waiting: Waiting, current: Session) -> None:
    """Let a key wait in a session, such as that of another one which this one replaces."""
    db.session.flush()  # a new session gets its id
    db.session.add(
        TotpSetup(session_id=current.id, secret=waiting.secret, expires_at=waiting.expires_at)
    )


def end(current: Session, secret: str | None = None) -> bool:
    """Forget the key that waits in a session, if it still is `secret`; whether there was one."""
    mine = TotpSetup.session_id == current.id
    if secret is not None:
        mine &= TotpSetup.secret == secret
    return store.changed_rows(delete(TotpSetup).where(mine)) == 1


def end_all(account: Account) -> None:
    """Forget the keys that wait in any session of an account."""
    mine = select(Session.id).where(Session.account_id == account.id)
    db.session.execute(delete(TotpSetup).where(TotpSetup.session_id.in_(mine)))
