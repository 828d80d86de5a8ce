"""Encrypt stored secrets again after a change of SECRET_KEY."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import join, select, update

from app.accounts.factors import encryption
from app.accounts.models import Account, Session, TotpFactor, TotpSetup
from app.extensions import changed_rows, db, transaction


@dataclass(frozen=True)
class Rekeyed:
    """How many secrets are under the new key from now on, and whose are under an unknown one."""

    changed: int
    unreadable: list[str]


def rekey(note: Callable[[int], object] | None = None) -> Rekeyed:
    """Encrypt every secret that is not under the present SECRET_KEY again.

    Each is a transaction of its own, and a secret that was replaced meanwhile stays as it is.
    `note` is called after each change, with how many there were so far.
    """
    changed, unreadable = 0, []
    for key, secret, owner in (
        (TotpFactor.account_id, TotpFactor.secret, join(TotpFactor, Account)),
        (TotpSetup.session_id, TotpSetup.secret, join(TotpSetup, Session).join(Account)),
    ):
        query = select(key, secret, Account.email).select_from(owner).order_by(key)
        for number, stored, email in db.session.execute(query).all():
            try:
                renewed = encryption.renewed(stored)
            except encryption.UnknownKey:
                if secret is TotpFactor.secret:  # one that waits is made again when it is asked for
                    unreadable.append(email)
                continue
            if renewed is not None:
                same = update(key.class_).where(key == number, secret == stored)
                with transaction():
                    changed += changed_rows(same.values(secret=renewed))
                if note is not None:
                    note(changed)
    return Rekeyed(changed, unreadable)
