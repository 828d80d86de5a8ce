"""The `flask accounts` commands."""

import re
from datetime import timedelta

import click
import pytest
from flask import Flask
from sqlalchemy import select, update

from app import extensions, jobs
from app.accounts import passwords, recovery, registration, store
from app.accounts.models import Account, MailedToken, Session
from app.columns import now
from app.extensions import db
from tests.accounts.cli.running import CLIENT, count, run, sign_in
from tests.conftest import PASSWORD, Inbox, add_account, delete_meanwhile


def test_create_makes_a_confirmed_account(app: Flask, inbox: Inbox) -> None:
    result = run(
        app,
        "create",
        "ada@example.com",
        "--name",
        "Ada",
        "--password-stdin",
        typed=f"{PASSWORD}\n",
    )
    assert result.exit_code == 0
    assert re.fullmatch(r"Created account \d+ for ada@example\.com\.\n", result.output)
    assert inbox.to("ada@example.com") == []
    sign_in(app, "ada@example.com")


@pytest.mark.parametrize(("command", "asks"), [("delete", "confirm"), ("set-password", "prompt")])
def test_no_transaction_is_open_while_a_command_asks(
    app: Flask, account: str, monkeypatch: pytest.MonkeyPatch, command: str, asks: str
) -> None:
    opened = []

    def ask(*_: object, **_options: object) -> None:
        opened.append(db.session().in_transaction())
        raise click.Abort

    monkeypatch.setattr(click, asks, ask)
    assert run(app, command, account).exit_code == 1
    assert opened == [False]


def test_long_lists_are_read_page_by_page(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extensions, "PAGE", 2)
    emails = [add_account(app, f"{number}@example.com") for number in range(5)]
    shown = run(app, "list").output.splitlines()
    assert [line.split("\t")[1] for line in shown] == emails
    for limit in (2, 3, 4):
        assert run(app, "list", "--limit", str(limit)).output.splitlines() == shown[:limit]
    with app.app_context():
        opened = [db.session().in_transaction() for _ in store.search("")]
    assert opened == [False] * 5


def test_every_invalid_value_has_a_line(app: Flask) -> None:
    result = run(app, "create", "nobody", "--name", " ", "--password-stdin", typed="short")
    fields = [line.partition(":")[0] for line in result.stderr.removeprefix("Error: ").splitlines()]
    assert fields == ["name", "email", "password"]


def test_create_unconfirmed_emails_the_link(app: Flask, inbox: Inbox) -> None:
    arguments = ("create", "ada@example.com", "--name", "Ada", "--unconfirmed", "--password-stdin")
    assert run(app, *arguments, typed=PASSWORD).exit_code == 0
    with app.app_context():
        registration.confirm(inbox.token("ada@example.com"), CLIENT)
    sign_in(app, "ada@example.com")


@pytest.mark.parametrize(
    ("email", "name", "password", "complaint"),
    [
        ("nonsense", "Ada", PASSWORD, "email: Enter an email address"),
        ("ada@example.com", " ", PASSWORD, "name: Enter your name"),
        ("ada@example.com", "Ada", "short", "password: Use at least 12 characters"),
        ("ada@example.com", "Ada", "password1234", "password: This password is easy to guess"),
    ],
)
def test_create_reports_invalid_values(
    app: Flask, email: str, name: str, password: str, complaint: str
) -> None:
    result = run(app, "create", email, "--name", name, "--password-stdin", typed=password)
    assert result.exit_code == 1
    assert complaint in result.output
    assert count(app, Account) == 0


def test_create_refuses_an_address_that_has_an_account(app: Flask, account: str) -> None:
    result = run(
        app, "create", account.upper(), "--name", "Eve", "--password-stdin", typed=PASSWORD
    )
    assert result.exit_code == 1
    assert "already has an account" in result.output


def test_list_shows_every_account(app: Flask, account: str) -> None:
    add_account(app, "eve@example.com", "Eve", confirmed=False)
    lines = run(app, "list").output.splitlines()
    assert [line.split("\t") for line in lines] == [
        [number(app, account), "ada@example.com", "Ada", "confirmed"],
        [number(app, "eve@example.com"), "eve@example.com", "Eve", "unconfirmed"],
    ]


def number(app: Flask, email: str) -> str:
    """Return the number of an account."""
    with app.app_context():
        found = store.by_email(email)
        assert found is not None
        return str(found.id)


def test_show_describes_the_account_and_its_sessions(app: Flask, account: str) -> None:
    sign_in(app, account)
    result = run(app, "show", account)
    assert result.exit_code == 0
    expected = rf"""number     {number(app, account)}
id         \S{{36}}
name       Ada
email      ada@example\.com
created    2026-01-31T12:\S+Z
confirmed  2026-01-31T12:\S+Z
disabled   no
factor     no
codes      0
passkeys   0
sessions   1
  \S{{36}}  2026-01-31T12:\S+Z  192\.0\.2\.1  tests
"""
    assert re.fullmatch(expected, result.output)
    unconfirmed = add_account(app, "eve@example.com", confirmed=False)
    assert "confirmed  no\n" in run(app, "show", unconfirmed).output


def test_confirm_works_without_an_email(app: Flask) -> None:
    email = add_account(app, confirmed=False)
    assert run(app, "confirm", email).output == f"Confirmed {email}.\n"
    assert "already" in run(app, "confirm", email).output
    sign_in(app, email)


def test_an_account_that_was_deleted_in_the_meantime_is_a_clear_error(
    app: Flask, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_first(password: str) -> str:
        delete_meanwhile(app, account)
        return password

    monkeypatch.setattr(passwords, "hash_password", delete_first)
    result = run(app, "set-password", account, "--password-stdin", typed="tangerine lorry at dusk")
    assert result.exit_code == 1
    assert result.output == "Error: The account was deleted in the meantime.\n"


def test_sign_out_ends_all_sessions_of_this_account_only(
    app: Flask, account: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = add_account(app, "eve@example.com")
    for email in (account, account, other):
        sign_in(app, email)
    assert run(app, "sign-out", account).output == f"Ended 2 sessions of {account}.\n"
    assert '"sessions": 2' in caplog.text
    assert count(app, Session) == 1


def test_delete_asks_for_confirmation(app: Flask, account: str, inbox: Inbox) -> None:
    result = run(app, "delete", account, typed="n\n")
    assert result.exit_code == 1
    assert result.output.startswith(f"Delete {account} permanently? [y/N]: ")
    assert count(app, Account) == 1
    assert run(app, "delete", account, "--yes").output.startswith(f"Deleted {account}.\n")
    assert count(app, Account) == 0
    assert inbox.to(account)[-1].subject.startswith("Your account was deleted")


@pytest.mark.parametrize(
    "command",
    ["show", "confirm", "set-password", "reset-password", "sign-out", "delete"],
)
def test_an_unknown_address_is_a_clear_error(app: Flask, command: str) -> None:
    result = run(app, command, "nobody@example.com")
    assert result.exit_code == 1
    assert result.output == "Error: No account has the email address nobody@example.com.\n"


def test_purge_removes_only_expired_rows(app: Flask, account: str) -> None:
    for _ in range(2):
        sign_in(app, account)
    add_account(app, "late@example.com", confirmed=False)
    add_account(app, "fresh@example.com", confirmed=False)
    with app.app_context():
        for email in ("fresh@example.com", account):
            recovery.mail_reset(email, CLIENT)
    jobs.run_due(app)
    with app.app_context():
        past = now() - timedelta(days=8)
        old = Account.email.in_([account, "late@example.com"])
        db.session.execute(update(Account).where(old).values(created_at=past))
        first = db.session.scalars(select(Session)).first()
        assert first is not None
        first.expires_at = past
        token = db.session.scalars(select(MailedToken).where(MailedToken.email == account)).one()
        token.expires_at = past
        db.session.commit()
    expected = "Removed 1 session, 1 token, 1 unconfirmed account and 0 other rows.\n"
    assert run(app, "purge").stdout == expected
    assert [count(app, model) for model in (Account, Session, MailedToken)] == [2, 1, 1]
    nothing = "Removed 0 sessions, 0 tokens, 0 unconfirmed accounts and 0 other rows.\n"
    assert run(app, "purge").stdout == nothing


def test_a_misused_command_shows_its_usage(app: Flask) -> None:
    result = run(app, "show", "ada@example.com", "too many")
    assert result.exit_code == 2
    assert "Usage: " in result.output
