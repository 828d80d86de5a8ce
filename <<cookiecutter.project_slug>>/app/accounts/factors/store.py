"""Two-factor authentication: turning it on and off, and its recovery codes."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import delete, select, update

from app import jobs
from app.accounts import challenges, events, store
from app.accounts.authentication import Proof
from app.accounts.client import Client
from app.accounts.errors import InvalidInput, SignedOut
from app.accounts.factors import codes, encryption, recovery_codes, setups, totp
from app.accounts.models import Account, Session, TotpFactor
from app.extensions import db, transaction

NOT_WAITING = "This key is no longer valid. Start the setup again."
OFF = "Two-factor authentication is off."


@dataclass(frozen=True)
class Status:
    """Since when the factor is on, if it is, and how many recovery codes are left."""

    confirmed_at: datetime | None
    recovery_codes_left: int


def status(account: Account) -> Status:
    """Return whether the factor is on, and what is left."""
    since = select(TotpFactor.confirmed_at).where(TotpFactor.account_id == account.id)
    return Status(db.session.scalar(since), recovery_codes.count(account))


#: if cookiecutter.interface != "api"
def check_verified(current: Session) -> None:
    """Raise FactorNotVerified where a factor is on and the session began without it.

    The caller holds the account's row.
    """
    verified = select(Session.factor_verified).where(Session.id == current.id)
    if codes.is_needed(current.account) and not db.session.scalar(verified):
        from app.accounts.errors import FactorNotVerified

        raise FactorNotVerified


def begin(current: Session) -> setups.SetUp:
    """Return the key that waits in this session, or a new one, after a recent sign-in.

    It stays the same for TOTP_SETUP_SECONDS, whatever is typed meanwhile.
    Raises FactorNotVerified where a factor is on and the session began without it; SignedOut.
    """
    with transaction():
        if not store.lock(current.account):
            raise SignedOut
        check_verified(current)
        return setups.find_or_new(current)


#: endif
#: if cookiecutter.interface != "html"
def begin_with_password(current: Session, code: str | None, proof: Proof) -> setups.SetUp:
    """Return the key that waits in this session, or a new one, after the password and, where a
    factor is on, a code.

    It stays the same for TOTP_SETUP_SECONDS, whatever is typed meanwhile.
    Raises InvalidInput on `code`, and what the proof raises; LimitReached, SignedOut.
    """
    with codes.spent_if_needed(current.account, code, proof.client):
        proof.hold()
        return setups.find_or_new(current)


#: endif
def confirm(current: Session, typed: str, client: Client) -> list[str]:
    """Turn the factor on by the first code of the key that waits; return the recovery codes.

    They are not shown again. The code counts as used. A factor that was on is replaced.
    Raises InvalidInput on `code`, which changes nothing; SignedOut.
    """
    account = current.account
    code = codes.read_totp(typed)
    waiting = setups.find(current)
    if waiting is None:
        raise InvalidInput({"code": [NOT_WAITING]})
    # These codes are not limited: the person was just shown the key.
    step = totp.matching_step(encryption.decrypt(waiting.secret), code)
    if step is None:
        raise InvalidInput({"code": [codes.WRONG]})
    with transaction():
        if not store.lock(account):
            raise SignedOut
        if not setups.end(current, waiting.secret):
            raise InvalidInput({"code": [NOT_WAITING]})
        # What waits in other sessions was begun without the factor that is on from now.
        setups.end_all(account)
        challenges.void(account)
        replaced = _delete(account)
        db.session.add(TotpFactor(account_id=account.id, secret=waiting.secret, last_step=step))
        shown = recovery_codes.replace(account)
        # This session has just proved the factor.
        verified = update(Session).where(Session.id == current.id)
        db.session.execute(verified.values(factor_verified=True))
        notice = "factor_replaced" if replaced else "factor_added"
        jobs.enqueue(notice, email=account.email, account_id=account.id)
    if replaced:
        events.record("factor.removed", client, account.id, method="totp")
    events.record("factor.added", client, account.id, method="totp")
    events.record("recovery_codes.made", client, account.id, codes=len(shown))
    return shown


def renew_recovery_codes(
    account: Account, code: str, client: Client, proof: Proof | None = None
) -> list[str]:
    """Return new recovery codes, which are not shown again; the old ones stop working.

    `proof` is that of the password, where it was asked for as well.
    Raises InvalidInput on `code`, and what the proof raises; LimitReached, SignedOut.
    """
    with codes.spent(account, code, client, partial(_check_on, account)):
        if proof is not None:
            proof.hold()
        shown = recovery_codes.replace(account)
        jobs.enqueue("recovery_codes_made", email=account.email, account_id=account.id)
    events.record("recovery_codes.made", client, account.id, codes=len(shown))
    return shown


def remove(account: Account, code: str, client: Client, proof: Proof | None = None) -> None:
    """Turn the factor off, and delete the recovery codes.

    `proof` is that of the password, where it was asked for as well.
    Raises InvalidInput on `code`, and what the proof raises; LimitReached, SignedOut.
    """
    with codes.spent(account, code, client, partial(_check_on, account)):
        if proof is not None:
            proof.hold()
        _remove(account)
    events.record("factor.removed", client, account.id, method="totp")


def remove_without_code(account: Account, client: Client) -> bool:
    """Turn the factor off for someone who lost it, as an administrator.

    Return whether it was on. Raises SignedOut.
    """
    with transaction():
        if not store.lock(account):
            raise SignedOut
        removed = _remove(account)
    if removed:
        events.record("factor.removed", client, account.id, method="totp")
    return removed


def _check_on(account: Account) -> None:
    if not codes.is_needed(account):
        raise InvalidInput({"code": [OFF]})


def _remove(account: Account) -> bool:
    removed = _delete(account)
    recovery_codes.void(account)
    challenges.void(account)
    if removed:
        jobs.enqueue("factor_removed", email=account.email, account_id=account.id)
    return removed


def _delete(account: Account) -> bool:
    # Sessions that proved this factor have not proved the next one.
    forget = update(Session).where(Session.account_id == account.id)
    db.session.execute(forget.values(factor_verified=False))
    mine = TotpFactor.account_id == account.id
    return store.changed_rows(delete(TotpFactor).where(mine)) == 1
