"""What somebody takes along of their account."""

from flask import Flask

from app.accounts import authentication, changes, recovery, sessions, store
from app.accounts.client import Client
from tests.conftest import PASSWORD, add_account

CLIENT = Client("192.0.2.1", "tests")
KIND = next(iter(sessions.IDLE_SETTINGS))


def test_an_export_holds_nothing_of_others(app: Flask) -> None:
    with app.app_context():
        for email in ("ada@example.com", "eve@example.com"):
            add_account(app, email)
            authentication.sign_in(email, PASSWORD, CLIENT, KIND)
            recovery.mail_reset(email, CLIENT)
        ada = store.by_email("ada@example.com")
        assert ada is not None
        exported = changes.export(ada, CLIENT)
    assert len(exported["sessions"]) == len(exported["mailed_links"]) == 1
    assert "eve@example.com" not in str(exported)
