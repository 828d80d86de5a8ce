"""Commands that help someone who lost a second factor."""

import json
import re

import pytest
from flask import Flask

from app.accounts import authentication
from app.accounts.models import Session
from app.extensions import db
from tests.accounts.cli.running import CLIENT, KIND, run, sign_in
from tests.authenticator import start_session, turn_on
from tests.conftest import PASSWORD, Inbox
from tests.software_authenticator import SoftwareAuthenticator, add_passkey


@pytest.mark.usefixtures("clock")
def test_remove_factor_turns_it_off_and_notifies_the_owner(
    app: Flask, account: str, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    with app.app_context():
        turn_on(authentication.sign_in(account, PASSWORD, CLIENT, KIND).session, CLIENT)
    assert len(inbox.to(account)) == 1
    shown = run(app, "show", account).output
    assert re.search(r"^factor     \d{4}-\d\d-\d\dT", shown, re.MULTILINE)
    assert "codes      8\n" in shown
    result = run(app, "remove-factor", account)
    assert result.exit_code == 0
    assert result.output.startswith(f"Turned off two-factor authentication for {account}.\n")
    assert "turned off" in inbox.to(account)[-1].subject
    removed = json.loads(caplog.records[-1].message)
    assert (removed["event"], removed["method"]) == ("factor.removed", "totp")
    assert "factor     no\ncodes      0\npasskeys   0\n" in run(app, "show", account).output
    sign_in(app, account)
    again = run(app, "remove-factor", account)
    assert again.output == f"Two-factor authentication was not on for {account}.\n"
    assert again.exit_code == 0
    assert run(app, "remove-factor", "nobody@example.com").exit_code == 1


def test_remove_passkeys_removes_all_and_notifies_the_owner(
    app: Flask, account: str, inbox: Inbox
) -> None:
    session = start_session(app, account, CLIENT)
    with app.app_context():
        for _ in range(2):
            add_passkey(db.session.get_one(Session, session.id), CLIENT, SoftwareAuthenticator())
    inbox.to(account)
    assert "passkeys   2\n" in run(app, "show", account).output
    result = run(app, "remove-passkeys", account)
    assert result.exit_code == 0
    assert result.output.startswith(f"Removed 2 passkeys of {account}.\n")
    assert "passkeys   0\n" in run(app, "show", account).output
    subjects = [mail.subject.split(" · ")[0] for mail in inbox.to(account)[-2:]]
    assert subjects == ["A passkey was removed from your account"] * 2
