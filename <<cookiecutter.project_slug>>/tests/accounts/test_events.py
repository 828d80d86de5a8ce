"""The audit log: one line of JSON for each event."""

import json
import logging
from collections.abc import Callable
from contextlib import suppress

import pytest
import time_machine
from flask import Flask

from app.accounts import (
    access,
    authentication,
    changes,
    events,
    recovery,
    registration,
    sessions,
    store,
)
from app.accounts.client import Client
from app.accounts.errors import InvalidInput, LimitReached, NotConfirmed, WrongCredentials
from app.accounts.factors import codes
from tests.accounts.cli.running import run
from tests.authenticator import first_step, turn_on
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account

CLIENT = Client("192.0.2.1", "tests")
KIND = next(iter(sessions.IDLE_SETTINGS))
OTHER_PASSWORD = "tangerine lorry at dusk"


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that the log's own handler would write."""
    written: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    monkeypatch.setattr(events.logger, "handlers", [Handler()])
    monkeypatch.setattr(events.logger, "level", logging.INFO)
    return written


def test_a_line_has_the_documented_members(lines: list[str]) -> None:
    events.record("sign_in.refused", Client("192.0.2.1", "agent"), 7, reason="wrong credentials")
    event = json.loads(lines[0])
    assert event.pop("time").endswith("Z")
    assert event == {
        "event": "sign_in.refused",
        "account_id": 7,
        "ip_address": "192.0.2.1",
        "user_agent": "agent",
        "request_id": None,
        "reason": "wrong credentials",
    }


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x85", "\u2028", "\u2029"])
def test_values_cannot_start_a_second_line(lines: list[str], end: str) -> None:
    forged = f'agent{end}{{"event": "account.deleted"}}'
    events.record("account.registered", Client("192.0.2.1", forged), 1)
    assert len(lines[0].splitlines()) == 1
    assert json.loads(lines[0])["user_agent"] == forged


@pytest.mark.parametrize(
    ("event", "members"), [("account.lost", {}), ("account.registered", {"password": "x"})]
)
def test_an_undocumented_event_raises_an_error(event: str, members: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not in the table"):
        events.record(event, Client(), 1, **members)


def test_events_are_written_to_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events.logger, "handlers", [])
    events.init_app()
    events.record("account.registered", Client(), 1)
    assert json.loads(capsys.readouterr().err)["event"] == "account.registered"


def test_each_step_is_logged_without_secrets(app: Flask, inbox: Inbox, lines: list[str]) -> None:
    with app.app_context():
        registration.register("Ada", "ada@example.com", PASSWORD, CLIENT)
        confirmation = inbox.token("ada@example.com")
        registration.confirm(confirmation, CLIENT)
        with pytest.raises(WrongCredentials):
            authentication.sign_in("ada@example.com", OTHER_PASSWORD, CLIENT, KIND)
        mine, *others = (
            authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND) for _ in range(3)
        )
        account = mine.session.account
        ids = [str(each.session.public_id) for each in (mine, *others)]
        changes.rename(account, "Countess", CLIENT)
        changes.export(account, CLIENT)
        sessions.revoke(mine.session, str(others[0].session.public_id), CLIENT)
        sessions.revoke(mine.session, str(others[0].session.public_id), CLIENT)
        sessions.revoke_others(mine.session, CLIENT)
        changes.change_password(mine.session, PASSWORD, OTHER_PASSWORD, CLIENT)
        changes.request_email_change(mine.session, "countess@example.com", CLIENT)
        change = inbox.token("countess@example.com")
        changes.confirm_email_change(change, CLIENT)
        sessions.sign_out(mine.session, CLIENT)
        recovery.request_reset("countess@example.com", CLIENT)
        reset = inbox.token("countess@example.com")
        recovery.complete_reset(reset, PASSWORD, CLIENT)
        last = authentication.sign_in("countess@example.com", PASSWORD, CLIENT, KIND)
        #: if cookiecutter.interface != "api"
        last = authentication.reauthenticate(last.session, PASSWORD, CLIENT)
        #: endif
        changes.delete_account(last.session, PASSWORD, CLIENT)
    found = [json.loads(line) for line in lines]
    assert [event["event"] for event in found] == [
        "account.registered",
        "account.confirmed",
        "sign_in.refused",
        *["sign_in.succeeded"] * 3,
        "account.renamed",
        "account.exported",
        "session.revoked",
        "session.revoke_refused",
        "session.revoked_others",
        "password.changed",
        "email.change_asked",
        "email.changed",
        "sign_out",
        "password.reset_asked",
        "password.reset",
        "sign_in.succeeded",
        #: if cookiecutter.interface != "api"
        "sign_in.succeeded",
        #: endif
        "account.deleted",
    ]
    assert {event["account_id"] for event in found} == {found[0]["account_id"]}
    members = {event["event"]: event for event in found}
    assert [event["session_id"] for event in found[3:6]] == ids
    assert members["session.revoked"]["session_id"] == ids[1]
    assert members["session.revoked_others"]["sessions"] == 1
    assert members["sign_out"]["session_id"] == ids[0]
    started = [mine, *others, last]
    secrets = {PASSWORD, OTHER_PASSWORD, confirmation, change, reset}
    secrets |= {each.token for each in started} | {each.device for each in started}
    assert not [secret for secret in secrets if secret in "".join(lines)]


def test_reaching_a_limit_is_logged(make_app: MakeApp, lines: list[str]) -> None:
    app = make_app(LIMIT_PASSWORD_FAILURES="1 per 15 minutes")
    add_account(app)
    with app.app_context():
        account = store.by_email("ada@example.com")
        assert account is not None
        for email, account_id in (("ada@example.com", account.id), ("eve@example.com", None)):
            for error in (WrongCredentials, LimitReached):
                with pytest.raises(error):
                    authentication.sign_in(email, "wrong", CLIENT, KIND)
            line = json.loads(lines[-1])
            assert (line["limit"], line["account_id"]) == ("password failures", account_id)


@pytest.mark.parametrize(
    ("settings", "limit"),
    [
        ({"LIMIT_PASSWORD_BY_IP": "1 per minute"}, "passwords by address"),
        ({"LIMIT_PASSWORD_FAILURES": "1 per minute"}, "password failures"),
        ({"LIMIT_MAIL_BY_IP": "1 per hour"}, "email change by address"),
        ({"LIMIT_MAIL_BY_ADDRESS": "1 per hour"}, "email change for mail address"),
        ({"LIMIT_CODE_FAILURES": "1 per hour"}, "code failures"),
    ],
)
def test_a_limit_that_someone_signed_in_reaches_is_logged_with_the_account(
    make_app: MakeApp, lines: list[str], settings: dict[str, str], limit: str
) -> None:
    app = make_app(**settings)
    add_account(app)
    with app.app_context():
        account = store.by_email("ada@example.com")
        assert account is not None
        account_id = account.id
        session = authentication.sign_in(account.email, PASSWORD, CLIENT, KIND).session
        tries: dict[str, Callable[[], object]] = {
            "password": lambda: changes.change_password(session, "wrong", OTHER_PASSWORD, CLIENT),
            "email": lambda: changes.request_email_change(session, "a@b.example", CLIENT),
            "code": lambda: codes.spent(account, "000000", CLIENT).__enter__(),
        }
        attempt = tries[limit.split()[0].removesuffix("s")]
        for _ in range(2):
            with suppress(InvalidInput, LimitReached):
                attempt()
    line = json.loads(lines[-1])
    assert (line["event"], line["limit"]) == ("limit.reached", limit)
    assert line["account_id"] == account_id


def test_an_invalid_id_of_a_session_is_null(app: Flask, lines: list[str]) -> None:
    account = add_account(app)
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        assert not sessions.revoke(session, "x", CLIENT)
    line = json.loads(lines[-1])
    assert (line["event"], line["session_id"]) == ("session.revoke_refused", None)


def test_accounts_made_on_the_command_line_are_logged(app: Flask, lines: list[str]) -> None:
    create = ("create", "ada@example.com", "--name", "Ada", "--password-stdin")
    run(app, *create, typed=PASSWORD)
    run(app, "invite", "eve@example.com", "--name", "Eve")
    events = [(json.loads(line)["event"], json.loads(line)["account_id"]) for line in lines]
    with app.app_context():
        made = [store.by_email(email) for email in ("ada@example.com", "eve@example.com")]
        numbers = [account and account.id for account in made]
    assert events == list(zip(["account.registered", "account.invited"], numbers, strict=True))


def test_a_refusal_is_logged_with_its_reason(app: Flask, lines: list[str]) -> None:
    add_account(app)
    add_account(app, "waiting@example.com", confirmed=False)
    with app.app_context():
        ada, waiting = map(store.by_email, ("ada@example.com", "waiting@example.com"))
        assert ada is not None
        assert waiting is not None
        with pytest.raises(NotConfirmed):
            authentication.sign_in("waiting@example.com", PASSWORD, CLIENT, KIND)
        session = authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND).session
        with pytest.raises(InvalidInput):
            changes.change_password(session, "wrong", OTHER_PASSWORD, CLIENT)
        for password in ("wrong", PASSWORD):
            with pytest.raises(WrongCredentials):
                authentication.sign_in("eve@example.com", password, CLIENT, KIND)
        access.disable(session.account, CLIENT)
        with pytest.raises(WrongCredentials):
            authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND)
    found = [json.loads(line) for line in lines]
    refused = [event for event in found if event["event"] == "sign_in.refused"]
    assert [(event["reason"], event["account_id"]) for event in refused] == [
        ("not confirmed", waiting.id),
        ("wrong password", ada.id),
        *[("wrong credentials", None)] * 2,
        ("disabled", ada.id),
    ]


def test_a_wrong_code_is_logged_for_the_account(
    app: Flask, account: str, clock: time_machine.Traveller, lines: list[str]
) -> None:
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        phone = turn_on(session, CLIENT)
        token = first_step(account, CLIENT)
        with pytest.raises(InvalidInput):
            authentication.sign_in_with_code(token, phone.wrong_code(), CLIENT, KIND)
        event = json.loads(lines[-1])
        assert (event["reason"], event["account_id"]) == ("wrong code", session.account_id)
