"""Codes of the second factor: read them and use them.

A code is checked and used in the transaction of the change that it allows: of two requests with
the same code, one wins, and a code is not lost if the change fails.
"""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import select, update

from app import jobs
from app.accounts import events, limits, store
from app.accounts.client import Client
from app.accounts.errors import InvalidInput, SignedOut
from app.accounts.factors import encryption, recovery_codes, totp
from app.accounts.limits import Rule
from app.accounts.models import Account, TotpFactor
from app.extensions import db, transaction

logger = logging.getLogger(__name__)

# Code points. A recovery code has 29 with its hyphens; people also copy spaces along.
LONGEST = 100
TOTP_CODE = re.compile(rf"[0-9]{{{totp.DIGITS}}}")  # not \d, which knows digits of every script
WRONG = "This code is wrong, was already used, or has expired."
SIX_DIGITS = "Enter the 6-digit code from your authenticator app (digits 0 to 9)"


@dataclass(frozen=True)
class Code:
    """A code that someone entered, normalized. `method` is `totp` or `recovery_code`."""

    method: str
    text: str


class _WrongCode(Exception):
    """Ends the transaction, so that it changes nothing."""


def read(typed: str | None) -> Code:
    """Return the code that someone entered; spaces and hyphens make no difference.

    Raises InvalidInput on `code` for what cannot be one.
    """
    text = _compact(typed)
    if TOTP_CODE.fullmatch(text):
        return Code("totp", text)
    recovery_code = recovery_codes.read(text)
    if recovery_code is None:
        raise InvalidInput({"code": [f"{SIX_DIGITS}, or a recovery code."]})
    return Code("recovery_code", recovery_code)


def read_totp(typed: str | None) -> str:
    """Return the code of an authenticator app that someone entered.

    Raises InvalidInput on `code` for what cannot be one.
    """
    text = _compact(typed)
    if not TOTP_CODE.fullmatch(text):
        raise InvalidInput({"code": [f"{SIX_DIGITS}."]})
    return text


def _compact(typed: str | None) -> str:
    if not typed or not typed.strip():
        raise InvalidInput({"code": ["Enter a code."]})
    return "".join(typed.split()).replace("-", "") if len(typed) <= LONGEST else ""


def is_needed(account: Account) -> bool:
    """Return whether the account has a second factor, according to the database."""
    mine = TotpFactor.account_id == account.id
    return db.session.scalar(select(TotpFactor.account_id).where(mine)) is not None


def methods(account: Account) -> list[str]:
    """Return the methods of the codes that the account accepts."""
    return ["totp", "recovery_code"] if recovery_codes.count(account) else ["totp"]


@contextmanager
def spent(
    account: Account,
    typed: str | None,
    client: Client,
    check: Callable[[], object] = lambda: None,
) -> Iterator[str]:
    """Open the transaction of a change that a code allows, and yield the code's method.

    `check` raises what the caller likes if the change can't be made any more. It comes before the
    code: that of a request which is sent twice was right, and must not count as wrong.
    A wrong code counts for the account before it is known to be wrong, so that guesses made at
    the same moment cannot pass the limit together.
    Raises InvalidInput on `code`, LimitReached, SignedOut.
    """
    code, account_id = read(typed), account.id
    rule = Rule("LIMIT_CODE_FAILURES", "code failures", (account_id,), account_id)
    limits.reserve(rule, client)
    try:
        with transaction():
            if not store.lock(account):
                raise SignedOut
            check()
            if not _spend(account, code):
                raise _WrongCode
            left = recovery_codes.count(account)
            if code.method == "recovery_code":
                _notify(account, left)
            yield code.method
    except _WrongCode:
        used_up = limits.fail(rule)
        events.record("sign_in.refused", client, account_id, reason="wrong code")
        if used_up:
            _tell_of_guesses(account_id)
        raise InvalidInput({"code": [WRONG]}) from None
    except BaseException:
        limits.release(rule)
        raise
    limits.release(rule)
    if code.method == "totp":
        events.record("factor.used", client, account.id, method=code.method)
    else:
        events.record("recovery_codes.used", client, account.id, left=left)


@contextmanager
def spent_if_needed(
    account: Account,
    typed: str | None,
    client: Client,
    check: Callable[[], object] = lambda: None,
) -> Iterator[str | None]:
    """Do the same if a second factor is on; otherwise require no code and yield None.

    Raises InvalidInput on `code`, LimitReached, SignedOut.
    """
    if is_needed(account):
        with spent(account, typed, client, check) as method:
            yield method
        return
    with transaction():
        if not store.lock(account):
            raise SignedOut
        if is_needed(account):  # turned on meanwhile
            raise InvalidInput({"code": ["Enter a code."]})
        yield None


def _spend(account: Account, code: Code) -> bool:
    """Use a code in the caller's transaction. Return whether it was correct."""
    if code.method == "totp":
        return _spend_totp(account, code.text)
    return recovery_codes.redeem(account, code.text)


def _notify(account: Account, left: int) -> None:
    jobs.enqueue("recovery_code_used", email=account.email, account_id=account.id, left=left)


def _tell_of_guesses(account_id: int) -> None:
    """Email the owner that the limit of wrong codes was reached.

    See OWASP ASVS 6.3.5.
    """
    account = db.session.get(Account, account_id)  # unless it was deleted meanwhile
    with transaction():
        if account is not None and store.lock(account):
            jobs.enqueue("codes_guessed", email=account.email, account_id=account.id)


def _spend_totp(account: Account, code: str) -> bool:
    mine = TotpFactor.account_id == account.id
    stored = db.session.scalar(select(TotpFactor.secret).where(mine))
    if stored is None:
        return False
    try:
        step = totp.matching_step(encryption.decrypt(stored), code)
    except encryption.UnknownKey:
        # The recovery codes still work: they are hashes, under no key.
        message = "The authenticator key of account %s needs an older SECRET_KEY_FALLBACKS."
        logger.error(message, account.id)
        return False
    if step is None:
        return False
    # Only forward: a code works once (RFC 6238, section 5.2).
    newer = update(TotpFactor).where(mine, TotpFactor.secret == stored, TotpFactor.last_step < step)
    return store.changed_rows(newer.values(last_step=step)) == 1
