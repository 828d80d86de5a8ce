"""The audit log: one line of JSON for each event."""

import json
import logging

import pytest

from app.accounts import events
from app.accounts.client import Client


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the log writes, as its own handler would."""
    written: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(self.format(record))

    monkeypatch.setattr(events.logger, "handlers", [Handler()])
    monkeypatch.setattr(events.logger, "level", logging.INFO)
    return written


def test_a_line_has_the_members_that_are_promised(lines: list[str]) -> None:
    events.record("sign_in.refused", Client("192.0.2.1", "agent"), 7, reason="wrong credentials")
    event = json.loads(lines[0])
    assert event.pop("time").endswith("Z")
    assert event == {
        "event": "sign_in.refused",
        "account_id": 7,
        "ip_address": "192.0.2.1",
        "user_agent": "agent",
        "reason": "wrong credentials",
    }


@pytest.mark.parametrize("end", ["\n", "\r", "\x0b", "\x85", "\u2028", "\u2029"])
def test_no_value_can_start_a_second_line(lines: list[str], end: str) -> None:
    forged = f'agent{end}{{"event": "account.deleted"}}'
    events.record("account.registered", Client("192.0.2.1", forged))
    assert len(lines[0].splitlines()) == 1
    assert json.loads(lines[0])["user_agent"] == forged


@pytest.mark.parametrize(
    ("event", "members"), [("account.lost", {}), ("account.registered", {"password": "x"})]
)
def test_an_event_outside_the_table_is_a_mistake(event: str, members: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not in the table"):
        events.record(event, Client(), 1, **members)


def test_they_go_to_standard_error(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events.logger, "handlers", [])
    events.init_app()
    events.record("account.registered", Client(), 1)
    assert json.loads(capsys.readouterr().err)["event"] == "account.registered"
