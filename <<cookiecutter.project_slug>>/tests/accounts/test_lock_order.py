"""What changes an account locks it first, so that no two changes wait for each other."""

from collections.abc import Callable

import pytest
from flask import Flask, current_app

from app.accounts import access, authentication, changes, recovery, sessions, store
from app.accounts.client import Client
from app.accounts.models import Session
from app.accounts.passkeys import store as passkeys
from tests.accounts.cli.running import run
from tests.conftest import PASSWORD
from tests.software_authenticator import SoftwareAuthenticator, add_passkey
from tests.work import counted

CLIENT = Client("192.0.2.1", "tests")
KIND = next(iter(sessions.IDLE_SETTINGS))
CHANGES: list[Callable[[Session], object]] = [
    lambda session: sessions.sign_out(session, CLIENT),
    lambda session: sessions.revoke(session, str(session.public_id), CLIENT),
    lambda session: sessions.revoke_others(session, CLIENT),
    lambda session: access.disable(session.account, CLIENT),
    lambda session: changes.remove(session.account, CLIENT),
    lambda session: changes.delete_account(session, PASSWORD, CLIENT),
    lambda session: changes.change_password(session, PASSWORD, "tangerine lorry at dusk", CLIENT),
    lambda session: changes.request_email_change(session, "countess@example.com", CLIENT),
    lambda session: recovery.replace_password(session.account, "scrypt:x", CLIENT),
    lambda session: run(current_app, "sign-out", session.account.email),
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_locks_the_account_first(
    app: Flask, account: str, change: Callable[[Session], object]
) -> None:
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        assert first_write(app, lambda: change(session)).startswith("UPDATE accounts")


def test_disabling_again_locks_the_account_too(app: Flask, account: str) -> None:
    with app.app_context():
        owner = store.by_email(account)
        assert owner is not None
        access.disable(owner, CLIENT)
        written = first_write(app, lambda: access.disable(owner, CLIENT))
    assert written.startswith("UPDATE accounts SET name")


def test_removing_a_passkey_locks_its_account_first(app: Flask, account: str) -> None:
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        passkey = add_passkey(session, CLIENT, SoftwareAuthenticator())
        written = first_write(app, lambda: passkeys.remove(passkey, CLIENT))
    assert written.startswith("UPDATE accounts")


def first_write(app: Flask, change: Callable[[], object]) -> str:
    """Return the first statement that writes something besides counters."""
    with counted(app) as work:
        change()
    written = (each for each in work if each.startswith(("UPDATE", "DELETE", "INSERT")))
    return next(each for each in written if "limit_counters" not in each)
