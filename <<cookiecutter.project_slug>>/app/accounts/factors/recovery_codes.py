"""Recovery codes: each signs in once in place of the authenticator app."""

import secrets

from flask import current_app
from sqlalchemy import delete, func, select

from app.accounts import store, tokens
from app.accounts.models import Account, RecoveryCode
from app.extensions import db

# Crockford's base32: without I, L, O and U, which are taken for others or spell words.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LOOKALIKES = str.maketrans("ILO", "110")
LENGTH = 24  # of 5 bits each: 120 bits, which need no slow hash
GROUP = 4


def replace(account: Account) -> list[str]:
    """Create and return new codes; the old ones no longer work. The caller commits."""
    void(account)
    codes = [_new() for _ in range(current_app.config["RECOVERY_CODES"])]
    for code in codes:
        db.session.add(RecoveryCode(account_id=account.id, code_hash=tokens.digest(code)))
    return [_grouped(code) for code in codes]


def void(account: Account) -> None:
    """Invalidate all codes of an account. The caller commits."""
    db.session.execute(delete(RecoveryCode).where(RecoveryCode.account_id == account.id))


def count(account: Account) -> int:
    """Return how many codes are left."""
    mine = RecoveryCode.account_id == account.id
    return db.session.scalar(select(func.count()).select_from(RecoveryCode).where(mine)) or 0


def read(typed: str) -> str | None:
    """Return a code as it is stored, or None for what cannot be one.

    `typed` has no spaces and no hyphens. Upper and lower case, and characters that are easily
    taken for one another, are the same.
    """
    if len(typed) != LENGTH or not typed.isascii():
        return None
    code = typed.upper().translate(LOOKALIKES)
    return code if set(code) <= set(ALPHABET) else None


def redeem(account: Account, code: str) -> bool:
    """Use a code. Of several concurrent requests, the one whose DELETE finds the row wins."""
    mine = (RecoveryCode.account_id == account.id) & (RecoveryCode.code_hash == tokens.digest(code))
    row_id = db.session.scalar(select(RecoveryCode.id).where(mine))
    # By the key alone: along another index a server may lock rows of other accounts too.
    return store.changed_rows(delete(RecoveryCode).where(RecoveryCode.id == row_id)) == 1


def _new() -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))


def _grouped(code: str) -> str:
    return "-".join(code[start : start + GROUP] for start in range(0, LENGTH, GROUP))
