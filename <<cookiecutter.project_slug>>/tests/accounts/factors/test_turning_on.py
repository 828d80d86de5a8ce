"""Turn two-factor authentication on: keys that wait for their first code."""

import pytest
import time_machine

from app.accounts import authentication, sessions
from app.accounts.errors import InvalidInput
from app.accounts.factors import codes
from app.accounts.factors import store as factors
from app.accounts.models import Session, TotpSetup
from tests.accounts.factors.conftest import CLIENT, count, refused
from tests.authenticator import KIND, STEP, Authenticator, begin, first_step, turn_on
from tests.conftest import PASSWORD, Inbox


def test_the_first_code_turns_it_on(session: Session, inbox: Inbox) -> None:
    phone = Authenticator(begin(session).secret)
    assert factors.status(session.account) == factors.Status(None, 0)
    shown = factors.confirm(session, phone.code(), CLIENT)
    assert len(shown) == len(set(shown)) == 8
    status = factors.status(session.account)
    assert status.confirmed_at is not None
    assert status.recovery_codes_left == 8
    assert count(TotpSetup) == 0
    subjects = [mail.subject.split(" · ")[0] for mail in inbox.to("ada@example.com")]
    assert subjects == ["Two-factor authentication was turned on"]


def test_the_key_stays_the_same_whatever_is_typed(
    session: Session, clock: time_machine.Traveller
) -> None:
    first = begin(session)
    phone = Authenticator(first.secret)
    for code in (phone.wrong_code(), "nonsense", "", "0" * 24, phone.code(5)):
        refused(session, code)
        assert begin(session) == first
    clock.shift(30 * 60 - 1)
    assert begin(session) == first
    assert factors.confirm(session, phone.code(), CLIENT)


def test_the_key_changes_when_it_is_too_old(
    session: Session, clock: time_machine.Traveller
) -> None:
    first = begin(session)
    clock.shift(30 * 60)
    assert refused(session, Authenticator(first.secret).code()) == factors.NOT_WAITING
    second = begin(session)
    assert second.secret != first.secret
    refused(session, Authenticator(first.secret).code())
    assert factors.confirm(session, Authenticator(second.secret).code(), CLIENT)


@pytest.mark.parametrize(("steps", "accepted"), [(-2, False), (-1, True), (1, True), (2, False)])
def test_one_step_of_drift_is_accepted_at_setup(
    session: Session, steps: int, accepted: bool
) -> None:
    code = Authenticator(begin(session).secret).code(steps)
    if accepted:
        assert factors.confirm(session, code, CLIENT)
    else:
        assert refused(session, code) == codes.WRONG


def test_without_a_waiting_key_there_is_nothing_to_confirm(session: Session) -> None:
    assert refused(session, "123456") == factors.NOT_WAITING


def test_a_key_can_be_confirmed_once(session: Session) -> None:
    phone = turn_on(session, CLIENT)
    assert refused(session, phone.code()) == factors.NOT_WAITING


def test_a_key_belongs_to_the_session_that_asked_for_it(session: Session) -> None:
    """Nobody may know the key who saw it before the owner regained the account."""
    stranger = authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND).session
    theirs = begin(stranger)
    mine = begin(session)
    assert mine.secret != theirs.secret
    assert refused(session, Authenticator(theirs.secret).code()) == codes.WRONG
    sessions.revoke_others(session, CLIENT)
    assert begin(session) == mine
    assert count(TotpSetup) == 1


def test_a_key_waiting_in_another_session_cannot_replace_the_factor(session: Session) -> None:
    other = authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND).session
    waiting = Authenticator(begin(other).secret)
    turn_on(session, CLIENT)
    assert refused(other, waiting.code()) == factors.NOT_WAITING


def test_the_code_that_confirmed_the_key_counts_as_used(
    session: Session, clock: time_machine.Traveller
) -> None:
    phone = Authenticator(begin(session).secret)
    used = phone.code()
    factors.confirm(session, used, CLIENT)
    token = first_step("ada@example.com", CLIENT)
    with pytest.raises(InvalidInput):
        authentication.sign_in_with_code(token, used, CLIENT, KIND)
    clock.shift(STEP)
    assert authentication.sign_in_with_code(token, phone.code(), CLIENT, KIND)
