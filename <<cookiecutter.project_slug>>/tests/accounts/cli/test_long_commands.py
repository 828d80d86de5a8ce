"""Commands that may take long: they say how far they are, and what was done if they fail."""

import math
from datetime import timedelta
from types import SimpleNamespace

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from app import commands
from app.accounts import authentication, purge
from app.accounts.factors import encryption
from app.accounts.models import Session, TotpSetup
from app.columns import now
from app.extensions import db
from tests.accounts.cli.running import CLIENT, run, sign_in
from tests.authenticator import KIND, begin, turn_on
from tests.conftest import PASSWORD, MakeApp, add_account


def expire(app: Flask, email: str, times: int) -> None:
    """Leave so many sessions that have ended."""
    for _ in range(times):
        sign_in(app, email)
    with app.app_context():
        db.session.execute(update(Session).values(expires_at=now() - timedelta(days=1)))
        db.session.commit()


def test_purge_says_how_far_it_is(
    app: Flask, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "PROGRESS_SECONDS", 0)
    monkeypatch.setattr(purge, "BATCH", 1)
    expire(app, account, 2)
    result = run(app, "purge")
    rest = "0 tokens, 0 unconfirmed accounts and 0 other rows"
    assert result.stderr.splitlines() == [
        f"Removed 1 session, {rest} so far.",
        f"Removed 2 sessions, {rest} so far.",
    ]
    assert result.stdout == f"Removed 2 sessions, {rest}.\n"


def test_progress_is_shown_every_few_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seconds = iter([0, 4, 5, 5, 6, 10, 10])
    monkeypatch.setattr(commands, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    with commands.progress() as so_far:
        for number in range(1, 5):
            so_far(f"Did {number}")
    assert capsys.readouterr().err == "Did 2 so far.\nDid 4 so far.\n"


def test_a_command_that_did_nothing_says_nothing_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyboardInterrupt), commands.progress():
        raise KeyboardInterrupt
    assert capsys.readouterr().err == ""


def test_a_command_says_what_it_did_before_it_had_to_wait_too_long(
    make_app: MakeApp, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(DATABASE_LOCK_TIMEOUT_SECONDS=1)
    monkeypatch.setattr(commands, "PROGRESS_SECONDS", math.inf)
    add_account(app)
    with app.app_context():
        session = authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND).session
        turn_on(session, CLIENT)
        begin(session)
        seen, other = [], db.engine.connect()

    def lock_the_second(stored: str) -> str:
        """Encrypt again; of two keys, another connection locks the second."""
        seen.append(stored)
        if len(seen) == 2:
            other.execute(update(TotpSetup).values(secret=TotpSetup.secret))
        return encryption.encrypt("KEY OF ADA")

    monkeypatch.setattr(encryption, "renewed", lock_the_second)
    with other:
        result = run(app, "rekey")
    assert (result.exit_code, result.stdout) == (1, "")
    done, error = result.stderr.splitlines()
    assert done == "Encrypted 1 key with the current SECRET_KEY. The rest was not done."
    assert error.startswith("Error: Something else, such as a migration, uses the same rows or")
