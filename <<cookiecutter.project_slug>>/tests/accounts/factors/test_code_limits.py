"""Limits on guesses of codes."""

import pytest
import time_machine
from flask import Flask

from app.accounts import authentication
from app.accounts.client import Client
from app.accounts.errors import FactorRequired, InvalidChallenge, LimitReached, WrongCredentials
from app.accounts.factors import codes
from tests.accounts.factors.conftest import (
    ADA,
    CLIENT,
    OTHER_PASSWORD,
    owner,
    refused_code,
    reset_password,
    second_step,
)
from tests.accounts.mailing.shared import subjects
from tests.authenticator import KIND, STEP, Authenticator, first_step, turn_on
from tests.conftest import PASSWORD, Inbox, add_account

GUESSED = "Wrong codes were entered for your account"


def test_after_ten_wrong_codes_even_the_right_one_is_refused(
    phone: Authenticator, clock: time_machine.Traveller
) -> None:
    tokens = [first_step(ADA, CLIENT) for _ in range(2)]
    for number in range(10):
        refused_code(tokens[number % 2], phone.wrong_code())
    for code in (phone.wrong_code(), phone.code(), phone.recovery_codes[0]):
        with pytest.raises(LimitReached) as caught:
            second_step(tokens[0], code)
        assert 0 < caught.value.retry_after <= 15 * 60
    clock.shift(15 * 60)
    assert second_step(first_step(ADA, CLIENT), phone.code())


def test_the_owner_gets_one_email_about_guessed_codes(
    phone: Authenticator, inbox: Inbox, clock: time_machine.Traveller
) -> None:
    assert second_step(first_step(ADA, CLIENT), phone.code())  # opens the window of attempts
    clock.shift(14 * 60)
    token = first_step(ADA, CLIENT)
    for _ in range(9):
        refused_code(token, phone.wrong_code())
    assert GUESSED not in subjects(inbox, ADA)
    clock.shift(61)  # another window of attempts, but the same of failures
    refused_code(token, phone.wrong_code())
    with pytest.raises(LimitReached):
        second_step(token, phone.wrong_code())
    assert subjects(inbox, ADA).count(GUESSED) == 1


def test_wrong_recovery_codes_count_like_wrong_codes(phone: Authenticator) -> None:
    token = first_step(ADA, CLIENT)
    for number in range(10):
        refused_code(token, f"{number:024}" if number % 2 else phone.wrong_code())
    with pytest.raises(LimitReached):
        second_step(token, phone.code())


def test_malformed_codes_are_not_counted(phone: Authenticator) -> None:
    token = first_step(ADA, CLIENT)
    for code in ("", " ", "12345", "１２３４５６", "\0", "x" * 1000) * 2:
        refused_code(token, code)
    assert second_step(token, phone.code())


def test_codes_count_only_after_the_right_password(phone: Authenticator) -> None:
    strangers = [Client(f"198.51.100.{number}") for number in range(12)]
    for number, stranger in enumerate(strangers):
        with pytest.raises((WrongCredentials, LimitReached)):
            authentication.sign_in(ADA, f"wrong {number}", stranger, KIND)
        with pytest.raises(InvalidChallenge):
            authentication.sign_in_with_code("x" * 43, "123456", stranger, KIND)
    authentication.lift_limit(owner())
    assert second_step(first_step(ADA, CLIENT), phone.code())


def test_right_codes_are_not_counted_and_reset_no_counter(
    phone: Authenticator, clock: time_machine.Traveller
) -> None:
    for _ in range(9):
        refused_code(first_step(ADA, Client("192.0.2.2")), phone.wrong_code())
        clock.shift(STEP)
        second_step(first_step(ADA, Client("192.0.2.3")), phone.code())
    token = first_step(ADA, CLIENT)
    refused_code(token, phone.wrong_code())
    with pytest.raises(LimitReached):
        second_step(token, phone.code())


def test_right_codes_are_not_counted_when_what_they_allow_fails(phone: Authenticator) -> None:
    token = first_step(ADA, CLIENT)
    for _ in range(10):
        # As when another request used the challenge meanwhile; the code is not used.
        with pytest.raises(ZeroDivisionError), codes.spent(owner(), phone.code(), CLIENT):
            raise ZeroDivisionError
    refused_code(token, phone.wrong_code())
    assert second_step(token, phone.code())


def test_a_reset_lifts_the_limit_on_passwords_but_not_on_codes(
    phone: Authenticator, inbox: Inbox
) -> None:
    token = first_step(ADA, CLIENT)
    for _ in range(10):
        refused_code(token, phone.wrong_code())
    reset_password(inbox)
    with pytest.raises(FactorRequired) as caught:
        authentication.sign_in(ADA, OTHER_PASSWORD, CLIENT, KIND)
    with pytest.raises(LimitReached):
        second_step(caught.value.token, phone.code())


def test_each_account_has_a_limit_of_its_own(app: Flask, phone: Authenticator) -> None:
    eve = add_account(app, "eve@example.com")
    theirs = turn_on(authentication.sign_in(eve, PASSWORD, CLIENT, KIND).session, CLIENT)
    token = first_step(ADA, CLIENT)
    for _ in range(10):
        refused_code(token, phone.wrong_code())
    assert second_step(first_step(eve, CLIENT), theirs.code())
