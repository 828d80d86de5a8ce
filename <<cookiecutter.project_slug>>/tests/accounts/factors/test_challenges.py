"""The challenge between the two steps of a sign-in: what it is for, and when it ends."""

from collections.abc import Callable

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from app.accounts import access, changes, passwords, recovery, sessions
from app.accounts.errors import InvalidChallenge
from app.accounts.factors import store as factors
from app.accounts.models import Account, Challenge, Session
from app.extensions import db
from tests.accounts.factors.conftest import (
    ADA,
    CLIENT,
    OTHER_PASSWORD,
    count,
    owner,
    reset_password,
    second_step,
)
from tests.authenticator import Authenticator, first_step
from tests.conftest import PASSWORD, Inbox


def test_a_challenge_works_once(phone: Authenticator) -> None:
    token = first_step(ADA, CLIENT)
    second_step(token, phone.code())
    with pytest.raises(InvalidChallenge):
        second_step(token, phone.code(1))


def test_a_code_is_not_lost_with_a_challenge_that_ended(phone: Authenticator) -> None:
    token = first_step(ADA, CLIENT)
    second_step(token, phone.recovery_codes[0])
    with pytest.raises(InvalidChallenge):
        second_step(token, phone.code())
    assert second_step(first_step(ADA, CLIENT), phone.code())


@pytest.mark.parametrize(("seconds", "lives"), [(10 * 60 - 1, True), (10 * 60, False)])
def test_a_challenge_ends_after_ten_minutes(
    phone: Authenticator, clock: time_machine.Traveller, seconds: int, lives: bool
) -> None:
    token = first_step(ADA, CLIENT)
    clock.shift(seconds)
    if lives:
        assert second_step(token, phone.code())
    else:
        with pytest.raises(InvalidChallenge):
            second_step(token, phone.code())


@pytest.mark.parametrize("token", ["", "x" * 43, "\0", "\ud800", "x" * 100_000])
def test_an_invalid_challenge_is_refused(phone: Authenticator, token: str) -> None:
    with pytest.raises(InvalidChallenge):
        second_step(token, phone.code())


def test_a_challenge_is_for_one_kind_of_session_and_one_purpose(phone: Authenticator) -> None:
    token = first_step(ADA, CLIENT)
    with pytest.raises(InvalidChallenge):
        second_step(token, phone.code(), "another kind")
    db.session.execute(update(Challenge).values(purpose="something else"))
    db.session.commit()
    with pytest.raises(InvalidChallenge):
        second_step(token, phone.code())


@pytest.mark.parametrize("kind", sessions.IDLE_SETTINGS)
def test_the_session_is_of_the_kind_that_was_asked_for(phone: Authenticator, kind: str) -> None:
    token = first_step(ADA, CLIENT, kind)
    assert second_step(token, phone.code(), *sessions.IDLE_SETTINGS).session.kind == kind


def disable(_: Inbox) -> None:
    """Disable the account, and enable it again."""
    access.disable(owner(), CLIENT)
    access.enable(owner(), CLIENT)


def set_password(_: Inbox) -> None:
    """Set another password as an administrator."""
    recovery.replace_password(owner(), passwords.hash_password(OTHER_PASSWORD), CLIENT)


def remove_factor(_: Inbox) -> None:
    """Turn the factor off as an administrator."""
    factors.remove_without_code(owner(), CLIENT)


def delete(_: Inbox) -> None:
    """Delete the account."""
    changes.remove(owner(), CLIENT)


@pytest.mark.parametrize("event", [reset_password, disable, set_password, remove_factor, delete])
def test_ending_every_session_ends_challenges(
    phone: Authenticator, inbox: Inbox, event: Callable[[Inbox], None]
) -> None:
    token = first_step(ADA, CLIENT)
    event(inbox)
    with pytest.raises(InvalidChallenge):
        second_step(token, phone.code())
    assert count(Session) == 0


def test_a_password_change_ends_challenges(phone: Authenticator) -> None:
    session = second_step(first_step(ADA, CLIENT), phone.recovery_codes[0]).session
    token = first_step(ADA, CLIENT)
    changes.change_password(session, PASSWORD, OTHER_PASSWORD, CLIENT)
    with pytest.raises(InvalidChallenge):
        second_step(token, phone.code())


@pytest.mark.parametrize("by", ["owner", "administrator"])
def test_signing_out_everywhere_ends_challenges(app: Flask, phone: Authenticator, by: str) -> None:
    mine = second_step(first_step(ADA, CLIENT), phone.code()).session
    token = first_step(ADA, CLIENT)
    if by == "owner":
        sessions.revoke_others(mine, CLIENT)
    else:
        assert app.test_cli_runner().invoke(args=["accounts", "sign-out", ADA]).exit_code == 0
    with pytest.raises(InvalidChallenge):
        second_step(token, phone.recovery_codes[0])


def test_a_disabled_account_is_refused_at_the_second_step(phone: Authenticator) -> None:
    token = first_step(ADA, CLIENT)
    db.session.execute(update(Account).values(disabled_at=Account.created_at))
    db.session.commit()
    with pytest.raises(InvalidChallenge):
        second_step(token, phone.code())
