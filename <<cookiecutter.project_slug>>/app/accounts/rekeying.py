"""Encrypt stored secrets again after a change of SECRET_KEY."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import select, update

from app.accounts import encryption
from app.accounts.models import TotpFactor, TotpSetup
from app.extensions import changed_rows, db, transaction


@dataclass(frozen=True)
class Rekeyed:
    """How many secrets are under the new key from now on, and how many are under an unknown one."""

    changed: int
    unreadable: int


def rekey(note: Callable[[int], object] | None = None) -> Rekeyed:
    """Encrypt every secret that is not under the present SECRET_KEY again.

    Each is a transaction of its own, and a secret that was replaced meanwhile stays as it is.
    `note` is called after each change, with how many there were so far.
    """
    changed = unreadable = 0
    for key, secret in (
        (TotpFactor.account_id, TotpFactor.secret),
        (TotpSetup.session_id, TotpSetup.secret),
    ):
        for number, stored in db.session.execute(select(key, secret).order_by(key)).all():
            try:
                renewed = encryption.renewed(stored)
            except encryption.UnknownKey:
                unreadable += 1
                continue
            if renewed is not None:
                same = update(key.class_).where(key == number, secret == stored)
                with transaction():
                    changed += changed_rows(same.values(secret=renewed))
                if note is not None:
                    note(changed)
    return Rekeyed(changed, unreadable)
