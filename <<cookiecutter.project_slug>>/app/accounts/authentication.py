"""Proving who one is: sign-in, and the password asked again."""

from dataclasses import dataclass

from sqlalchemy import update

from app.accounts import devices, events, limits, passwords, sessions, store
from app.accounts.client import Client
from app.accounts.errors import InvalidInput, NotConfirmed, WrongCredentials
from app.accounts.fields import address_key
from app.accounts.models import Account, Session
from app.extensions import db

FAILURES = ("LIMIT_PASSWORD_FAILURES", "password failures")


@dataclass(frozen=True)
class SignedIn:
    """What a sign-in gives: the session, its token, and a cookie for the browser's next one."""

    session: Session
    token: str
    device: str


def sign_in(
    email: str, password: str, client: Client, kind: str, replaces: Session | None = None
) -> SignedIn:
    """Start a session for the owner of address and password; it takes the place of `replaces`.

    An unknown address costs the same work as a known one.
    Raises WrongCredentials, NotConfirmed, LimitReached.
    """
    account = store.by_email(email)
    device = devices.identify(client.device, account)
    matches = _password_matches(account, address_key(email), password, client, device)
    if account is None or not matches:
        account_id = account.id if account else None
        events.record("sign_in.refused", client, account_id, reason="wrong credentials")
        raise WrongCredentials
    if account.confirmed_at is None:
        events.record("sign_in.refused", client, account.id, reason="not confirmed")
        raise NotConfirmed
    return _start(account, client, kind, replaces, method="password")


#: if cookiecutter.interface != "api"
def reauthenticate(current: Session, password: str, client: Client) -> SignedIn:
    """Start a session anew, of the same kind, for somebody signed in who knows the password.

    Raises InvalidInput on `password`, LimitReached.
    """
    confirm_password(current, password, client, "password")
    return _start(current.account, client, current.kind, current, method="reauthentication")


#: endif
def confirm_password(current: Session, password: str, client: Client, field: str) -> None:
    """Ask somebody signed in for their password. Raises InvalidInput on `field`, LimitReached."""
    account = current.account
    # Counted for this session alone: strangers cannot keep its owner from changing anything.
    if not _password_matches(account, account.email, password, client, f"session {current.id}"):
        events.record("sign_in.refused", client, account.id, reason="wrong password")
        raise InvalidInput({field: ["This is not your password."]})


def lift_limit(account: Account) -> None:
    """Let strangers try passwords for the account again."""
    limits.lift(*FAILURES, account.email)


def _password_matches(
    account: Account | None, address: str, password: str, client: Client, source: str | None
) -> bool:
    """Compare, within the limits, and renew a hash made at another cost; the caller commits.

    `source` is what is counted apart from strangers: a known device, or a session.
    A failure is counted before it is known to be one, so that guesses made at the same moment
    cannot pass the limit together.
    """
    limits.spend(
        "LIMIT_PASSWORD_BY_IP", "passwords by address", limits.network(client.ip_address), client
    )
    key = f"{address} {source}" if source else address
    limits.spend(*FAILURES, key, client)
    matches = passwords.verify(password, account.password_hash if account else None)
    if account is None or not matches or not _is_still_the_password(account):
        return False
    limits.give_back(*FAILURES, key)
    if passwords.needs_renewal(account.password_hash):
        account.password_hash = passwords.hash_password(password)
    return True


def _is_still_the_password(account: Account) -> bool:
    """Whether the hash that was compared is the account's still, and so it stays until the commit.

    Comparing takes long: a reset meanwhile must not leave a session, or a password, behind it.
    It is written as it was, since that holds the row in every database, unlike
    `SELECT … FOR UPDATE`.
    """
    compared = account.password_hash
    held = update(Account).where(Account.id == account.id, Account.password_hash == compared)
    return store.changed_rows(held.values(password_hash=compared)) == 1


def _start(
    account: Account, client: Client, kind: str, replaces: Session | None, method: str
) -> SignedIn:
    if replaces is not None:
        sessions.end(replaces)
    session, token = sessions.start(account, kind, client)
    db.session.commit()
    events.record("sign_in.succeeded", client, account.id, method=method, session_id=session.id)
    return SignedIn(session, token, devices.issue(account))
