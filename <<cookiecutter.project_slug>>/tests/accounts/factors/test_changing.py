"""Change two-factor authentication and turn it off: what a session must prove."""

import json

import pytest
import time_machine

from app.accounts import authentication, changes, recovery, sessions
from app.accounts.errors import FactorRequired, InvalidInput
from app.accounts.factors import codes, setups
from app.accounts.factors import store as factors
from app.accounts.models import RecoveryCode, Session, TotpFactor, TotpSetup
from tests.accounts.factors.conftest import CLIENT, TABLES, count
from tests.authenticator import KIND, begin, first_step, turn_on
from tests.conftest import PASSWORD, Inbox


def test_new_recovery_codes_replace_the_old(session: Session, inbox: Inbox) -> None:
    phone = turn_on(session, CLIENT)
    shown = factors.renew_recovery_codes(session.account, phone.code(), CLIENT)
    assert len(shown) == 8
    assert not set(shown) & set(phone.recovery_codes)
    assert count(RecoveryCode) == 8
    token = first_step("ada@example.com", CLIENT)
    for old in phone.recovery_codes:
        with pytest.raises(InvalidInput):
            authentication.sign_in_with_code(token, old, CLIENT, KIND)
    assert authentication.sign_in_with_code(token, shown[0], CLIENT, KIND)
    assert "You have new recovery codes" in inbox.to("ada@example.com")[1].subject


@pytest.mark.parametrize("by", ["totp", "recovery code"])
def test_turning_it_off_deletes_everything(session: Session, inbox: Inbox, by: str) -> None:
    phone = turn_on(session, CLIENT)
    first_step("ada@example.com", CLIENT)
    code = phone.code() if by == "totp" else phone.recovery_codes[3]
    factors.remove(session.account, code, CLIENT)
    assert [count(table) for table in TABLES] == [0, 0, 0, 0]
    assert factors.status(session.account) == factors.Status(None, 0)
    assert authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND)
    assert "turned off" in " ".join(mail.subject for mail in inbox.to("ada@example.com"))


def test_a_wrong_code_changes_nothing(session: Session) -> None:
    phone = turn_on(session, CLIENT)
    for code in (phone.wrong_code(), phone.code(-1), "", "0" * 24):
        with pytest.raises(InvalidInput):
            factors.remove(session.account, code, CLIENT)
        with pytest.raises(InvalidInput):
            factors.renew_recovery_codes(session.account, code, CLIENT)
    assert factors.status(session.account).recovery_codes_left == 8


def test_a_code_is_required_where_it_is_turned_on_meanwhile(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([False, True])
    monkeypatch.setattr(codes, "is_needed", lambda _: next(answers))
    with pytest.raises(InvalidInput) as caught, codes.spent_if_needed(session.account, "", CLIENT):
        pass
    assert caught.value.errors == {"code": ["Enter a code."]}


def test_turning_it_off_twice_is_refused(session: Session) -> None:
    for action in (factors.remove, factors.renew_recovery_codes):
        with pytest.raises(InvalidInput) as caught:
            action(session.account, "123456", CLIENT)
        assert caught.value.errors == {"code": [factors.OFF]}


def test_another_phone_replaces_the_first(
    session: Session,
    clock: time_machine.Traveller,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = turn_on(session, CLIENT)
    caplog.clear()
    second = turn_on(session, CLIENT)
    lines = [record.getMessage() for record in caplog.records if record.name == "app.events"]
    noted = [json.loads(line)["event"] for line in lines]
    assert noted == ["factor.removed", "factor.added", "recovery_codes.made"]
    assert (count(TotpFactor), count(RecoveryCode)) == (1, 8)
    token = first_step("ada@example.com", CLIENT)
    for code in (first.code(), *first.recovery_codes[:2]):
        with pytest.raises(InvalidInput):
            authentication.sign_in_with_code(token, code, CLIENT, KIND)
    assert authentication.sign_in_with_code(token, second.code(), CLIENT, KIND)
    subjects = [mail.subject.split(" · ")[0] for mail in inbox.to("ada@example.com")]
    assert subjects[:2] == [
        "Two-factor authentication was turned on",
        "Your authenticator app was replaced",
    ]


def test_a_reset_or_a_change_of_address_changes_no_factor_and_signs_nobody_in(
    session: Session, inbox: Inbox
) -> None:
    turn_on(session, CLIENT)
    changes.request_email_change(session, "countess@example.com", CLIENT)
    changes.confirm_email_change(inbox.token("countess@example.com"), CLIENT)
    recovery.request_reset("countess@example.com", CLIENT)
    recovery.complete_reset(inbox.token("countess@example.com"), "tangerine lorry at dusk", CLIENT)
    assert (count(TotpFactor), count(RecoveryCode), count(Session)) == (1, 8, 0)
    with pytest.raises(FactorRequired):
        authentication.sign_in("countess@example.com", "tangerine lorry at dusk", CLIENT, KIND)


#: if cookiecutter.interface != "api"
def test_a_session_from_before_must_prove_the_factor_to_replace_it(session: Session) -> None:
    from app.accounts.errors import FactorNotVerified

    other = authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND).session
    phone = turn_on(session, CLIENT)
    assert factors.begin(session)  # this session has proved it
    with pytest.raises(FactorNotVerified):
        factors.begin(other)
    with pytest.raises(InvalidInput) as caught:
        authentication.reauthenticate(other, PASSWORD, CLIENT)
    assert list(caught.value.errors) == ["code"]
    fresh = authentication.reauthenticate(other, PASSWORD, CLIENT, phone.code()).session
    assert factors.begin(fresh)


@pytest.mark.parametrize("by", ["owner", "administrator", "replacement"])
def test_a_session_that_proved_an_earlier_factor_must_prove_the_next_one(
    session: Session, by: str
) -> None:
    from sqlalchemy.orm.attributes import set_committed_value

    from app.accounts.errors import FactorNotVerified

    phone = turn_on(session, CLIENT)
    token = first_step("ada@example.com", CLIENT)
    code = phone.recovery_codes[0]
    thief = authentication.sign_in_with_code(token, code, CLIENT, KIND).session
    assert factors.begin(thief)
    if by == "owner":
        factors.remove(session.account, phone.recovery_codes[1], CLIENT)
    elif by == "administrator":
        factors.remove_without_code(session.account, CLIENT)
    turn_on(session, CLIENT)
    set_committed_value(thief, "factor_verified", True)  # as if it was loaded before all that
    with pytest.raises(FactorNotVerified):
        factors.begin(thief)
    assert factors.begin(session)


def test_a_waiting_key_survives_a_reauthentication(session: Session) -> None:
    waiting = begin(session)
    fresh = authentication.reauthenticate(session, PASSWORD, CLIENT).session
    assert fresh.id != session.id
    assert factors.begin(fresh) == waiting
    assert count(TotpSetup) == 1


def test_a_reauthentication_needs_more_than_the_password(session: Session) -> None:
    from app.extensions import db

    phone = turn_on(session, CLIENT)
    for code in (None, "", phone.wrong_code(), phone.code(-1)):
        with pytest.raises(InvalidInput) as caught:
            authentication.reauthenticate(session, PASSWORD, CLIENT, code)
        assert list(caught.value.errors) == ["code"]
    assert db.session.get(Session, session.id) is not None
    assert authentication.reauthenticate(session, PASSWORD, CLIENT, phone.recovery_codes[0])


#: endif
#: if cookiecutter.interface != "html"
def test_replacing_the_factor_needs_password_and_code(
    session: Session, clock: time_machine.Traveller
) -> None:
    from tests.authenticator import STEP

    phone = turn_on(session, CLIENT)

    def proof() -> authentication.Proof:
        return authentication.confirm_password(session, PASSWORD, CLIENT, "current_password")

    for code in (None, "", phone.wrong_code(), phone.code(-1)):
        with pytest.raises(InvalidInput):
            factors.begin_with_password(session, code, proof())
    waiting = factors.begin_with_password(session, phone.code(), proof())
    clock.shift(STEP)
    assert factors.begin_with_password(session, phone.code(), proof()) == waiting


#: endif
def test_a_waiting_key_is_deleted_with_its_session(session: Session) -> None:
    """A key that waits is deleted with its session, however it ends."""
    begin(session)
    sessions.sign_out(session, CLIENT)
    assert count(TotpSetup) == 0
    assert setups.find(session) is None
