"""Two-factor authentication, turned on and off."""

import json
import re
from collections.abc import Iterator

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app.accounts import (
    authentication,
    changes,
    codes,
    factors,
    purge,
    recovery,
    sessions,
    setups,
    store,
)
from app.accounts.client import Client
from app.accounts.errors import FactorRequired, InvalidInput
from app.accounts.models import Account, Challenge, RecoveryCode, Session, TotpFactor, TotpSetup
from app.extensions import db
from tests.authenticator import KIND, STEP, Authenticator, begin, first_step, turn_on
from tests.conftest import PASSWORD, Inbox, add_account

CLIENT = Client("192.0.2.1", "tests")
TABLES = (TotpFactor, TotpSetup, RecoveryCode, Challenge)


@pytest.fixture
def session(app: Flask, account: str, clock: time_machine.Traveller) -> Iterator[Session]:
    """A session of Ada's, and the context it is used in."""
    with app.app_context():
        yield authentication.sign_in(account, PASSWORD, CLIENT, KIND).session


def count(model: type) -> int:
    """The number of rows in a table."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def refused(session: Session, code: str) -> str:
    """The message with which a first code is refused."""
    with pytest.raises(InvalidInput) as caught:
        factors.confirm(session, code, CLIENT)
    (message,) = caught.value.errors["code"]
    return message


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
def test_one_step_of_drift_counts_at_setup(session: Session, steps: int, accepted: bool) -> None:
    code = Authenticator(begin(session).secret).code(steps)
    if accepted:
        assert factors.confirm(session, code, CLIENT)
    else:
        assert refused(session, code) == codes.WRONG


def test_without_a_key_that_waits_there_is_nothing_to_confirm(session: Session) -> None:
    assert refused(session, "123456") == factors.NOT_WAITING


def test_a_key_can_be_confirmed_once(session: Session) -> None:
    phone = turn_on(session, CLIENT)
    assert refused(session, phone.code()) == factors.NOT_WAITING


def test_a_key_belongs_to_the_session_that_asked_for_it(session: Session) -> None:
    """Someone who saw the key before the owner took the account back must not know it afterwards."""
    stranger = authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND).session
    theirs = begin(stranger)
    mine = begin(session)
    assert mine.secret != theirs.secret
    assert refused(session, Authenticator(theirs.secret).code()) == codes.WRONG
    sessions.revoke_others(session, CLIENT)
    assert begin(session) == mine
    assert count(TotpSetup) == 1


def test_what_waits_elsewhere_cannot_replace_the_factor(session: Session) -> None:
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
def test_turning_it_off_leaves_nothing(session: Session, inbox: Inbox, by: str) -> None:
    phone = turn_on(session, CLIENT)
    first_step("ada@example.com", CLIENT)
    code = phone.code() if by == "totp" else phone.recovery_codes[3]
    factors.remove(session.account, code, CLIENT)
    assert [count(table) for table in TABLES] == [0, 0, 0, 0]
    assert factors.status(session.account) == factors.Status(None, 0)
    assert authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND)
    assert "turned off" in " ".join(mail.subject for mail in inbox.to("ada@example.com"))


def test_a_wrong_code_neither_turns_it_off_nor_makes_codes(session: Session) -> None:
    phone = turn_on(session, CLIENT)
    for code in (phone.wrong_code(), phone.code(-1), "", "0" * 24):
        with pytest.raises(InvalidInput):
            factors.remove(session.account, code, CLIENT)
        with pytest.raises(InvalidInput):
            factors.renew_recovery_codes(session.account, code, CLIENT)
    assert factors.status(session.account).recovery_codes_left == 8


def test_where_it_is_off_there_is_nothing_to_turn_off(session: Session) -> None:
    for action in (factors.remove, factors.renew_recovery_codes):
        with pytest.raises(InvalidInput) as caught:
            action(session.account, "123456", CLIENT)
        assert caught.value.errors == {"code": [factors.OFF]}


def test_another_phone_takes_the_place_of_the_first(
    session: Session, clock: time_machine.Traveller
) -> None:
    first = turn_on(session, CLIENT)
    second = turn_on(session, CLIENT)
    assert (count(TotpFactor), count(RecoveryCode)) == (1, 8)
    token = first_step("ada@example.com", CLIENT)
    for code in (first.code(), *first.recovery_codes[:2]):
        with pytest.raises(InvalidInput):
            authentication.sign_in_with_code(token, code, CLIENT, KIND)
    assert authentication.sign_in_with_code(token, second.code(), CLIENT, KIND)


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


def test_an_account_is_deleted_with_all_of_it(session: Session) -> None:
    turn_on(session, CLIENT)
    begin(session)
    first_step("ada@example.com", CLIENT)
    assert 0 not in [count(table) for table in TABLES]
    changes.delete_account(session, PASSWORD, CLIENT)
    assert [count(table) for table in TABLES] == [0, 0, 0, 0]


def test_an_export_says_that_it_is_on_and_holds_no_secret(session: Session) -> None:
    phone = turn_on(session, CLIENT)
    waiting = begin(session).secret
    token = first_step("ada@example.com", CLIENT)
    exported = changes.export(session.account, CLIENT)
    assert exported["totp_factors"] == [{"confirmed_at": "2026-01-31T12:00:00Z"}]
    assert exported["recovery_codes"] == [{"created_at": "2026-01-31T12:00:00Z"}] * 8
    assert [sorted(row) for row in exported["challenges"]] == [
        ["created_at", "expires_at", "kind", "purpose"]
    ]
    stored = [*db.session.scalars(select(TotpFactor.secret))]
    stored += [*db.session.scalars(select(RecoveryCode.code_hash))]
    stored += [*db.session.scalars(select(Challenge.token_hash))]
    text = json.dumps(exported)
    secrets = [phone.secret, waiting, token, *phone.recovery_codes, *stored]
    assert not [secret for secret in secrets if secret in text]


# What an export may hold of the app's own tables. A new column is added here once it was decided
# whether its owner may see it.
EXPORTED = {
    "accounts": "public_id name email created_at confirmed_at disabled_at",
    "sessions": "public_id kind factor_verified user_agent ip_address"
    " created_at last_seen_at expires_at",
    "mailed_tokens": "purpose email created_at expires_at used_at",
    "devices": "created_at expires_at",
    "totp_factors": "confirmed_at",
    "totp_setups": "",
    "recovery_codes": "created_at",
    "challenges": "purpose kind created_at expires_at",
}


@pytest.mark.parametrize("table", EXPORTED)
def test_an_export_holds_these_columns_and_no_other(table: str) -> None:
    from app.accounts import exports

    there = Account.metadata.tables[table]
    marked = there.info.get("export")
    exported = [] if marked is False else [c.name for c in there.columns if exports._exported(c)]
    # An owner's own columns are their own decision.
    own = {column for column in exported if column in " ".join(EXPORTED.values()).split()}
    assert own == set(EXPORTED[table].split())


def test_a_purge_removes_half_sign_ins_and_keys_that_are_too_old(
    session: Session, clock: time_machine.Traveller
) -> None:
    turn_on(session, CLIENT)
    begin(session)
    first_step("ada@example.com", CLIENT)
    purge.purge()
    assert [count(table) for table in TABLES] == [1, 1, 8, 1]
    clock.shift(30 * 60)
    purge.purge()
    assert [count(table) for table in TABLES] == [1, 0, 8, 0]


def test_no_secret_is_stored_as_it_is(session: Session) -> None:
    phone = turn_on(session, CLIENT)
    waiting = begin(session).secret
    (factor,) = db.session.scalars(select(TotpFactor.secret))
    (setup,) = db.session.scalars(select(TotpSetup.secret))
    assert phone.secret not in factor
    assert waiting not in setup
    assert factor.startswith("gAAAA")  # Fernet


def test_each_step_is_noted_without_a_secret(
    session: Session,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
    clock: time_machine.Traveller,
) -> None:
    caplog.clear()
    phone = turn_on(session, CLIENT)
    token = first_step("ada@example.com", CLIENT)
    with pytest.raises(InvalidInput):
        authentication.sign_in_with_code(token, phone.wrong_code(), CLIENT, KIND)
    authentication.sign_in_with_code(token, phone.code(), CLIENT, KIND)
    other = first_step("ada@example.com", CLIENT)
    authentication.sign_in_with_code(other, phone.recovery_codes[0], CLIENT, KIND)
    clock.shift(STEP)
    shown = factors.renew_recovery_codes(session.account, phone.code(), CLIENT)
    clock.shift(STEP)
    factors.remove(session.account, phone.code(), CLIENT)
    lines = [record.getMessage() for record in caplog.records if record.name == "app.events"]
    common = {"time", "account_id", "ip_address", "user_agent", "request_id", "session_id"}
    noted = [
        {name: value for name, value in json.loads(line).items() if name not in common}
        for line in lines
    ]
    assert noted == [
        {"event": "factor.added", "method": "totp"},
        {"event": "recovery_codes.made", "codes": 8},
        {"event": "sign_in.challenged"},
        {"event": "sign_in.refused", "reason": "wrong code"},
        {"event": "factor.used", "method": "totp"},
        {"event": "sign_in.succeeded", "method": "password and totp"},
        {"event": "sign_in.challenged"},
        {"event": "recovery_codes.used", "left": 7},
        {"event": "sign_in.succeeded", "method": "password and recovery_code"},
        {"event": "factor.used", "method": "totp"},
        {"event": "recovery_codes.made", "codes": 8},
        {"event": "factor.used", "method": "totp"},
        {"event": "factor.removed", "method": "totp"},
    ]
    sent = inbox.to("ada@example.com")
    mails = [mail for mail in sent if not mail.subject.startswith("New sign-in")]
    assert [mail.subject.split(" · ")[0] for mail in mails] == [
        "Two-factor authentication was turned on",
        "A recovery code was used",
        "You have new recovery codes",
        "Two-factor authentication was turned off",
    ]
    assert "You have 7 recovery codes left." in re.sub(r"\s+", " ", mails[1].body)
    secrets = [phone.secret, token, other, *phone.recovery_codes, *shown]
    written = caplog.text + "".join(mail.body + mail.html for mail in mails)
    assert not [secret for secret in secrets if secret in written]


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
    db.session.expire_all()
    with pytest.raises(FactorNotVerified):
        factors.begin(thief)
    assert factors.begin(session)


def test_the_key_that_waits_survives_the_password_asked_again(session: Session) -> None:
    waiting = begin(session)
    fresh = authentication.reauthenticate(session, PASSWORD, CLIENT).session
    assert fresh.id != session.id
    assert factors.begin(fresh) == waiting
    assert count(TotpSetup) == 1


def test_the_password_asked_again_is_not_enough(session: Session) -> None:
    phone = turn_on(session, CLIENT)
    for code in (None, "", phone.wrong_code(), phone.code(-1)):
        with pytest.raises(InvalidInput) as caught:
            authentication.reauthenticate(session, PASSWORD, CLIENT, code)
        assert list(caught.value.errors) == ["code"]
    assert db.session.get(Session, session.id) is not None
    assert authentication.reauthenticate(session, PASSWORD, CLIENT, phone.recovery_codes[0])


#: endif
#: if cookiecutter.interface != "html"
def test_password_and_code_are_both_asked_for(
    session: Session, clock: time_machine.Traveller
) -> None:
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
def test_no_secret_survives_with_the_account_alone(session: Session) -> None:
    """A key that waits is deleted with its session, however it ends."""
    begin(session)
    sessions.sign_out(session, CLIENT)
    assert count(TotpSetup) == 0
    assert setups.find(session) is None


def test_the_account_knows_since_when_it_is_on(app: Flask, session: Session) -> None:
    assert session.account.factor_since is None
    turn_on(session, CLIENT)
    with app.app_context():
        found = store.by_email("ada@example.com")
        other = store.by_email(add_account(app, "eve@example.com"))
        assert found is not None
        assert other is not None
        assert found.factor_since is not None
        assert other.factor_since is None
