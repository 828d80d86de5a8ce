"""Codes in concurrent requests: one succeeds, and guesses don't exceed the limit."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app.accounts import authentication, limits, sessions, store
from app.accounts.client import Client
from app.accounts.errors import (
    FactorRequired,
    InvalidChallenge,
    InvalidInput,
    LimitReached,
    SignedOut,
)
from app.accounts.factors import setups, totp
from app.accounts.factors import store as factors
from app.accounts.models import Challenge, RecoveryCode, Session, TotpFactor, TotpSetup
from app.extensions import db, transaction
from tests.accounts.test_races import at_once
from tests.authenticator import KIND, Authenticator, begin, first_step, turn_on
from tests.conftest import PASSWORD, MakeApp, add_account, delete_meanwhile

CLIENT = Client("192.0.2.1", "tests")
ADA = "ada@example.com"
TIMES = 6


@pytest.fixture
def phone(app: Flask, account: str, clock: time_machine.Traveller) -> Authenticator:
    """Ada's authenticator app. No session remains."""
    return set_up(app, account)


def set_up(app: Flask, email: str) -> Authenticator:
    """Turn the factor on."""
    with app.app_context():
        session = authentication.sign_in(email, PASSWORD, CLIENT, KIND).session
        phone = turn_on(session, CLIENT)
        sessions.sign_out(session, CLIENT)
    return phone


def count(app: Flask, model: type) -> int:
    """Return the number of rows in a table."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def tokens(app: Flask, number: int) -> list[str]:
    """Return this many challenges."""
    with app.app_context():
        return [first_step(ADA, Client(f"192.0.2.{each}")) for each in range(number)]


def outcome(token: str, code: str) -> str:
    """Return the outcome of the second step of a sign-in."""
    try:
        authentication.sign_in_with_code(token, code, CLIENT, KIND)
    except (InvalidInput, InvalidChallenge, LimitReached) as error:
        return type(error).__name__
    return "signed in"


@pytest.mark.parametrize("by", ["totp", "recovery code"])
def test_only_one_of_several_requests_with_the_same_code_succeeds(
    app: Flask, phone: Authenticator, by: str
) -> None:
    code = phone.code() if by == "totp" else phone.recovery_codes[0]
    given = tokens(app, TIMES)
    result = at_once(app, lambda number: outcome(given[number], code), TIMES)
    assert result == {"signed in": 1, "InvalidInput": TIMES - 1}
    assert count(app, Session) == 1
    assert count(app, Challenge) == TIMES - 1


def test_only_one_of_several_requests_with_the_same_challenge_succeeds(
    app: Flask, phone: Authenticator
) -> None:
    (token,) = tokens(app, 1)
    result = at_once(app, lambda number: outcome(token, phone.recovery_codes[number]), TIMES)
    assert result == {"signed in": 1, "InvalidChallenge": TIMES - 1}
    assert (count(app, Session), count(app, RecoveryCode)) == (1, 7)


@pytest.mark.usefixtures("clock")
def test_concurrent_wrong_codes_do_not_exceed_the_limit(make_app: MakeApp) -> None:
    app = make_app(LIMIT_CODE_FAILURES="3 per 15 minutes")
    phone = set_up(app, add_account(app))
    given = tokens(app, 12)
    wrong = phone.wrong_code()
    result = at_once(app, lambda number: outcome(given[number], wrong), 12)
    assert result == {"InvalidInput": 3, "LimitReached": 9}
    assert outcome_in(app, given[0], phone.code()) == "LimitReached"


@pytest.mark.usefixtures("clock")
def test_the_last_wrong_code_for_an_account_that_was_deleted_meanwhile_is_refused(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(LIMIT_CODE_FAILURES="1 per 15 minutes")
    phone = set_up(app, add_account(app))
    (token,) = tokens(app, 1)
    fail = limits.fail

    def interrupted(rule: limits.Rule) -> None:
        fail(rule)
        delete_meanwhile(app, ADA)

    monkeypatch.setattr(limits, "fail", interrupted)
    assert outcome_in(app, token, phone.wrong_code()) == "InvalidInput"


def outcome_in(app: Flask, token: str, code: str) -> str:
    """Return the outcome in a context of its own."""
    with app.app_context():
        return outcome(token, code)


@pytest.mark.usefixtures("clock")
def test_concurrent_right_codes_are_not_counted(make_app: MakeApp) -> None:
    app = make_app(LIMIT_CODE_FAILURES="2 per 15 minutes")
    phone = set_up(app, add_account(app))
    given = tokens(app, TIMES)
    result = at_once(
        app, lambda number: outcome(given[number], phone.recovery_codes[number]), TIMES
    )
    assert result == {"signed in": TIMES}
    (token,) = tokens(app, 1)
    assert outcome_in(app, token, phone.wrong_code()) == "InvalidInput"
    assert outcome_in(app, token, phone.code()) == "signed in"


def test_a_password_alone_is_refused_while_the_factor_is_turned_on(
    app: Flask, account: str, clock: time_machine.Traveller
) -> None:
    """Each attempt begins before the factor is on: none may start a session after it."""
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        phone = Authenticator(begin(session).secret)

    def act(number: int) -> str:
        if number == 0:
            current = db.session.get_one(Session, session.id)
            factors.confirm(current, phone.code(), CLIENT)
            return "turned on"
        try:
            started = authentication.sign_in(account, PASSWORD, Client(f"192.0.2.{number}"), KIND)
        except FactorRequired:
            return "challenged"
        return "before" if not started.session.factor_verified else "after"

    result = at_once(app, act, TIMES)
    assert result["turned on"] == 1
    assert result["before"] + result["challenged"] == TIMES - 1
    assert count(app, Session) == 1 + result["before"]
    assert count(app, Challenge) == result["challenged"]


def test_a_factor_turned_on_during_password_comparison_is_required(
    app: Flask, account: str, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
    compare = authentication._compare

    def interrupted(*arguments: object) -> str | None:
        found: str | None = compare(*arguments)  # type: ignore[arg-type]
        turn_on(session, CLIENT)
        return found

    monkeypatch.setattr(authentication, "_compare", interrupted)
    with app.app_context(), pytest.raises(FactorRequired):
        authentication.sign_in(account, PASSWORD, CLIENT, KIND)
    assert count(app, Session) == 1


def test_a_factor_turned_on_before_the_row_is_locked_is_required(
    app: Flask, account: str, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
    hold = authentication.Proof.hold

    def turn_on_elsewhere() -> None:
        with app.app_context():
            turn_on(db.session.get_one(Session, session.id), CLIENT)

    def interrupted(proof: authentication.Proof) -> None:
        monkeypatch.setattr(authentication.Proof, "hold", hold)
        with ThreadPoolExecutor(1) as pool:
            pool.submit(turn_on_elsewhere).result()
        hold(proof)

    monkeypatch.setattr(authentication.Proof, "hold", interrupted)
    with app.app_context(), pytest.raises(FactorRequired):
        authentication.sign_in(account, PASSWORD, CLIENT, KIND)
    assert count(app, Session) == 1


#: if cookiecutter.interface != "html"
def test_concurrent_setup_requests_show_the_same_key(
    app: Flask, account: str, clock: time_machine.Traveller
) -> None:
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
    shown = at_once(app, lambda _: begin_in_turn(session.id), TIMES)
    assert list(shown.values()) == [TIMES]


def begin_in_turn(session_id: int) -> str:
    """Return the waiting key."""
    current = db.session.get_one(Session, session_id)
    proof = authentication.confirm_password(current, PASSWORD, CLIENT, "current_password")
    return factors.begin_with_password(current, None, proof).secret


#: endif
def test_concurrent_requests_confirm_a_key_only_once(
    app: Flask, account: str, clock: time_machine.Traveller
) -> None:
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        phone = Authenticator(begin(session).secret)

    def confirm(_: int) -> str:
        current = db.session.get_one(Session, session.id)
        try:
            factors.confirm(current, phone.code(), CLIENT)
        except InvalidInput:
            return "refused"
        return "turned on"

    assert at_once(app, confirm, TIMES) == {"turned on": 1, "refused": TIMES - 1}
    assert (count(app, TotpFactor), count(app, RecoveryCode)) == (1, 8)


def test_no_key_waits_in_a_session_that_ended_in_the_meantime(
    app: Flask, account: str, clock: time_machine.Traveller
) -> None:
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        assert session.account.email
        with ThreadPoolExecutor(1) as pool:
            pool.submit(end_session, app, session).result()
        with pytest.raises(SignedOut):
            begin(session)
    assert count(app, TotpSetup) == 0


def test_a_key_that_was_replaced_in_the_meantime_is_not_confirmed(
    app: Flask, account: str, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    matching_step = totp.matching_step
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        phone = Authenticator(begin(session).secret)

        def replace_first(secret: str, code: str) -> int | None:
            with ThreadPoolExecutor(1) as pool:
                pool.submit(replace_key, app, session.id).result()
            return matching_step(secret, code)

        monkeypatch.setattr(totp, "matching_step", replace_first)
        with pytest.raises(InvalidInput) as caught:
            factors.confirm(session, phone.code(), CLIENT)
    assert caught.value.errors == {"code": [factors.NOT_WAITING]}
    assert (count(app, TotpFactor), count(app, TotpSetup)) == (0, 1)


def replace_key(app: Flask, session_id: int) -> None:
    """Begin again in a session, as another request would at the same moment."""
    with app.app_context():
        current = db.session.get_one(Session, session_id)
        with transaction():
            setups.end(current)
            setups.find_or_new(current)


def end_session(app: Flask, session: Session) -> None:
    """End a session, as another request would at the same moment."""
    with app.app_context():
        sessions.revoke(session, str(session.public_id), CLIENT)


def test_a_second_step_that_is_sent_twice_is_no_wrong_code(
    make_app: MakeApp, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(LIMIT_CODE_FAILURES="1 per 15 minutes")
    phone = set_up(app, add_account(app))
    (token,) = tokens(app, 1)
    code, reserve = phone.code(1), limits.reserve

    def be_slower(rule: limits.Rule, client: Client) -> None:
        """Let the other request be done first."""
        monkeypatch.setattr(limits, "reserve", reserve)
        assert outcome(token, code) == "signed in"
        reserve(rule, client)

    monkeypatch.setattr(limits, "reserve", be_slower)
    with app.app_context(), pytest.raises(InvalidChallenge):
        authentication.sign_in_with_code(token, code, CLIENT, KIND)
    clock.shift(60)
    with app.app_context():
        assert outcome(first_step(ADA, CLIENT), phone.code()) == "signed in"


def test_turning_it_off_twice_is_no_wrong_code(
    app: Flask, phone: Authenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, reserve = phone.code(1), limits.reserve

    def turn_off() -> None:
        with app.app_context():
            account = store.by_email(ADA)
            assert account is not None
            factors.remove(account, code, CLIENT)

    def be_slower(rule: limits.Rule, client: Client) -> None:
        """Let the other request be done first."""
        monkeypatch.setattr(limits, "reserve", reserve)
        turn_off()
        reserve(rule, client)

    monkeypatch.setattr(limits, "reserve", be_slower)
    with pytest.raises(InvalidInput) as caught:
        turn_off()
    assert caught.value.errors == {"code": ["Two-factor authentication is off."]}
