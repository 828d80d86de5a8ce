"""Stored secrets, before and after a change of SECRET_KEY."""

import re

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from app import commands
from app.accounts import authentication
from app.accounts.client import Client
from app.accounts.factors import encryption, rekeying
from app.accounts.models import TotpFactor
from app.extensions import db
from tests.authenticator import KIND, Authenticator, begin, first_step, turn_on
from tests.conftest import PASSWORD, SETTINGS, add_account

CLIENT = Client("192.0.2.1", "tests")
NEW_KEY = "another-key-0123456789-abcdefghijklmnop"


@pytest.fixture
def phone(app: Flask, account: str, clock: time_machine.Traveller) -> Authenticator:
    """Ada's authenticator app, while another key waits in the same session."""
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        phone = turn_on(session, CLIENT)
        begin(session)
    return phone


@pytest.fixture
def new_key(phone: Authenticator, app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change SECRET_KEY, as the administrator of an app with accounts does."""
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [SETTINGS["SECRET_KEY"]])
    monkeypatch.setitem(app.config, "SECRET_KEY", NEW_KEY)


def sign_in(app: Flask, code: str) -> authentication.SignedIn:
    """Sign in to Ada's account in two steps."""
    with app.app_context():
        token = first_step("ada@example.com", CLIENT)
        return authentication.sign_in_with_code(token, code, CLIENT, KIND)


def rekey(app: Flask) -> tuple[int, str]:
    """Return the exit code of `flask accounts rekey`, and what it prints."""
    result = app.test_cli_runner().invoke(args=["accounts", "rekey"])
    errors = re.sub(r"Encrypted .* so far\.\n", "", result.stderr)  # on a slow machine
    return result.exit_code, result.stdout + errors


@pytest.mark.usefixtures("new_key")
def test_two_factor_authentication_works_after_a_change_of_the_key(
    app: Flask, phone: Authenticator
) -> None:
    assert sign_in(app, phone.code())


@pytest.mark.usefixtures("new_key")
def test_after_rekey_the_old_key_is_not_needed(
    app: Flask, phone: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patches:
        patches.setattr(commands, "PROGRESS_SECONDS", 0)
        result, again = (app.test_cli_runner().invoke(args=["accounts", "rekey"]) for _ in range(2))
    assert result.stderr.splitlines() == [
        "Encrypted 1 key with the current SECRET_KEY so far.",
        "Encrypted 2 keys with the current SECRET_KEY so far.",
    ]
    assert result.stdout == "Encrypted 2 keys with the current SECRET_KEY.\n"
    assert again.stderr == ""
    assert rekey(app) == (0, "Encrypted 0 keys with the current SECRET_KEY.\n")
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [])
    assert sign_in(app, phone.code())


@pytest.mark.usefixtures("new_key")
def test_rekey_lists_what_it_cannot_decrypt(
    app: Flask, phone: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [])
        eve = add_account(app, "eve@example.com")
        turn_on(authentication.sign_in(eve, PASSWORD, CLIENT, KIND).session, CLIENT)
    code, output = rekey(app)
    assert code == 1
    # Not the one that waits in her session; Eve's is under the new key.
    assert output.startswith(
        "Encrypted 0 keys with the current SECRET_KEY.\n"
        "ada@example.com\tcan't be decrypted\n"
        "Error: 1 key can't"
    )
    monkeypatch.setitem(app.config, "SECRET_KEY_FALLBACKS", [SETTINGS["SECRET_KEY"]])
    assert rekey(app)[0] == 0
    assert sign_in(app, phone.code())


@pytest.mark.usefixtures("new_key", "phone")
def test_rekey_goes_on_after_what_it_cannot_decrypt(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        db.session.execute(update(TotpFactor).values(secret="unreadable"))
        db.session.commit()
        with monkeypatch.context() as earlier:
            earlier.setitem(app.config, "SECRET_KEY", SETTINGS["SECRET_KEY"])
            eve = add_account(app, "eve@example.com")
            turn_on(authentication.sign_in(eve, PASSWORD, CLIENT, KIND).session, CLIENT)
    code, output = rekey(app)
    assert code == 1
    # Eve's, and the one that waits in Ada's session.
    assert output.startswith(
        "Encrypted 2 keys with the current SECRET_KEY.\n"
        "ada@example.com\tcan't be decrypted\n"
        "Error: 1 key can't"
    )


@pytest.mark.usefixtures("new_key")
def test_rekey_keeps_a_key_that_was_replaced_in_the_meantime(
    app: Flask, phone: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed = encryption.renewed

    def replace_first(stored: str) -> str | None:
        """Set up another phone at this moment."""
        monkeypatch.setattr(encryption, "renewed", renewed)  # once
        with db.engine.begin() as connection:
            secret = encryption.encrypt("KEY OF ANOTHER")
            connection.execute(update(TotpFactor).values(secret=secret))
        return renewed(stored)

    with app.app_context():
        rows = db.session.execute(select(TotpFactor.secret)).all()
        db.session.rollback()
        assert len(rows) == 1
        monkeypatch.setattr(encryption, "renewed", replace_first)
        rekeying.rekey()
        assert encryption.decrypt(db.session.scalars(select(TotpFactor.secret)).one()) == (
            "KEY OF ANOTHER"
        )


def test_each_value_is_encrypted_differently_and_a_changed_one_is_refused(app: Flask) -> None:
    with app.app_context():
        first, second = encryption.encrypt("secret"), encryption.encrypt("secret")
        assert first != second
        assert encryption.decrypt(first) == encryption.decrypt(second) == "secret"
        with pytest.raises(encryption.UnknownKey):
            encryption.decrypt(first[:-4] + "AAAA")


def test_what_an_earlier_version_stored_can_be_read(app: Flask) -> None:
    """If this fails, every authenticator key in a database of today is lost."""
    stored = (
        "gAAAAABrCiPwGCCYSmtTzC-sXk9HKm88VZpsuhIjrYNgWaC6KG7GEo7gV82hkoeiHt_lL0qDoWpASV1KO60TaNiW-qch"
        "iPLrneUxMLohpoJNQozeQU6PaAo1tvQsmpwZ_qxBC-Ianjk9"
    )
    with app.app_context():
        assert encryption.decrypt(stored) == "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
