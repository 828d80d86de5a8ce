"""Registration and confirmation of accounts."""

import secrets

from sqlalchemy.exc import IntegrityError

from app import jobs
from app.accounts import events, fields, limits, passwords, store, tokens
from app.accounts.client import Client
from app.accounts.errors import InvalidInput, Refusals
from app.accounts.models import Account
from app.columns import now
from app.extensions import db, transaction


def register(name: str, email: str, password: str, client: Client) -> None:
    """Create an unconfirmed account and email the link that confirms it.

    If the email address has an account, nothing changes and its owner gets an email. Neither the
    response nor the time it takes shows the difference (OWASP ASVS 6.3.8).
    Raises InvalidInput, LimitReached.
    """
    name, email = clean(name, email, password, client)
    limits.spend_mail("register", email, client)
    account = create(name, email, password, link="confirmation")
    if account is not None:
        events.record("account.registered", client, account.id)
        return
    with transaction():
        jobs.enqueue("already_registered", email=email)


def invite(name: str, email: str) -> Account | None:
    """Create an account without a password, and email its owner a link to set one.

    Returns None if the email address has an account. Raises InvalidInput.
    """
    refusals = Refusals()
    cleaned_name = refusals.collect(fields.clean_name, name)
    cleaned_email = refusals.collect(fields.clean_email, email)
    if cleaned_name is None or cleaned_email is None:
        raise InvalidInput(refusals.errors)
    # Nobody knows it, and a sign-in costs the same time as for any other account.
    password = secrets.token_urlsafe(32)
    return create(cleaned_name, cleaned_email, password, link="invitation")


def resend_confirmation(email: str, client: Client) -> None:
    """Email the link again if the address has an unconfirmed account.

    Raises InvalidInput, LimitReached.
    """
    email = fields.clean_email(email)
    limits.spend_mail("confirm", email, client)
    mail_confirmation(email)


#: if cookiecutter.interface != "api"
def check_confirm(token: str) -> None:
    """Raise InvalidToken unless the token can confirm an email address now."""
    tokens.find(token, "confirm")


#: endif
def confirm(token: str, client: Client) -> None:
    """Confirm the email address that a token was sent to. Raises InvalidToken."""
    _, account = tokens.find(token, "confirm")
    with transaction():
        store.lock(account)
        tokens.redeem(token, "confirm")
        tokens.void(account, "confirm")
        account.confirmed_at = account.confirmed_at or now()
    events.record("account.confirmed", client, account.id)


def clean(name: str, email: str, password: str, client: Client | None = None) -> tuple[str, str]:
    """Return name and email address as they are stored.

    The time that checking a password takes is counted for `client`, if there is one.

    Raises:
        InvalidInput: with the messages of all fields.
        LimitReached: when the client has had too many passwords checked.
    """
    refusals = Refusals()
    cleaned_name = refusals.collect(fields.clean_name, name)
    cleaned_email = refusals.collect(fields.clean_email, email)
    own_words = [text for text in (cleaned_name, cleaned_email) if text]
    refusals.collect(passwords.check, password, own_words, client)
    if cleaned_name is None or cleaned_email is None or refusals.errors:
        raise InvalidInput(refusals.errors)
    return cleaned_name, cleaned_email


def create(
    name: str, email: str, password: str, *, confirmed: bool = False, link: str | None = None
) -> Account | None:
    """Store a new account, of clean values; None when the address has one already.

    `link` is the job that emails one to its owner: "confirmation" or "invitation".

    The database decides, so that one of several concurrent registrations wins. The password is
    hashed either way.
    """
    account = Account(
        name=name,
        email=email,
        password_hash=passwords.hash_password(password),
        confirmed_at=now() if confirmed else None,
    )
    try:
        with transaction():
            db.session.add(account)
            if link is not None:
                jobs.enqueue(link, email=email)
    except IntegrityError as error:
        if not store.is_taken(error):
            raise
        return None
    return account


def mail_confirmation(email: str) -> None:
    """Enqueue the email with the link; the job checks whether there is an unconfirmed account."""
    with transaction():
        jobs.enqueue("confirmation", email=email)
