"""How the `flask accounts` commands read and set passwords."""

import io
import warnings
from getpass import GetPassWarning

import click
import pytest
from flask import Flask

from app.accounts import cli, recovery
from app.accounts.errors import WrongCredentials
from app.accounts.models import Account, Session
from tests.accounts.cli.running import CLIENT, count, run, sign_in
from tests.conftest import PASSWORD, Inbox

LONG = b"tangerine lorry at dusk"


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_password_from_standard_input_is_the_line_and_nothing_else(app: Flask, end: str) -> None:
    password = f"X {PASSWORD} X"
    arguments = ("create", "ada@example.com", "--name", "Ada", "--password-stdin")
    assert run(app, *arguments, typed=f"{password}{end}").exit_code == 0
    sign_in(app, "ada@example.com", password)


@pytest.mark.parametrize("command", [("create", "--name", "Eve"), ("set-password",)])
def test_a_password_that_is_no_text_is_refused(
    app: Flask, account: str, command: tuple[str, ...]
) -> None:
    name, *options = command
    result = run(app, name, account, *options, "--password-stdin", typed=b"caf\xe9 " + LONG)
    assert result.exit_code == 1
    assert result.output == "Error: The password is not text in UTF-8.\n"
    sign_in(app, account)


def test_a_password_is_refused_that_python_reads_as_lone_surrogates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    typed = io.TextIOWrapper(io.BytesIO(b"caf\xe9 " + LONG), "utf-8", "surrogateescape")
    monkeypatch.setattr("sys.stdin", typed)
    with pytest.raises(click.ClickException, match="not text in UTF-8"):
        cli.passwords.read_password(True)


def test_a_password_that_would_be_shown_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def show(*_: object, **__: object) -> str:
        """Do what Python does where there is no terminal."""
        warnings.warn("Can not control echo on the terminal.", GetPassWarning, stacklevel=2)
        return PASSWORD

    monkeypatch.setattr(click, "prompt", show)
    with pytest.raises(click.ClickException, match="There is no terminal"):
        cli.passwords.read_password(False)


def test_create_asks_for_the_password_twice_without_showing_it(app: Flask) -> None:
    result = run(
        app, "create", "ada@example.com", "--name", "Ada", typed=f"{PASSWORD}\n{PASSWORD}\n"
    )
    assert result.exit_code == 0
    assert PASSWORD not in result.output
    sign_in(app, "ada@example.com")


def test_create_refuses_a_password_that_was_typed_differently(app: Flask) -> None:
    result = run(app, "create", "ada@example.com", "--name", "Ada", typed=f"{PASSWORD}\nother\n")
    assert result.output.startswith("Password: ")
    assert "do not match" in result.output
    assert result.exit_code == 1
    assert count(app, Account) == 0


def test_a_password_from_standard_input_keeps_its_spaces(app: Flask) -> None:
    arguments = ("create", "ada@example.com", "--name", "Ada", "--password-stdin")
    assert run(app, *arguments, typed=f" {PASSWORD} \r\n").exit_code == 0
    sign_in(app, "ada@example.com", f" {PASSWORD} ")


def test_set_password_signs_out_everywhere_and_notifies_the_owner(
    app: Flask, account: str, inbox: Inbox
) -> None:
    sign_in(app, account)
    result = run(app, "set-password", account, "--password-stdin", typed="tangerine lorry at dusk")
    assert result.exit_code == 0
    assert result.output.startswith(f"Set a new password for {account} and ended its sessions.\n")
    assert count(app, Session) == 0
    assert inbox.to(account)[-1].subject.startswith("Your password was changed")
    with pytest.raises(WrongCredentials):
        sign_in(app, account)
    sign_in(app, account, "tangerine lorry at dusk")


def test_set_password_enforces_the_policy(app: Flask, account: str) -> None:
    result = run(app, "set-password", account, "--password-stdin", typed="ada@example.com")
    assert result.exit_code == 1
    assert "easy to guess" in result.output
    sign_in(app, account)


@pytest.mark.parametrize("command", [("set-password", "--password-stdin"), ("reset-password",)])
def test_a_disabled_account_stays_disabled_and_the_command_says_so(
    app: Flask, account: str, command: tuple[str, ...]
) -> None:
    name, *options = command
    said = f"{account} stays disabled until you run: flask accounts enable {account}"
    assert said not in run(app, name, account, *options, typed=PASSWORD).output
    run(app, "disable", account)
    assert said in run(app, name, account, *options, typed=PASSWORD).output.splitlines()
    with pytest.raises(WrongCredentials):
        sign_in(app, account)


def test_reset_password_emails_a_link_that_works(app: Flask, account: str, inbox: Inbox) -> None:
    assert run(app, "reset-password", account).exit_code == 0
    with app.app_context():
        recovery.complete_reset(inbox.token(account), "tangerine lorry at dusk", CLIENT)
    sign_in(app, account, "tangerine lorry at dusk")


def test_no_command_takes_a_password_as_an_argument(app: Flask) -> None:
    for command in ("create", "set-password"):
        output = run(app, command, "--help").output
        assert "--password-stdin" in output
        assert "--password " not in output
