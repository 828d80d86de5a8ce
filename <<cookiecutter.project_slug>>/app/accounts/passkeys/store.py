"""List, rename and remove the passkeys of an account."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError

from app import jobs
from app.accounts import events, fields, sessions, store
from app.accounts.authentication import Proof
from app.accounts.client import Client
from app.accounts.errors import InvalidInput
from app.accounts.models import Account, Passkey
from app.database import faults
from app.extensions import db, transaction

# Named by the convention in `columns.Base`.
UNIQUE_CREDENTIAL = f"uq_{Passkey.__tablename__}_credential_hash"


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


def is_taken(error: IntegrityError) -> bool:
    """Tell whether a statement failed because an account has the credential already."""
    return faults.violated_unique(error) == UNIQUE_CREDENTIAL


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
        full = "a passkey. Remove it" if most == 1 else f"{most} passkeys. Remove one"
        message = f"You already have {full} before you add another."
        raise InvalidInput({"body": [message]})


def record(event: str, passkey: Passkey, client: Client) -> None:
    """Write an event about a passkey to the audit log."""
    events.record(event, client, passkey.account_id, passkey_id=str(passkey.public_id))
