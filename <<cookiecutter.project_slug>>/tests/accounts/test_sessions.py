"""Sessions that expire."""

import pytest
import time_machine
from flask import Flask

from app.accounts import authentication, sessions
from app.accounts.client import Client
from app.accounts.errors import SignedOut
from app.columns import now
from app.extensions import db
from tests.conftest import PASSWORD, MakeApp, add_account, delete_meanwhile

CLIENT = Client("192.0.2.1", "tests")
KIND = next(iter(sessions.IDLE_SETTINGS))


def test_an_ended_session_is_not_listed_or_found(app: Flask, account: str) -> None:
    with app.app_context(), time_machine.travel(now(), tick=False) as clock:
        signed_in = authentication.sign_in(account, PASSWORD, CLIENT, KIND)
        session = signed_in.session
        assert sessions.of(session.account) == [session]
        clock.shift(app.config[sessions.IDLE_SETTINGS[KIND]])
        assert sessions.of(session.account) == []
        assert sessions.find(signed_in.token, KIND) is None
        assert not sessions.revoke(session, str(session.public_id), CLIENT)


@pytest.mark.parametrize(
    ("age", "due"), [(-61, True), (-60, False), (0, False), (59, False), (60, True)]
)
def test_last_seen_is_updated_once_a_minute_and_when_a_clock_was_ahead(
    app: Flask, account: str, age: int, due: bool
) -> None:
    with app.app_context(), time_machine.travel(now(), tick=False) as clock:
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        clock.shift(age)
        assert sessions.is_due(session) is due


def test_the_least_recently_seen_sessions_end_over_the_maximum(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(SESSIONS_PER_ACCOUNT=3)
    email = add_account(app)
    other = add_account(app, "eve@example.com")
    start = now()
    with app.app_context(), time_machine.travel(start, tick=False) as clock:
        tokens = [authentication.sign_in(other, PASSWORD, CLIENT, KIND).token]
        for _ in range(3):
            tokens.append(authentication.sign_in(email, PASSWORD, CLIENT, KIND).token)
            clock.shift(60)
        second = sessions.find(tokens[1], KIND)
        assert second is not None
        sessions.touch(second, Client("198.51.100.7", "other"))
        db.session.expire_all()
        assert (second.ip_address, second.user_agent) == ("198.51.100.7", "other")
        assert "session.ended_surplus" not in caplog.text
        tokens.append(authentication.sign_in(email, PASSWORD, CLIENT, KIND).token)
        living = [sessions.find(token, KIND) is not None for token in tokens]
    assert living == [True, True, False, True, True]
    assert '"event": "session.ended_surplus"' in caplog.text
    assert '"sessions": 1' in caplog.text


def test_ended_sessions_do_not_count_for_the_maximum(make_app: MakeApp) -> None:
    app = make_app(SESSIONS_PER_ACCOUNT=2, SESSION_ABSOLUTE_SECONDS=3600)
    email = add_account(app)
    with app.app_context(), time_machine.travel(now(), tick=False) as clock:
        first = authentication.sign_in(email, PASSWORD, CLIENT, KIND)
        clock.shift(1200)
        second = authentication.sign_in(email, PASSWORD, CLIENT, KIND)
        clock.shift(1200)
        sessions.touch(first.session, CLIENT)  # seen after the second one, but it ends earlier
        clock.shift(1200)
        third = authentication.sign_in(email, PASSWORD, CLIENT, KIND)
        found = [sessions.find(each.token, KIND) is not None for each in (first, second, third)]
    assert found == [False, True, True]


def test_revoking_waits_for_other_changes_of_the_account(app: Flask, account: str) -> None:
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        delete_meanwhile(app, account)
        # It asks for the account's row first, as every change that could wait for this one does.
        with pytest.raises(SignedOut):
            sessions.revoke(session, str(session.public_id), CLIENT)
