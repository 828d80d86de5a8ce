"""The second step of a sign-in: valid codes, and limits on guesses."""

from collections.abc import Callable, Iterator

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, update

from app.accounts import (
    access,
    authentication,
    changes,
    factors,
    passwords,
    recovery,
    sessions,
    store,
)
from app.accounts.client import Client
from app.accounts.errors import (
    FactorRequired,
    InvalidChallenge,
    InvalidInput,
    LimitReached,
    WrongCredentials,
)
from app.accounts.models import Account, Challenge, Session, TotpFactor
from app.extensions import db
from tests.authenticator import KIND, STEP, Authenticator, first_step, turn_on
from tests.conftest import PASSWORD, Inbox, add_account

CLIENT = Client("192.0.2.1", "tests")
ADA = "ada@example.com"
OTHER_PASSWORD = "tangerine lorry at dusk"


@pytest.fixture
def phone(app: Flask, account: str, clock: time_machine.Traveller) -> Iterator[Authenticator]:
    """Ada's authenticator app, and an app context; no session is left."""
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        phone = turn_on(session, CLIENT)
        sessions.sign_out(session, CLIENT)
        yield phone


def count(model: type) -> int:
    """Return the number of rows in a table."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def owner() -> Account:
    """Return Ada's account."""
    found = store.by_email(ADA)
    assert found is not None
    return found


def second_step(token: str, code: str, *kinds: str) -> authentication.SignedIn:
    """Sign in with a code."""
    return authentication.sign_in_with_code(token, code, CLIENT, *(kinds or [KIND]))


def refused(token: str, code: str) -> None:
    """Expect the code to be refused, and the challenge to stay valid."""
    with pytest.raises(InvalidInput) as caught:
        second_step(token, code)
    assert list(caught.value.errors) == ["code"]


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
    refused(second, code)
    clock.shift(STEP)
    refused(second, code)
    assert second_step(second, phone.code())


def test_an_earlier_code_is_refused_after_a_later_one(phone: Authenticator) -> None:
    first, second = first_step(ADA, CLIENT), first_step(ADA, CLIENT)
    assert second_step(first, phone.code(1))
    refused(second, phone.code())
    refused(second, phone.code(1))


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (0, True), (1, True), (2, False)])
def test_one_step_of_drift_is_accepted(phone: Authenticator, steps: int, accepted: bool) -> None:
    token = first_step(ADA, CLIENT)
    if accepted:
        assert second_step(token, phone.code(steps))
    else:
        refused(token, phone.code(steps))


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
        refused(token, code)
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
    refused(token, theirs.code())
    refused(token, theirs.recovery_codes[0])
    assert second_step(token, phone.code())


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


def reset(inbox: Inbox) -> None:
    """Set another password with a link from an email."""
    recovery.mail_reset(ADA, CLIENT)
    recovery.complete_reset(inbox.token(ADA), OTHER_PASSWORD, CLIENT)


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


@pytest.mark.parametrize("event", [reset, disable, set_password, remove_factor, delete])
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


def test_after_ten_wrong_codes_even_the_right_one_is_refused(
    phone: Authenticator, clock: time_machine.Traveller
) -> None:
    tokens = [first_step(ADA, CLIENT) for _ in range(2)]
    for number in range(10):
        refused(tokens[number % 2], phone.wrong_code())
    for code in (phone.wrong_code(), phone.code(), phone.recovery_codes[0]):
        with pytest.raises(LimitReached) as caught:
            second_step(tokens[0], code)
        assert 0 < caught.value.retry_after <= 15 * 60
    clock.shift(15 * 60)
    assert second_step(first_step(ADA, CLIENT), phone.code())


def test_wrong_recovery_codes_count_like_wrong_codes(phone: Authenticator) -> None:
    token = first_step(ADA, CLIENT)
    for number in range(10):
        refused(token, f"{number:024}" if number % 2 else phone.wrong_code())
    with pytest.raises(LimitReached):
        second_step(token, phone.code())


def test_malformed_codes_are_not_counted(phone: Authenticator) -> None:
    token = first_step(ADA, CLIENT)
    for code in ("", " ", "12345", "１２３４５６", "\0", "x" * 1000) * 2:
        refused(token, code)
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
        refused(first_step(ADA, Client("192.0.2.2")), phone.wrong_code())
        clock.shift(STEP)
        second_step(first_step(ADA, Client("192.0.2.3")), phone.code())
    token = first_step(ADA, CLIENT)
    refused(token, phone.wrong_code())
    with pytest.raises(LimitReached):
        second_step(token, phone.code())


def test_a_reset_lifts_the_limit_on_passwords_but_not_on_codes(
    phone: Authenticator, inbox: Inbox
) -> None:
    token = first_step(ADA, CLIENT)
    for _ in range(10):
        refused(token, phone.wrong_code())
    reset(inbox)
    with pytest.raises(FactorRequired) as caught:
        authentication.sign_in(ADA, OTHER_PASSWORD, CLIENT, KIND)
    with pytest.raises(LimitReached):
        second_step(caught.value.token, phone.code())


def test_each_account_has_a_limit_of_its_own(app: Flask, phone: Authenticator) -> None:
    eve = add_account(app, "eve@example.com")
    theirs = turn_on(authentication.sign_in(eve, PASSWORD, CLIENT, KIND).session, CLIENT)
    token = first_step(ADA, CLIENT)
    for _ in range(10):
        refused(token, phone.wrong_code())
    assert second_step(first_step(eve, CLIENT), theirs.code())


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
    refused(token, phone.code())
    assert "SECRET_KEY_FALLBACKS" in caplog.text
    assert second_step(token, phone.recovery_codes[0])
    assert count(TotpFactor) == 1


@pytest.mark.parametrize(
    ("left", "words"), [(0, "0 recovery codes left"), (1, "1 recovery code left")]
)
def test_the_email_says_how_many_recovery_codes_are_left(
    phone: Authenticator, inbox: Inbox, left: int, words: str
) -> None:
    for code in phone.recovery_codes[left:]:
        second_step(first_step(ADA, Client(f"192.0.2.{len(code)}")), code)
    told = [mail for mail in inbox.to(ADA) if mail.subject.startswith("A recovery code was used")]
    assert f"You have {words}." in told[-1].body.replace("\n", " ")
