"""Invitations: an administrator creates the account, and its owner sets the first password."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from app.accounts import access, recovery, registration
from app.accounts.errors import InvalidToken, WrongCredentials
from app.accounts.models import Account
from app.columns import now
from tests.accounts.cli.running import CLIENT, count, run, sign_in
from tests.conftest import Inbox, MakeApp

EMAIL = "ada@example.com"
OWN = "tangerine lorry at dusk"


def invite(app: Flask) -> None:
    """Invite someone as an administrator does."""
    result = run(app, "invite", EMAIL, "--name", "Ada")
    assert result.exit_code == 0, result.output
    assert f"for {EMAIL}.\n" in result.output
    assert f"Sent an email to {EMAIL}.\n" in result.output


@pytest.mark.parametrize("registration", ["open", "closed"])
def test_an_invitation_sets_the_first_password(make_app: MakeApp, registration: str) -> None:
    app = make_app(REGISTRATION=registration)
    inbox = Inbox(app)
    invite(app)
    assert len(inbox.to(EMAIL)) == 1
    mail = inbox.to(EMAIL)[0]
    assert mail.subject.startswith("You have been invited")
    assert "expires in 3 days" in mail.body
    with app.app_context():
        recovery.complete_reset(inbox.token(EMAIL), OWN, CLIENT)
    assert inbox.to(EMAIL)[-1].subject.startswith("Your password was set")
    sign_in(app, EMAIL, OWN)


@pytest.mark.parametrize("wrong", [("ada", "--name", "Ada"), (EMAIL, "--name", " ")])
def test_an_invitation_needs_a_name_and_an_address(app: Flask, wrong: tuple[str, ...]) -> None:
    result = run(app, "invite", *wrong)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert count(app, Account) == 0


def test_an_invited_account_cannot_sign_in_before_the_link_is_used(app: Flask) -> None:
    invite(app)
    with pytest.raises(WrongCredentials):
        sign_in(app, EMAIL)


def test_the_link_of_an_invitation_works_for_days_and_once(app: Flask, inbox: Inbox) -> None:
    invite(app)
    token = inbox.token(EMAIL)
    with time_machine.travel(now() + timedelta(days=2, hours=23), tick=False), app.app_context():
        recovery.complete_reset(token, OWN, CLIENT)
        with pytest.raises(InvalidToken):
            recovery.complete_reset(token, OWN, CLIENT)


def test_the_link_of_an_invitation_expires(app: Flask, inbox: Inbox) -> None:
    invite(app)
    token = inbox.token(EMAIL)
    with (
        time_machine.travel(now() + timedelta(days=3, seconds=1), tick=False),
        app.app_context(),
        pytest.raises(InvalidToken),
    ):
        recovery.complete_reset(token, OWN, CLIENT)


def test_people_with_an_account_are_not_invited(app: Flask, account: str, inbox: Inbox) -> None:
    result = run(app, "invite", account.upper(), "--name", "Eve")
    assert result.exit_code == 1
    assert "already has an account; `flask accounts reset-password` sends" in result.output
    assert inbox.to(account) == []


def test_invite_reports_invalid_values(app: Flask) -> None:
    result = run(app, "invite", "nonsense", "--name", " ")
    assert result.exit_code == 1
    assert "email: " in result.output
    assert "name: " in result.output
    assert count(app, Account) == 0


def test_an_account_disabled_before_its_invitation_was_sent_gets_none(
    app: Flask, inbox: Inbox
) -> None:
    with app.app_context():
        account = registration.invite("Ada", EMAIL)
        assert account is not None
        access.disable(account, CLIENT)
    assert inbox.to(EMAIL) == []


def test_an_account_that_was_confirmed_meanwhile_is_not_invited(app: Flask, inbox: Inbox) -> None:
    with app.app_context():
        registration.invite("Ada", EMAIL)
        assert run(app, "confirm", EMAIL).exit_code == 0
    assert inbox.to(EMAIL) == []
