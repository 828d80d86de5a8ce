"""Decide whether the response to a challenge signs in, and to which account."""

from dataclasses import dataclass
from typing import NoReturn

from sqlalchemy import select, update

from app.accounts import events
from app.accounts import store as accounts
from app.accounts.client import Client
from app.accounts.errors import NotConfirmed, WrongCredentials
from app.accounts.models import Account, Passkey
from app.accounts.passkeys import store
from app.columns import now
from app.extensions import db

NOT_CONFIRMED = "not confirmed"


@dataclass(frozen=True)
class Match:
    """A valid response, the passkey that made it, and the passkey's account."""

    passkey: Passkey
    account: Account
    counter: int
    synced: bool

    @property
    def fell(self) -> bool:
        """Whether the counter didn't increase, which may mean that the passkey was copied."""
        before, after = self.passkey.sign_count, self.counter
        return after <= before and (before, after) != (0, 0)


@dataclass(frozen=True)
class Refusal:
    """Why a response is refused, in the audit log's words, and the account it names, if any."""

    reason: str
    account_id: int | None = None


def judge(
    token: str, credential: object, client: Client, owner: Account | None = None
) -> Match | Refusal:
    """Check a response to the challenge of a token. If `owner` is given, the passkey must be theirs.

    An unknown passkey takes the same work as a wrong signature.
    """
    from app.accounts.passkeys import credentials

    assertion = credentials.read_assertion(credential)
    if assertion is None:
        return Refusal("wrong passkey")
    passkey, account = find(assertion.credential_hash) or (None, None)
    named = owner is not None
    right = credentials.is_right(assertion, token, passkey, account, named=named)
    if passkey is None or account is None:
        return Refusal("wrong passkey")
    if not right or (owner is not None and owner.id != account.id):
        return Refusal("wrong passkey", account.id)
    if account.disabled_at is not None:
        return Refusal("disabled", account.id)
    if account.confirmed_at is None:
        return Refusal(NOT_CONFIRMED, account.id)
    data = assertion.data
    match = Match(passkey, account, data.counter, data.is_backed_up())
    if match.fell:
        store.record("passkey.counter_fell", passkey, client)
        if passkey.device_bound:
            return Refusal("passkey counter", account.id)
    return match


def accept(match: Match) -> bool:
    """Record the use of a passkey, and lock its account for the caller's transaction.

    Return False if the passkey was used or removed, or its account disabled, in the meantime.
    """
    passkey = match.passkey
    # Of two responses with the same counter, only one finds the old value.
    unchanged = (Passkey.id == passkey.id) & (Passkey.sign_count == passkey.sign_count)
    used = update(Passkey).where(unchanged)
    values = {"sign_count": match.counter, "synced": match.synced, "last_used_at": now()}
    return (
        accounts.lock(match.account, Account.disabled_at.is_(None))
        and accounts.changed_rows(used.values(values)) == 1
    )


def refuse(found: Match | Refusal, client: Client) -> NoReturn:
    """Record why a sign-in failed, and raise WrongCredentials or NotConfirmed."""
    if isinstance(found, Match):
        found = Refusal("passkey changed meanwhile", found.account.id)
    events.record("sign_in.refused", client, found.account_id, reason=found.reason)
    raise NotConfirmed if found.reason == NOT_CONFIRMED else WrongCredentials


def find(credential_hash: str) -> tuple[Passkey, Account] | None:
    """Return a passkey and its account by the hash of the credential's id."""
    query = select(Passkey, Account).join(Account, Account.id == Passkey.account_id)
    found = db.session.execute(query.where(Passkey.credential_hash == credential_hash)).first()
    return None if found is None else (found[0], found[1])
