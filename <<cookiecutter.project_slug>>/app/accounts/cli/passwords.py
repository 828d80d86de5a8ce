"""`flask accounts set-password` and `reset-password`, and how commands read a password."""

import sys
import warnings
from collections.abc import Callable
from getpass import GetPassWarning
from typing import TypeVar

import click

from app.accounts import passwords, recovery
from app.accounts.cli.emails import sending
from app.accounts.cli.shared import CLIENT, find, refusal
from app.accounts.errors import InvalidInput
from app.accounts.models import Account
from app.commands import say
from app.extensions import end_transaction

Command = TypeVar("Command", bound=Callable[..., None])


def password_option(command: Command) -> Command:
    """Prompt for a password, or read it from standard input. Never use an argument, which others
    on the machine can see and the shell remembers."""
    return click.option(
        "--password-stdin", is_flag=True, help="Read the password from standard input."
    )(command)


@click.command("set-password")
@click.argument("email")
@password_option
def set_password(email: str, password_stdin: bool) -> None:
    """Set a password for EMAIL's account, end its sessions and email its owner."""
    account = find(email)
    end_transaction()
    password = read_password(password_stdin)
    try:
        passwords.check(password, account.own_words)
    except InvalidInput as error:
        raise refusal(error) from None
    with sending():
        recovery.replace_password(account, passwords.hash_password(password), CLIENT)
        say(f"Set a new password for {account.email} and ended its sessions.")
        _note_disabled(account)


@click.command("reset-password")
@click.argument("email")
def reset_password(email: str) -> None:
    """Send EMAIL a link to set a new password."""
    account = find(email)
    with sending():
        recovery.mail_reset(account.email, CLIENT)
    _note_disabled(account)


def read_password(from_stdin: bool) -> str:
    """Return the password from standard input, or ask for it. Raises ClickException."""
    try:
        password = sys.stdin.readline().rstrip("\r\n") if from_stdin else _ask_for_password()
        password.encode()  # in some locales, Python reads what isn't text as lone surrogates
    except UnicodeError:
        encoding = sys.stdin.encoding.upper()
        raise click.ClickException(f"The password is not text in {encoding}.") from None
    return password


def _ask_for_password() -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)  # the password would be shown
        try:
            password: str = click.prompt("Password", hide_input=True, confirmation_prompt=True)
        except GetPassWarning:
            message = "There is no terminal to type the password in; use --password-stdin."
            raise click.ClickException(message) from None
    return password


def _note_disabled(account: Account) -> None:
    if account.disabled_at:
        say(f"{account.email} stays disabled until you run: flask accounts enable {account.email}")
