"""What the audit log says about passkeys."""

import json
import logging
from typing import Any

import pytest
from flask import Flask

from app.accounts import events
from app.accounts.models import Passkey, Session
from app.accounts.passkeys import store
from app.extensions import db
from tests.accounts.passkey_races.conftest import CLIENT, added, begin, disable, outcome
from tests.software_authenticator import SoftwareAuthenticator, forged


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The lines of the audit log."""
    written: list[dict[str, Any]] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(json.loads(self.format(record)))

    monkeypatch.setattr(events.logger, "handlers", [Handler()])
    return written


#: if cookiecutter.interface != "api"
def test_a_counter_that_fell_in_a_reauthentication_is_recorded_with_its_client(
    app: Flask, session: Session, phone: SoftwareAuthenticator, recorded: list[dict[str, Any]]
) -> None:
    from contextlib import suppress

    from app.accounts.errors import WrongCredentials
    from app.accounts.passkeys import ceremonies

    with app.app_context():
        current = db.session.get_one(Session, session.id)
        for counter in (2, 1):
            begun = ceremonies.reauthentication_options(current, CLIENT)
            phone.counter = counter
            with suppress(WrongCredentials):
                current = ceremonies.reauthenticate(
                    current, begun.token, phone.get(begun.options), CLIENT
                ).session
    (fell,) = [line for line in recorded if line["event"] == "passkey.counter_fell"]
    assert fell["ip_address"] == CLIENT.ip_address


#: endif
def test_each_step_is_in_the_audit_log(
    app: Flask, session: Session, phone: SoftwareAuthenticator, recorded: list[dict[str, Any]]
) -> None:
    with app.app_context():
        (passkey,) = store.passkeys_of(session.account)
        store.rename(passkey, "Phone", CLIENT)
    for change, counter in (
        (lambda it: it, 2),
        (lambda it: it, 2),
        (forged, 3),
        (lambda it: {}, 4),
    ):
        begun = begin(app)
        phone.counter = counter
        with app.app_context():
            outcome(begun.token, change(phone.get(begun.options)))
    with app.app_context():
        store.remove(db.session.get_one(Passkey, passkey.id), CLIENT)
    mine = session.account_id
    lines = [(line["event"], line["account_id"], line.get("reason")) for line in recorded]
    assert lines == [
        ("passkey.renamed", mine, None),
        ("passkey.used", mine, None),
        ("sign_in.succeeded", mine, None),
        ("passkey.counter_fell", mine, None),
        ("sign_in.refused", mine, "passkey counter"),
        ("sign_in.refused", mine, "wrong passkey"),
        ("sign_in.refused", None, "wrong passkey"),
        ("passkey.removed", mine, None),
    ]
    assert recorded[2]["method"] == "passkey"
    ids = {line["passkey_id"] for line in recorded if "passkey_id" in line}
    assert ids == {str(passkey.public_id)}


def test_a_falling_counter_of_a_synced_passkey_is_logged(
    app: Flask, session: Session, recorded: list[dict[str, Any]]
) -> None:
    phone = added(app, session, SoftwareAuthenticator(counter=7))
    begun = begin(app)
    phone.counter = 3
    with app.app_context():
        assert outcome(begun.token, phone.get(begun.options)) == "signed in"
    assert "passkey.counter_fell" in [line["event"] for line in recorded]


def test_a_refused_sign_in_to_a_disabled_account_is_logged(
    app: Flask, session: Session, phone: SoftwareAuthenticator, recorded: list[dict[str, Any]]
) -> None:
    disable(app, session)
    begun = begin(app)
    phone.counter += 1
    with app.app_context():
        assert outcome(begun.token, phone.get(begun.options)) == "WrongCredentials"
    assert (recorded[-1]["reason"], recorded[-1]["account_id"]) == ("disabled", session.account_id)
