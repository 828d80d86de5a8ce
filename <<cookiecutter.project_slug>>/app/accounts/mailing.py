"""The emails about accounts, each of them a job: it looks up whom it is for when it runs.

A request only enqueues a job, whether or not there is an account. Hours may pass before an email
is sent, so each job checks again whether it may be. A password change cancels the jobs whose
links it would invalidate.
"""

import hashlib
import hmac
import json
import logging
from collections.abc import Callable

from flask import current_app

from app import jobs, mail
from app.accounts import events, store, tokens
from app.accounts.client import Client
from app.accounts.models import Account
from app.extensions import db, transaction
from app.jobs import Job
from app.mail import Email, emails

logger = logging.getLogger(__name__)

Writer = Callable[[Job], Email | None]

# The notices that need no more than an address, each with its words.
NOTICES: dict[str, Callable[[str], Email]] = {
    "already_registered": emails.already_registered,
    "password_changed": emails.password_changed,
    "password_set": emails.password_set,
    "factor_added": emails.factor_added,
    "factor_replaced": emails.factor_replaced,
    "factor_removed": emails.factor_removed,
    "recovery_codes_made": emails.recovery_codes_made,
    "codes_guessed": emails.codes_guessed,
    "passkey_added": emails.passkey_added,
    "passkey_removed": emails.passkey_removed,
    "email_change_requested": emails.email_change_requested,
    "email_changed": emails.email_changed,
    "account_deleted": emails.account_deleted,
}
# Those with a link, which someone waits for.
LINKS = ("confirmation", "invitation", "reset", "email_change")
# What anyone can ask for with any address, so that it may be for nobody.
OF_STRANGERS = ("confirmation", "reset")


def _message_id(job: Job) -> str:
    """Return an ID that is the same for every attempt, so that mail programs detect duplicates."""
    key = current_app.config["SECRET_KEY"].encode()
    text = f"message id of job {job.id}, {job.created_at}"
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def _note_given_up(job: Job) -> None:
    account_id = job.account_id or json.loads(job.arguments).get("deleted_account_id")
    if account_id is None:
        account = store.by_email(job.email or "")
        if account is None and job.name in OF_STRANGERS:
            return  # there was nobody to write to
        account_id = account.id if account else None
    message = "Email given up: %s, account %s, %d tries: %s"
    logger.error(message, job.name, account_id, job.tries, job.last_error)
    events.record("mail.given_up", Client(), account_id, email=job.name, reason=job.last_error)


def email_job(name: str, deadline: str) -> Callable[[Writer], Writer]:
    """Register a function that writes an email, in a transaction, when its job runs.

    `deadline` is the setting with the seconds after which the email is given up. One with a link
    is sent before others.
    """

    def register(write: Writer) -> Writer:
        @jobs.job(name, deadline=deadline, gave_up=_note_given_up, urgent=name in LINKS)
        def send(job: Job) -> None:
            with transaction():
                email = write(job)
                jobs.hold(job)
            if email is None:
                return
            try:
                mail.send(email, _message_id(job))
            except mail.DeliveryError as error:
                raise jobs.JobFailed(error.reason, permanent=error.permanent) from None

        return write

    return register


@email_job("confirmation", "CONFIRMATION_DEADLINE_SECONDS")
def confirmation(job: Job) -> Email:
    """Write the email with a link that confirms the address of an unconfirmed account."""
    account = store.by_email(job.email or "")
    if account is None or account.confirmed_at is not None:
        return emails.confirm_address(job.email or "", tokens.new()[0]).to_nobody()
    token = tokens.issue(account, "confirm", account.email, job.id)
    return emails.confirm_address(account.email, token)


@email_job("invitation", "CONFIRMATION_DEADLINE_SECONDS")
def invitation(job: Job) -> Email | None:
    """Write the email with a link that sets the first password: a reset link that works longer."""
    account = store.by_email(job.email or "")
    if account is None or account.confirmed_at is not None:
        return None
    lifetime = "INVITATION_TOKEN_SECONDS"
    token = tokens.issue(account, "reset", account.email, job.id, lifetime)
    return emails.invitation(account.email, token)


@email_job("reset", "RESET_TOKEN_SECONDS")
def reset(job: Job) -> Email:
    """Write the email with a link that sets a new password, if the address has an account."""
    account = store.by_email(job.email or "")
    if account is None:
        return emails.reset_password(job.email or "", tokens.new()[0]).to_nobody()
    token = tokens.issue(account, "reset", account.email, job.id)
    return emails.reset_password(account.email, token)


@email_job("email_change", "EMAIL_CHANGE_TOKEN_SECONDS")
def email_change(job: Job) -> Email | None:
    """Write the email to the new address or, if a confirmed account has it, a notice to its owner."""
    account = db.session.get(Account, job.account_id)
    if account is None or job.email is None:
        return None
    # Even if nobody gets it: the export lists it, and must not tell who has an account.
    token = tokens.issue(account, "email", job.email, job.id)
    owner = store.by_email(job.email)
    if owner is not None and owner.confirmed_at is not None:
        return emails.address_in_use(job.email)
    return emails.confirm_new_address(job.email, token)


@email_job("recovery_code_used", "NOTICE_DEADLINE_SECONDS")
def recovery_code_used(job: Job) -> Email:
    """Write the email that a recovery code was used."""
    return emails.recovery_code_used(job.email or "", json.loads(job.arguments)["left"])


def tell_of_new_device(account: Account, client: Client) -> None:
    """Email the owner about a sign-in from a device that the account doesn't know.

    See OWASP ASVS 6.3.5. The caller commits.
    """
    jobs.enqueue(
        "new_device",
        email=account.email,
        account_id=account.id,
        ip_address=client.ip_address,
    )


@email_job("new_device", "NOTICE_DEADLINE_SECONDS")
def new_device(job: Job) -> Email:
    """Write the email about a sign-in, to the address that the account had at that time."""
    ip_address = json.loads(job.arguments)["ip_address"]
    return emails.new_device(job.email or "", job.created_at, ip_address)


def cancel_links(account: Account) -> None:
    """Cancel the jobs that would send links; call it before `tokens.void`, which they wait for."""
    jobs.cancel(*LINKS, email=account.email, account_id=account.id)


def cancel_email_change(account: Account) -> None:
    """Cancel a change of address: the email that waits, and the link that was sent.

    The caller holds the account's row, and commits.
    """
    jobs.cancel("email_change", account_id=account.id)
    tokens.void(account, "email")


def _write_notice(job: Job) -> Email:
    """Write a notice, to the address that the account had at that time."""
    email = NOTICES[job.name](job.email or "")
    if job.name == "already_registered" and store.by_email(email.to) is None:
        return email.to_nobody()
    return email


for notice in NOTICES:
    email_job(notice, "NOTICE_DEADLINE_SECONDS")(_write_notice)
