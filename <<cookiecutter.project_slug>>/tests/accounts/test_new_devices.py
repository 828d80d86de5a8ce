"""The email about a sign-in from a device that the account doesn't know (OWASP ASVS 6.3.5)."""

import pytest
import time_machine
from flask import Flask

from app.accounts import authentication, changes, recovery, registration, sessions
from app.accounts.client import Client
from app.accounts.errors import WrongCredentials
from tests.conftest import PASSWORD, Inbox, add_account

KIND = next(iter(sessions.IDLE_SETTINGS))
NEW_PASSWORD = "tangerine lorry at dusk"
SUBJECT = "New sign-in to your account"


def sign_in(
    email: str, *devices: str, password: str = PASSWORD, address: str = "192.0.2.1"
) -> authentication.SignedIn:
    """Sign in from an address, on a device that was given these secrets."""
    client = Client(address, "forged user agent", devices)
    return authentication.sign_in(email, password, client, KIND)


def notices(inbox: Inbox, email: str) -> int:
    """Return how many such emails the owner of an address has received."""
    return sum(mail.subject.startswith(SUBJECT) for mail in inbox.to(email))


def test_the_owner_gets_an_email_about_a_sign_in_on_another_device(
    app: Flask, account: str, inbox: Inbox
) -> None:
    with app.app_context(), time_machine.travel("2026-01-31 12:34:56Z", tick=False):
        device = sign_in(account).device
        assert notices(inbox, account) == 0
        sign_in(account, address="203.0.113.7")
        assert notices(inbox, account) == 1
        sign_in(account, device)
        assert notices(inbox, account) == 1
    body = inbox.to(account)[-1].body
    assert "Time: 31 Jan 2026, 12:34 UTC." in body
    assert "203.0.113.7" in body
    assert "forged" not in body


def test_the_first_sign_in_after_the_confirmation_sends_no_email(app: Flask, inbox: Inbox) -> None:
    email = "ada@example.com"
    with app.app_context():
        registration.register("Ada", email, PASSWORD, Client())
        registration.confirm(inbox.token(email), Client())
        sign_in(email)
    assert notices(inbox, email) == 0


def test_the_device_of_another_account_is_new(app: Flask, account: str, inbox: Inbox) -> None:
    other = add_account(app, "eve@example.com")
    with app.app_context():
        sign_in(account)
        device = sign_in(other).device
        sign_in(account, device)
    assert (notices(inbox, account), notices(inbox, other)) == (1, 0)


def test_the_device_that_reset_the_password_is_known(
    app: Flask, account: str, inbox: Inbox
) -> None:
    with app.app_context():
        sign_in(account)
        recovery.request_reset(account, Client())
        device = recovery.complete_reset(inbox.token(account), NEW_PASSWORD, Client())
        sign_in(account, device, password=NEW_PASSWORD)
        assert notices(inbox, account) == 0
        sign_in(account, password=NEW_PASSWORD)
    assert notices(inbox, account) == 1


#: if cookiecutter.interface != "api"
def test_a_reauthentication_sends_no_email_about_a_sign_in(
    app: Flask, account: str, inbox: Inbox
) -> None:
    with app.app_context():
        session = sign_in(account).session
        authentication.reauthenticate(session, PASSWORD, Client())
    assert notices(inbox, account) == 0


#: endif
def test_a_wrong_password_sends_no_email(app: Flask, account: str, inbox: Inbox) -> None:
    with app.app_context():
        sign_in(account)
        with pytest.raises(WrongCredentials):
            sign_in(account, password="wrong")
    assert notices(inbox, account) == 0


def test_the_notice_goes_to_the_address_at_that_moment(
    app: Flask, account: str, inbox: Inbox
) -> None:
    with app.app_context():
        first = sign_in(account)
        changes.request_email_change(first.session, "new@example.com", Client())
        token = inbox.token("new@example.com")
        sign_in(account)
        changes.confirm_email_change(token, Client())
    assert (notices(inbox, account), notices(inbox, "new@example.com")) == (1, 0)
