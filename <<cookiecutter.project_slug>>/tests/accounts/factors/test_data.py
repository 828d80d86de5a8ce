"""What is stored, exported and logged about two-factor authentication."""

import json
import re

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from app.accounts import authentication, changes, purge, store
from app.accounts.errors import InvalidInput
from app.accounts.factors import store as factors
from app.accounts.models import Account, Challenge, RecoveryCode, Session, TotpFactor, TotpSetup
from app.extensions import db
from tests.accounts.factors.conftest import CLIENT, TABLES, count
from tests.authenticator import KIND, STEP, begin, first_step, turn_on
from tests.conftest import PASSWORD, Inbox, add_account


def test_deleting_an_account_deletes_its_factor(session: Session) -> None:
    turn_on(session, CLIENT)
    begin(session)
    first_step("ada@example.com", CLIENT)
    assert 0 not in [count(table) for table in TABLES]
    changes.delete_account(session, PASSWORD, CLIENT)
    assert [count(table) for table in TABLES] == [0, 0, 0, 0]


def test_an_export_says_that_it_is_on_without_secrets(session: Session) -> None:
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
def test_an_export_has_exactly_the_listed_columns(table: str) -> None:
    from app.accounts import exports

    there = Account.metadata.tables[table]
    marked = there.info.get("export")
    exported = [] if marked is False else [c.name for c in there.columns if exports._exported(c)]
    # An owner's own columns are their own decision.
    own = {column for column in exported if column in " ".join(EXPORTED.values()).split()}
    assert own == set(EXPORTED[table].split())


def test_a_purge_removes_expired_challenges_and_waiting_keys(
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


def test_no_secret_is_stored_in_plain_text(session: Session) -> None:
    phone = turn_on(session, CLIENT)
    waiting = begin(session).secret
    (factor,) = db.session.scalars(select(TotpFactor.secret))
    (setup,) = db.session.scalars(select(TotpSetup.secret))
    assert phone.secret not in factor
    assert waiting not in setup
    assert factor.startswith("gAAAA")  # Fernet


def test_every_factor_event_is_logged_without_secrets(
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


def test_the_account_has_the_date_on_which_it_was_turned_on(app: Flask, session: Session) -> None:
    assert session.account.factor_since is None
    turn_on(session, CLIENT)
    with app.app_context():
        found = store.by_email("ada@example.com")
        other = store.by_email(add_account(app, "eve@example.com"))
        assert found is not None
        assert other is not None
        assert found.factor_since is not None
        assert other.factor_since is None
