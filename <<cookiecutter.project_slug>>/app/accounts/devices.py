"""Known devices: browsers and clients that signed in before.

Wrong passwords from strangers count for the email address they enter, those from a known device
for that device, so that nobody can lock an owner out by guessing (OWASP, "Slow Down Online Guessing
Attacks with Device Cookies"). A known device has a random secret. A new password invalidates it,
and an account has a limited number of them, so that they can't be collected to multiply guesses.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from flask import current_app
from sqlalchemy import delete, select, update

from app.accounts import store, tokens
from app.accounts.models import Account, Device
from app.columns import now
from app.extensions import db

# How many secrets of a request are looked at: one for each account that a browser is used for.
MAX_SECRETS = 5


def identify(secrets: Sequence[str], account: Account | None) -> str | None:
    """Return the secret that identifies a known device; takes the same work without an account."""
    digests = {tokens.digest(secret): secret for secret in secrets[:MAX_SECRETS]}
    if not digests:
        return None
    found = db.session.execute(
        select(Device.account_id, Device.token_hash).where(
            Device.token_hash.in_(digests), Device.expires_at > now()
        )
    )
    owned = [row.token_hash for row in found if account is not None and row[0] == account.id]
    return digests[owned[0]] if owned else None


def remember(account: Account, secret: str | None = None) -> str:
    """Make a device known. Return its secret: the given one if the account already knows it.

    If there are too many, the device that signed in least recently is forgotten.

    The caller holds the account's row, and commits.
    """
    prolonged = update(Device).where(
        Device.account_id == account.id, Device.token_hash == tokens.digest(secret or "")
    )
    if secret and store.changed_rows(prolonged.values(expires_at=_expiry())):
        return secret
    kept = current_app.config["DEVICES_PER_ACCOUNT"] - 1
    newest_first = select(Device.id).where(Device.account_id == account.id)
    newest_first = newest_first.order_by(Device.expires_at.desc(), Device.id.desc())
    surplus = db.session.scalars(newest_first.offset(kept)).all()
    if surplus:
        db.session.execute(delete(Device).where(Device.id.in_(surplus)))
    secret, token_hash = tokens.new()
    device = Device(account_id=account.id, token_hash=token_hash, expires_at=_expiry())
    db.session.add(device)
    return secret


def renew(account: Account, token_hash: str) -> str | None:
    """Give a device of an account another secret, and return it; None if it is no longer known.

    The caller holds the account's row, and commits.
    """
    secret, renewed = tokens.new()
    mine = update(Device).where(Device.account_id == account.id, Device.token_hash == token_hash)
    values = {"token_hash": renewed, "expires_at": _expiry()}
    return secret if store.changed_rows(mine.values(values)) else None


def are_known(account: Account) -> bool:
    """Return whether the account knows any device: it does after its first sign-in."""
    known = select(Device.id).where(Device.account_id == account.id).limit(1)
    return db.session.scalar(known) is not None


def forget(account: Account) -> None:
    """Invalidate the secrets of all devices of an account. The caller commits."""
    db.session.execute(delete(Device).where(Device.account_id == account.id))


def _expiry() -> datetime:
    return now() + timedelta(seconds=current_app.config["DEVICE_SECONDS"])
