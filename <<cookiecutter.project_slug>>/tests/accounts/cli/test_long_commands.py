"""Commands that may take long: they say how far they are, and what was done if they fail."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from app import commands
from app.accounts import purge
from app.accounts.models import Account, Session
from app.columns import now
from app.extensions import db
from tests.accounts.cli.running import run, sign_in
from tests.conftest import MakeApp, add_account


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
    rest = "0 tokens and 0 unconfirmed accounts"
    assert result.stderr.splitlines() == [
        f"Removed 1 session, {rest} so far.",
        f"Removed 2 sessions, {rest} so far.",
    ]
    assert result.stdout == f"Removed 2 sessions, {rest}.\n"


def test_a_quick_command_says_nothing_but_its_result(app: Flask, account: str) -> None:
    expire(app, account, 1)
    assert run(app, "purge").stderr == ""


def test_purge_says_what_it_removed_before_it_had_to_wait_too_long(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(DATABASE_LOCK_TIMEOUT_SECONDS=1)
    delete = purge._delete_abandoned_accounts

    def delete_meanwhile() -> Iterator[int]:
        """Delete accounts while another connection has them all locked."""
        with db.engine.connect() as other:
            other.execute(update(Account).values(name="Grace"))
            yield from delete()

    expire(app, add_account(app), 1)
    add_account(app, "late@example.com", confirmed=False)
    with app.app_context():
        db.session.execute(update(Account).values(created_at=now() - timedelta(days=8)))
        db.session.commit()
    with monkeypatch.context() as patches:
        patches.setattr(purge, "_delete_abandoned_accounts", delete_meanwhile)
        result = run(app, "purge")
    assert (result.exit_code, result.stdout) == (1, "")
    done, error = result.stderr.splitlines()
    removed = "Removed 1 session, 0 tokens and 0 unconfirmed accounts"
    assert done == f"{removed}. The rest was not done."
    assert error.startswith("Error: Something else, such as a migration, uses the same rows or")
    assert run(app, "purge").stdout == "Removed 0 sessions, 0 tokens and 1 unconfirmed account.\n"
