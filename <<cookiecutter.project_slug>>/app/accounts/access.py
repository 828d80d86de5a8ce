"""What administrators do with accounts: sign them out, disable them, enable them again."""

from sqlalchemy import update

from app.accounts import challenges, events, mailing, sessions, store, tokens
from app.accounts.client import Client
from app.accounts.models import Account
from app.columns import now
from app.extensions import transaction


def disable(account: Account, client: Client) -> bool:
    """End every session and link of the account, and accept no sign-in from now on.

    A sign-in to it is refused like one with a wrong password. A reset sets the password, but
    does not enable the account. Returns whether the account was enabled.
    """
    with transaction():
        # A sign-in at this moment waits for the row, and then no longer finds it enabled.
        store.lock(account)
        changed = _set_disabled(account, True)
        sessions.end_all(account)
        challenges.void(account)
        mailing.cancel_links(account)
        tokens.void(account)
    if changed:
        events.record("account.disabled", client, account.id)
    return changed


def sign_out(account: Account, client: Client) -> int:
    """End every session of the account, a sign-in that waits for its second step, and a change of
    address that is not confirmed yet. Returns how many sessions there were."""
    with transaction():
        store.lock(account)
        challenges.void(account)
        mailing.cancel_email_change(account)
        ended = sessions.end_all(account)
    events.record("session.revoked_all", client, account.id, sessions=ended)
    return ended


def enable(account: Account, client: Client) -> bool:
    """Accept sign-ins to the account again. Returns whether it was disabled."""
    with transaction():
        changed = _set_disabled(account, False)
    if changed:
        events.record("account.enabled", client, account.id)
    return changed


def _set_disabled(account: Account, disabled: bool) -> bool:
    is_null = Account.disabled_at.is_(None)
    other = update(Account).where(Account.id == account.id, is_null if disabled else ~is_null)
    return store.changed_rows(other.values(disabled_at=now() if disabled else None)) == 1
