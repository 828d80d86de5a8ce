"""Change, export and delete the account of someone who is signed in."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError

from app import jobs
from app.accounts import (
    authentication,
    challenges,
    devices,
    events,
    exports,
    fields,
    limits,
    mailing,
    passwords,
    sessions,
    store,
    tokens,
)
from app.accounts.client import Client
from app.accounts.errors import AddressTaken, InvalidInput, Refusals, SignedOut
from app.accounts.models import Account, Session
from app.columns import now
from app.extensions import db, transaction


def rename(account: Account, name: str, client: Client) -> None:
    """Give the account another name. Raises InvalidInput, SignedOut."""
    name = fields.clean_name(name)
    with transaction():
        account.name = name
    events.record("account.renamed", client, account.id)


def change_password(
    current: Session, current_password: str, password: str, client: Client
) -> str | None:
    """Change the password, end all other sessions, invalidate links in emails, notify the owner.

    Every known device is forgotten. If the one that asks was known, return its new secret.
    Raises InvalidInput on `current_password` and `password`, LimitReached.
    """
    account = current.account
    refusals = Refusals()
    refusals.collect(passwords.check, password, account.own_words, client)
    proof = refusals.collect(
        authentication.confirm_password, current, current_password, client, "current_password"
    )
    if proof is None or refusals.errors:
        raise InvalidInput(refusals.errors)
    password_hash = passwords.hash_password(password)
    was_known = devices.identify(client.devices, account)
    with transaction():
        proof.hold()
        account.password_hash = password_hash
        # Earlier links in emails and known devices stop working.
        mailing.cancel_links(account)
        tokens.void(account)
        devices.forget(account)
        challenges.void(account)
        device = devices.remember(account) if was_known else None
        sessions.end_all(account, keep=current)
        jobs.enqueue("password_changed", email=account.email, account_id=account.id)
    events.record("password.changed", client, account.id)
    return device


def request_email_change(current: Session, email: str, client: Client) -> None:
    """Email a link to the new address and a notice to the old one; nothing else changes yet.

    If a confirmed account has the address, the response is the same, and its owner gets a notice.
    Raises InvalidInput, LimitReached, SignedOut.
    """
    email = fields.clean_email(email)
    limits.spend_mail("email change", email, client, current.account_id)
    account = current.account
    with transaction():
        if not store.lock(account):
            raise SignedOut
        sessions.hold(current)  # if it was ended meanwhile, that has cancelled what waited
        mailing.cancel_email_change(account)
        jobs.enqueue("email_change_requested", email=account.email, account_id=account.id)
        jobs.enqueue("email_change", email=email, account_id=account.id)
    events.record("email.change_asked", client, account.id)


#: if cookiecutter.interface != "api"
def check_email_change(token: str) -> str:
    """Return the new email address that a token would set. Raises InvalidToken."""
    row, _ = tokens.find(token, "email")
    return row.email


#: endif
def confirm_email_change(token: str, client: Client) -> None:
    """Give the account the email address that the token was sent to.

    An account with this address that was never confirmed is deleted: the person with the link has
    the mailbox, and the one who created that account doesn't.
    Raises InvalidToken; AddressTaken if another account got the address in the meantime.
    """
    row, account = tokens.find(token, "email")
    old, new = account.email, row.email
    try:
        with transaction():
            store.lock(account)
            tokens.redeem(token, "email")
            jobs.cancel("email_change", account_id=account.id)
            # Also links sent to the old address: a reset may be in progress.
            tokens.void(account)
            # They have the old address as the name of the account.
            challenges.void(account)
            superseded = _remove_unconfirmed(new)
            account.email = new
            account.confirmed_at = account.confirmed_at or now()
            jobs.enqueue("email_changed", email=old, account_id=account.id)
    except IntegrityError as error:
        if not store.is_taken(error):
            raise
        raise AddressTaken from None
    if superseded is not None:
        events.record("account.superseded", client, superseded)
    events.record("email.changed", client, account.id)


def _remove_unconfirmed(email: str) -> int | None:
    """Delete the account that never confirmed an address. Return its id, if there was one."""
    unconfirmed = (Account.email == email) & Account.confirmed_at.is_(None)
    account_id = db.session.scalar(select(Account.id).where(unconfirmed).with_for_update())
    removed = store.changed_rows(delete(Account).where(Account.id == account_id, unconfirmed))
    return account_id if removed else None


def delete_account(current: Session, password: str, client: Client) -> None:
    """Delete the account and all its rows, and notify its owner.

    Raises InvalidInput on `password`, LimitReached.
    """
    proof = authentication.confirm_password(current, password, client, "password")
    remove(current.account, client, proof)


def remove(account: Account, client: Client, proof: authentication.Proof | None = None) -> None:
    """Delete an account; the database deletes its sessions and tokens too.

    An administrator needs no proof of the password.
    """
    account_id, email = account.id, account.email
    with transaction():
        store.lock(account)
        if proof is not None:
            proof.hold()
        jobs.cancel(email=email, account_id=account_id)
        db.session.execute(delete(Account).where(Account.id == account_id))
        jobs.enqueue("account_deleted", email=email, deleted_account_id=account_id)
    events.record("account.deleted", client, account_id)


def export(account: Account, client: Client) -> Mapping[str, Any]:
    """Return everything stored about the account, without hashes and tokens, ready for JSON."""
    events.record("account.exported", client, account.id)
    return exports.collect(account)
