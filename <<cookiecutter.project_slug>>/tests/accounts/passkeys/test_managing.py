"""Names, emails and removal of passkeys."""

import pytest
from flask import Flask

from app.accounts.errors import InvalidInput
from app.accounts.models import NAME_LENGTH, Session
from app.accounts.passkeys import ceremonies, store
from tests.accounts.passkeys.conftest import ADA, CLIENT, refused
from tests.authenticator import start_session
from tests.conftest import Inbox, add_account
from tests.software_authenticator import SoftwareAuthenticator, add_passkey, creation_options


def test_a_passkey_is_named_after_its_password_manager(session: Session) -> None:
    bitwarden = bytes.fromhex("d548826e79b4db40a3d811116f7e8349")
    assert add_passkey(session, CLIENT, SoftwareAuthenticator(aaguid=bitwarden)).name == "Bitwarden"
    assert add_passkey(session, CLIENT, SoftwareAuthenticator()).name == "Passkey"
    named = add_passkey(session, CLIENT, SoftwareAuthenticator(aaguid=bitwarden), "  Work \u00e9 ")
    assert named.name == "Work \u00e9"
    begun = creation_options(session)
    made = SoftwareAuthenticator().create(begun.options)
    passkey = ceremonies.register(session, begun.token, None, made, CLIENT, "Firefox on Linux")
    assert passkey.name == "Firefox on Linux"


def test_an_invalid_name_does_not_use_the_challenge_up(session: Session) -> None:
    begun = creation_options(session)
    made = SoftwareAuthenticator().create(begun.options)
    assert refused(session, made, begun.token, " ") == "name: Enter a name."
    too_long = f"name: Use at most {NAME_LENGTH} characters."
    assert refused(session, made, begun.token, "x" * (NAME_LENGTH + 1)) == too_long
    assert ceremonies.register(session, begun.token, "Phone", made, CLIENT).name == "Phone"


def test_adding_and_removing_sends_the_owner_an_email(session: Session, inbox: Inbox) -> None:
    passkey = add_passkey(session, CLIENT, SoftwareAuthenticator())
    assert store.remove(passkey, CLIENT)
    assert not store.remove(passkey, CLIENT)
    subjects = [mail.subject.split(" · ")[0] for mail in inbox.to(ADA)]
    assert subjects == [
        "A passkey was added to your account",
        "A passkey was removed from your account",
    ]


def test_a_passkey_of_another_account_is_not_found(app: Flask, session: Session) -> None:
    passkey = add_passkey(session, CLIENT, SoftwareAuthenticator())
    assert store.find(session.account, str(passkey.public_id)) is passkey
    eve = start_session(app, add_account(app, "eve@example.com"), CLIENT)
    assert store.find(eve.account, str(passkey.public_id)) is None
    assert store.find(session.account, "nonsense") is None


def test_a_new_name_is_stored(session: Session) -> None:
    passkey = add_passkey(session, CLIENT, SoftwareAuthenticator())
    assert store.rename(passkey, " Phone ", CLIENT)
    assert store.passkeys_of(session.account)[0].name == "Phone"
    with pytest.raises(InvalidInput, match="Enter a name"):
        store.rename(passkey, "", CLIENT)
    store.remove(passkey, CLIENT)
    assert not store.rename(passkey, "Tablet", CLIENT)
