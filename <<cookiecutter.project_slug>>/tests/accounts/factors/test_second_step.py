"""The second step of a sign-in: the codes it accepts."""

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from app.accounts import authentication, sessions
from app.accounts.client import Client
from app.accounts.errors import FactorRequired, WrongCredentials
from app.accounts.factors import store as factors
from app.accounts.models import Challenge, Session, TotpFactor
from app.extensions import db
from tests.accounts.factors.conftest import ADA, CLIENT, count, owner, refused_code, second_step
from tests.authenticator import KIND, STEP, Authenticator, first_step, turn_on
from tests.conftest import PASSWORD, Inbox, add_account


def test_a_right_password_alone_starts_no_session(phone: Authenticator) -> None:
    with pytest.raises(FactorRequired) as caught:
        authentication.sign_in(ADA, PASSWORD, CLIENT, KIND)
    assert count(Session) == 0
    assert caught.value.methods == ["totp", "recovery_code"]
    assert caught.value.expires_at.isoformat() == "2026-01-31T12:10:00+00:00"
    stored = db.session.scalars(select(Challenge.token_hash)).one()
    assert len(caught.value.token) == 43
    assert caught.value.token not in stored


def test_a_code_completes_the_sign_in(phone: Authenticator) -> None:
    signed_in = second_step(first_step(ADA, CLIENT), phone.code())
    assert signed_in.session.factor_verified
    assert signed_in.session.kind == KIND
    assert count(Challenge) == 0
    assert sessions.find(signed_in.token, KIND) is not None


def test_a_wrong_password_does_not_reveal_the_factor(phone: Authenticator) -> None:
    with pytest.raises(WrongCredentials):
        authentication.sign_in(ADA, "wrong", CLIENT, KIND)
    assert count(Challenge) == 0


def test_a_code_works_once(phone: Authenticator, clock: time_machine.Traveller) -> None:
    first, second = first_step(ADA, CLIENT), first_step(ADA, CLIENT)
    code = phone.code()
    assert second_step(first, code)
    refused_code(second, code)
    clock.shift(STEP)
    refused_code(second, code)
    assert second_step(second, phone.code())


def test_an_earlier_code_is_refused_after_a_later_one(phone: Authenticator) -> None:
    first, second = first_step(ADA, CLIENT), first_step(ADA, CLIENT)
    assert second_step(first, phone.code(1))
    refused_code(second, phone.code())
    refused_code(second, phone.code(1))


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (0, True), (1, True), (2, False)])
def test_one_step_of_drift_is_accepted(phone: Authenticator, steps: int, accepted: bool) -> None:
    token = first_step(ADA, CLIENT)
    if accepted:
        assert second_step(token, phone.code(steps))
    else:
        refused_code(token, phone.code(steps))


def test_the_previous_step_is_accepted_if_unused(
    phone: Authenticator, clock: time_machine.Traveller
) -> None:
    clock.shift(10 * STEP)
    assert second_step(first_step(ADA, CLIENT), phone.code(-1))


def test_a_recovery_code_works_once(phone: Authenticator) -> None:
    for left, code in enumerate(phone.recovery_codes[1:3], start=1):
        assert second_step(first_step(ADA, CLIENT), code.lower())
        assert factors.status(owner()).recovery_codes_left == 8 - left
    token = first_step(ADA, CLIENT)
    for code in phone.recovery_codes[1:3]:
        refused_code(token, code)
    assert second_step(token, phone.recovery_codes[0])


def test_recovery_codes_are_offered_only_while_some_are_left(phone: Authenticator) -> None:
    for code in phone.recovery_codes:
        second_step(first_step(ADA, CLIENT), code)
    with pytest.raises(FactorRequired) as caught:
        authentication.sign_in(ADA, PASSWORD, CLIENT, KIND)
    assert caught.value.methods == ["totp"]


def test_codes_of_another_account_are_refused(app: Flask, phone: Authenticator) -> None:
    eve = add_account(app, "eve@example.com")
    session = authentication.sign_in(eve, PASSWORD, CLIENT, KIND).session
    theirs = turn_on(session, CLIENT)
    token = first_step(ADA, CLIENT)
    refused_code(token, theirs.code())
    refused_code(token, theirs.recovery_codes[0])
    assert second_step(token, phone.code())


def test_the_hash_is_renewed_by_the_first_step(
    app: Flask, phone: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PASSWORD_HASH_METHOD", "scrypt:512:8:1")
    token = first_step(ADA, CLIENT)
    assert owner().password_hash.startswith("scrypt:512:8:1$")
    assert second_step(token, phone.code())


def test_the_device_becomes_known_only_after_the_second_step(phone: Authenticator) -> None:
    known = second_step(first_step(ADA, CLIENT), phone.code()).device
    same = Client("192.0.2.9", "tests", (known,))
    assert second_step_from(same, phone.recovery_codes[0]) == known


def second_step_from(client: Client, code: str) -> str:
    """Return the device's secret after a sign-in from a client."""
    token = first_step(ADA, client)
    return authentication.sign_in_with_code(token, code, client, KIND).device


def test_recovery_codes_work_when_the_key_cannot_be_decrypted(
    phone: Authenticator,
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setitem(app.config, "SECRET_KEY", "another-key-0123456789-abcdefghijklmnop")
    token = first_step(ADA, CLIENT)
    refused_code(token, phone.code())
    key = f"The authenticator key of account {owner().id} needs"
    assert f"{key} an older SECRET_KEY_FALLBACKS." in caplog.text
    assert second_step(token, phone.recovery_codes[0])
    assert count(TotpFactor) == 1


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (0, "no recovery codes left. Create new ones, so"),
        (1, "1 recovery code left. You can create new recovery codes at any time"),
    ],
)
def test_the_email_says_how_many_recovery_codes_are_left(
    phone: Authenticator, inbox: Inbox, left: int, words: str
) -> None:
    for code in phone.recovery_codes[left:]:
        second_step(first_step(ADA, Client(f"192.0.2.{len(code)}")), code)
    told = [mail for mail in inbox.to(ADA) if mail.subject.startswith("A recovery code was used")]
    assert f"You have {words}" in " ".join(told[-1].body.split())
