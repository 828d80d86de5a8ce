"""Password resets."""

from sqlalchemy import select

from app import jobs
from app.accounts import (
    authentication,
    challenges,
    devices,
    events,
    fields,
    limits,
    mailing,
    passwords,
    sessions,
    store,
    tokens,
)
from app.accounts.client import Client
from app.accounts.models import Account
from app.columns import now
from app.extensions import db, transaction


def request_reset(email: str, client: Client) -> None:
    """Email a link to the owner of an address; nothing reveals whether there is one.

    Raises InvalidInput, LimitReached.
    """
    email = fields.clean_email(email)
    limits.spend_mail("reset", email, client)
    mail_reset(email, client)


#: if cookiecutter.interface != "api"
def check_reset(token: str) -> str:
    """Return the email address of the account that a token is for. Raises InvalidToken."""
    row, _ = tokens.find(token, "reset")
    return row.email


#: endif
def complete_reset(token: str, password: str, client: Client) -> str:
    """Set the password of the account that the token was sent to.

    The link also proves the email address, so it is confirmed. All sessions and all other links
    end, and the sign-in limit is lifted. Return the secret of a known device, so that strangers
    who keep guessing can't keep this one from signing in.
    Raises InvalidToken, InvalidInput (the token stays valid), LimitReached.
    """
    _, account = tokens.find(token, "reset")
    passwords.check(password, account.own_words, client)
    password_hash = passwords.hash_password(password)
    with transaction():
        store.lock(account)
        tokens.redeem(token, "reset")
        # Until then nobody has signed in: someone was invited, or forgot what they registered with.
        notice = "password_changed" if account.confirmed_at else "password_set"
        account.confirmed_at = account.confirmed_at or now()
        _store(account, password_hash, notice)
        device = devices.remember(account)
    _follow_up(account, client)
    return device


def replace_password(account: Account, password_hash: str, client: Client) -> None:
    """Do what a reset does, for an administrator: store a hash, end all sessions, links and
    known devices, lift the sign-in limit, notify the owner."""
    with transaction():
        _store(account, password_hash, "password_changed")
    _follow_up(account, client)


def _store(account: Account, password_hash: str, notice: str) -> None:
    account.password_hash = password_hash
    mailing.cancel_links(account)
    tokens.void(account)
    sessions.end_all(account)
    challenges.void(account)
    devices.forget(account)
    jobs.enqueue(notice, email=account.email, account_id=account.id)


def _follow_up(account: Account, client: Client) -> None:
    authentication.lift_limit(account)
    events.record("password.reset", client, account.id)


def mail_reset(email: str, client: Client) -> None:
    """Enqueue the email with the link; the job checks whether there is an account."""
    with transaction():
        jobs.enqueue("reset", email=email)
    # The same statement for every address: only the audit log learns what it found.
    account_id = db.session.scalar(select(Account.id).where(Account.email == email))
    events.record("password.reset_asked", client, account_id)
