"""List, rename and remove the passkeys of an account."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import delete, func, select, update

from app import jobs
from app.accounts import events, fields, sessions, store
from app.accounts.authentication import Proof
from app.accounts.client import Client
from app.accounts.errors import InvalidInput
from app.accounts.models import Account, Passkey
from app.accounts.passkeys import relying_party
from app.extensions import db, transaction


@dataclass(frozen=True)
class NewCredential:
    """A credential that can become a passkey. `aaguid` says what stores it."""

    credential: bytes
    credential_hash: str
    aaguid: bytes
    sign_count: int
    device_bound: bool
    synced: bool


def passkeys_of(account: Account) -> Sequence[Passkey]:
    """Return the passkeys of an account, oldest first."""
    mine = select(Passkey).where(Passkey.account_id == account.id)
    return db.session.scalars(mine.order_by(Passkey.id)).all()


def count(account: Account) -> int:
    """Return how many passkeys an account has."""
    mine = Passkey.account_id == account.id
    return db.session.scalar(select(func.count()).select_from(Passkey).where(mine)) or 0


def find(account: Account, public_id: str) -> Passkey | None:
    """Return a passkey of an account; None if it is another account's, or not an id."""
    chosen = Passkey.public_id == sessions.read_id(public_id)
    return db.session.scalar(select(Passkey).where(Passkey.account_id == account.id, chosen))


def add(account: Account, new: NewCredential, name: str) -> Passkey:
    """Store a passkey and notify the owner, in the caller's transaction."""
    passkey = Passkey(
        account_id=account.id,
        credential_hash=new.credential_hash,
        credential=new.credential,
        name=name,
        sign_count=new.sign_count,
        device_bound=new.device_bound,
        synced=new.synced,
    )
    db.session.add(passkey)
    jobs.enqueue("passkey_added", email=account.email, account_id=account.id)
    return passkey


def rename(passkey: Passkey, name: str, client: Client) -> bool:
    """Rename a passkey. Return whether it was still there. Raises InvalidInput."""
    name = fields.clean_name(name, "a")
    with transaction():
        chosen = update(Passkey).where(Passkey.id == passkey.id)
        renamed = store.changed_rows(chosen.values(name=name)) == 1
    if renamed:
        record("passkey.renamed", passkey, client)
    return renamed


def remove(passkey: Passkey, client: Client, proof: Proof | None = None) -> bool:
    """Remove a passkey and notify the owner. Return whether it was still there.

    `proof` is that of the password, where it was asked for. Raises what the proof raises.
    """
    account = db.session.get_one(Account, passkey.account_id)
    with transaction():
        store.lock(account)
        if proof is not None:
            proof.hold()
        removed = store.changed_rows(delete(Passkey).where(Passkey.id == passkey.id)) == 1
        if removed:
            jobs.enqueue("passkey_removed", email=account.email, account_id=account.id)
    if removed:
        record("passkey.removed", passkey, client)
    return removed


def remove_all(account: Account, client: Client) -> int:
    """Remove every passkey of an account, as an administrator; return how many there were."""
    return sum(remove(passkey, client) for passkey in passkeys_of(account))


def check_room(account: Account) -> None:
    """Check that the account can have another passkey. Raises InvalidInput on `body`."""
    most = current_app.config["PASSKEYS_PER_ACCOUNT"]
    if count(account) >= most:
        message = f"You already have {most} passkeys. Remove one before you add another."
        raise InvalidInput({"body": [message]})


def signals(account: Account) -> dict[str, Any]:
    """Return what a page tells a password manager (`PublicKeyCredential.signal…`), so that it
    forgets removed passkeys and shows the current name and email address."""
    ids = [_public_id(passkey) for passkey in passkeys_of(account)]
    return {
        "rpId": relying_party.relying_party_id(),
        "userId": account.user_handle,
        "allAcceptedCredentialIds": ids,
        "name": account.email,
        "displayName": account.name,
    }


def record(event: str, passkey: Passkey, client: Client) -> None:
    """Write an event about a passkey to the audit log."""
    events.record(event, client, passkey.account_id, passkey_id=str(passkey.public_id))


def _public_id(passkey: Passkey) -> str:
    """The credential's id in base64url: its length is in two bytes, after 16 of another field."""
    length = int.from_bytes(passkey.credential[16:18])
    encoded = base64.urlsafe_b64encode(passkey.credential[18 : 18 + length])
    return encoded.rstrip(b"=").decode("ascii")
