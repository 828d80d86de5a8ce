"""Disabled accounts: no sign-in, no session, and the same response as to a wrong password."""

import json
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts import (
    access,
    authentication,
    changes,
    passwords,
    recovery,
    sessions,
    store,
    tokens,
)
from app.accounts.errors import InvalidToken, LimitReached, WrongCredentials
from app.accounts.models import Account, MailedToken, Session
from app.columns import now
from app.extensions import db, transaction
from tests.accounts.cli.running import CLIENT, KIND, count, run, sign_in
from tests.conftest import PASSWORD, Inbox, add_account


def disable(app: Flask, email: str) -> None:
    """Disable an account as an administrator does."""
    assert run(app, "disable", email).output == f"Disabled {email}.\n"


def test_a_disabled_account_has_no_sessions_and_no_sign_in(app: Flask, account: str) -> None:
    other = add_account(app, "eve@example.com")
    for email in (account, other):
        sign_in(app, email)
    disable(app, account)
    assert count(app, Session) == 1
    with pytest.raises(WrongCredentials):
        sign_in(app, account)
    sign_in(app, other)
    assert run(app, "enable", account).output == f"Enabled {account}.\n"
    sign_in(app, account)


def test_disabling_and_enabling_twice_changes_nothing(
    app: Flask, account: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert "is not disabled" in run(app, "enable", account).output
    disable(app, account)
    shown = run(app, "show", account).output
    assert "is already disabled" in run(app, "disable", account).output
    assert run(app, "show", account).output == shown
    run(app, "enable", account)
    logged = [record.message for record in caplog.records if record.name == "app.events"]
    assert sum("account.disabled" in line for line in logged) == 1
    assert sum("account.enabled" in line for line in logged) == 1


def test_show_list_and_export_say_that_an_account_is_disabled(app: Flask, account: str) -> None:
    assert "disabled   no\n" in run(app, "show", account).output
    disable(app, account)
    assert "disabled   20" in run(app, "show", account).output
    assert run(app, "list").output.endswith("\tdisabled\n")
    with app.app_context():
        stored = store.by_email(account)
        assert stored is not None
        assert changes.export(stored, CLIENT)["account"]["disabled_at"].endswith("Z")


def test_a_right_password_counts_like_a_wrong_one(app: Flask, account: str) -> None:
    disable(app, account)
    for _ in range(10):
        with pytest.raises(WrongCredentials):
            sign_in(app, account)
    with pytest.raises(LimitReached):
        sign_in(app, account)


def test_a_disabled_account_that_was_never_confirmed_does_not_say_so(app: Flask) -> None:
    email = add_account(app, confirmed=False)
    disable(app, email)
    with pytest.raises(WrongCredentials):
        sign_in(app, email)


def test_a_disabled_account_still_costs_a_password_comparison(
    app: Flask, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    disable(app, account)
    compared = []
    verify = passwords.verify

    def noting(password: str, password_hash: str | None) -> bool:
        compared.append(password_hash)
        return verify(password, password_hash)

    monkeypatch.setattr(passwords, "verify", noting)
    with pytest.raises(WrongCredentials):
        sign_in(app, account)
    with app.app_context():
        assert compared == [db.session.scalar(select(Account.password_hash))]


def test_a_reset_sets_the_password_and_enables_nothing(
    app: Flask, account: str, inbox: Inbox
) -> None:
    disable(app, account)
    with app.app_context():
        recovery.request_reset(account, CLIENT)
    token = inbox.token(account)
    with app.app_context():
        recovery.complete_reset(token, "tangerine lorry at dusk", CLIENT)
    for password in (PASSWORD, "tangerine lorry at dusk"):
        with pytest.raises(WrongCredentials):
            sign_in(app, account, password)
    run(app, "enable", account)
    sign_in(app, account, "tangerine lorry at dusk")


def test_links_sent_before_stop_working(app: Flask, account: str, inbox: Inbox) -> None:
    with app.app_context():
        recovery.request_reset(account, CLIENT)
    token = inbox.token(account)
    with app.app_context(), transaction():
        stored = store.by_email(account)
        assert stored is not None
        for purpose in set(tokens.LIFETIMES) - {"reset"}:
            tokens.issue(stored, purpose, account)
    disable(app, account)
    assert count(app, MailedToken) == 0
    with app.app_context(), pytest.raises(InvalidToken):
        recovery.complete_reset(token, "tangerine lorry at dusk", CLIENT)


def test_links_asked_for_before_are_not_sent(app: Flask, account: str, inbox: Inbox) -> None:
    with app.app_context():
        with transaction():
            stored = store.by_email(account)
            assert stored is not None
        recovery.mail_reset(account, CLIENT)
        access.disable(stored, CLIENT)
    assert inbox.to(account) == []


def test_a_session_of_a_disabled_account_is_not_found(app: Flask, account: str) -> None:
    with app.app_context():
        with transaction():
            stored = store.by_email(account)
            assert stored is not None
            _, token = sessions.start(stored, KIND, CLIENT, factor_verified=False)
            stored.disabled_at = now() - timedelta(days=1)
        assert sessions.find(token, KIND) is None


def test_a_sign_in_that_began_before_is_refused(
    app: Flask, account: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    compare = authentication._compare

    def disabled_meanwhile(*arguments: object) -> str | None:
        found: str | None = compare(*arguments)  # type: ignore[arg-type]
        disable(app, account)
        return found

    monkeypatch.setattr(authentication, "_compare", disabled_meanwhile)
    with pytest.raises(WrongCredentials):
        sign_in(app, account)
    assert count(app, Session) == 0
    disabled, refused = map(json.loads, caplog.messages[-2:])
    assert refused["reason"] == "password changed meanwhile"
    assert refused["account_id"] == disabled["account_id"]


def test_list_searches_names_and_addresses(app: Flask) -> None:
    add_account(app, "ada@example.com", "Ada Lovelace")
    add_account(app, "grace@navy.example", "Grace Hopper")
    add_account(app, "100%_sure@example.com", "Sure")

    def found(*options: str) -> list[str]:
        return [line.split("\t")[1] for line in run(app, "list", *options).output.splitlines()]

    assert found("--search", "LOVE") == ["ada@example.com"]
    assert found("--search", "navy") == ["grace@navy.example"]
    assert found("--search", "%_") == ["100%_sure@example.com"]
    assert found("--search", "nobody") == []
    assert found("--limit", "2") == ["ada@example.com", "grace@navy.example"]
    assert run(app, "list", "--limit", "0").exit_code == 2
