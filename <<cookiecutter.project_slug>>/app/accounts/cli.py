"""`flask accounts …`: administration from the command line."""

import sys
import warnings
from collections.abc import Callable
from getpass import GetPassWarning
from typing import TypeVar

import click

from app.accounts import (
    access,
    changes,
    events,
    factors,
    purge,
    recovery,
    registration,
    sessions,
    store,
)
from app.accounts import passwords as policy
from app.accounts.cli_emails import sending, warn_in_debug_mode
from app.accounts.cli_factors import rekey, remove_factor, remove_passkeys
from app.accounts.cli_shared import CLIENT, find
from app.accounts.errors import InvalidInput
from app.accounts.models import Account
from app.accounts.passkeys import store as passkeys
from app.columns import now, timestamp
from app.commands import DatabaseGroup, count, printable, progress, say
from app.extensions import end_transaction, transaction
from app.jobs.commands import list_jobs, work

accounts = DatabaseGroup(
    "accounts", help="Create, show and change accounts.", callback=warn_in_debug_mode
)
accounts.add_command(list_jobs)
accounts.add_command(work)
accounts.add_command(remove_factor)
accounts.add_command(remove_passkeys)
accounts.add_command(rekey)

Command = TypeVar("Command", bound=Callable[..., None])


def password_option(command: Command) -> Command:
    """Prompt for a password, or read it from standard input. Never use an argument, which others
    on the machine can see and the shell remembers."""
    return click.option(
        "--password-stdin", is_flag=True, help="Read the password from standard input."
    )(command)


@accounts.command()
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--unconfirmed", is_flag=True, help="Send a confirmation link instead.")
@password_option
def create(email: str, name: str, unconfirmed: bool, password_stdin: bool) -> None:
    """Create an account for EMAIL. It is confirmed unless --unconfirmed is given.

    \b
    flask accounts create ada@example.com --name "Ada Lovelace"
    """
    password = _read_password(password_stdin)
    try:
        name, email = registration.clean(name, email, password)
    except InvalidInput as error:
        raise _refusal(error) from None
    link = "confirmation" if unconfirmed else None
    with sending():
        account = registration.create(name, email, password, confirmed=not unconfirmed, link=link)
        if account is None:
            raise click.ClickException(f"{email} already has an account.")
        events.record("account.registered", CLIENT, account.id)
        say(f"Created account {account.id} for {account.email}.")


@accounts.command()
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
def invite(email: str, name: str) -> None:
    """Create an account for EMAIL and email its owner a link to set the first password."""
    with sending():
        try:
            account = registration.invite(name, email)
        except InvalidInput as error:
            raise _refusal(error) from None
        if account is None:
            hint = "`flask accounts reset-password` sends a link to set a password"
            raise click.ClickException(f"{email} already has an account; {hint}.")
        events.record("account.invited", CLIENT, account.id)
        say(f"Created account {account.id} for {account.email}.")


@accounts.command("list")
@click.option("--search", default="", help="Show only accounts whose name or email contains this.")
@click.option("--limit", type=click.IntRange(min=1), help="Show at most this many accounts.")
def list_accounts(search: str, limit: int | None) -> None:
    """List accounts: number, email address, name, and confirmed, unconfirmed or disabled."""
    found = store.search(search, limit)
    for account in found:
        state = "confirmed" if account.confirmed_at else "unconfirmed"
        say(account.id, account.email, account.name, "disabled" if account.disabled_at else state)


@accounts.command()
@click.argument("email")
def show(email: str) -> None:
    """Show EMAIL's account and its sessions."""
    account = find(email)
    say(f"number     {account.id}")
    say(f"id         {account.public_id}")
    say(f"name       {account.name}")
    say(f"email      {account.email}")
    say(f"created    {timestamp(account.created_at)}")
    say(f"confirmed  {timestamp(account.confirmed_at) or 'no'}")
    say(f"disabled   {timestamp(account.disabled_at) or 'no'}")
    factor = factors.status(account)
    say(f"factor     {timestamp(factor.confirmed_at) or 'no'}")
    say(f"codes      {factor.recovery_codes_left}")
    say(f"passkeys   {passkeys.count(account)}")
    living = sessions.of(account)
    say(f"sessions   {len(living)}")
    for session in living:
        seen = timestamp(session.last_seen_at)
        say(f"  {session.public_id}  {seen}  {session.ip_address}  {session.user_agent}")


@accounts.command()
@click.argument("email")
def confirm(email: str) -> None:
    """Confirm EMAIL's account without an email."""
    account = find(email)
    if account.confirmed_at is not None:
        say(f"{account.email} is already confirmed.")
        return
    with transaction():
        account.confirmed_at = now()
    events.record("account.confirmed", CLIENT, account.id)
    say(f"Confirmed {account.email}.")


@accounts.command("set-password")
@click.argument("email")
@password_option
def set_password(email: str, password_stdin: bool) -> None:
    """Set a password for EMAIL's account, end its sessions and email its owner."""
    account = find(email)
    end_transaction()
    password = _read_password(password_stdin)
    try:
        policy.check(password, account.own_words)
    except InvalidInput as error:
        raise _refusal(error) from None
    with sending():
        recovery.replace_password(account, policy.hash_password(password), CLIENT)
        say(f"Set a new password for {account.email} and ended its sessions.")
        _note_disabled(account)


@accounts.command("reset-password")
@click.argument("email")
def reset_password(email: str) -> None:
    """Send EMAIL a link to set a new password."""
    account = find(email)
    with sending():
        recovery.mail_reset(account.email, CLIENT)
    _note_disabled(account)


@accounts.command("sign-out")
@click.argument("email")
def sign_out(email: str) -> None:
    """End every session of EMAIL's account."""
    account = find(email)
    ended = access.sign_out(account, CLIENT)
    say(f"Ended {count(ended, 'session')} of {account.email}.")


@accounts.command()
@click.argument("email")
def disable(email: str) -> None:
    """Sign EMAIL's account out everywhere and refuse its sign-ins until it is enabled."""
    account = find(email)
    changed = access.disable(account, CLIENT)
    say(f"Disabled {account.email}." if changed else f"{account.email} is already disabled.")


@accounts.command()
@click.argument("email")
def enable(email: str) -> None:
    """Accept sign-ins to EMAIL's account again."""
    account = find(email)
    changed = access.enable(account, CLIENT)
    say(f"Enabled {account.email}." if changed else f"{account.email} is not disabled.")


@accounts.command()
@click.argument("email")
@click.option("--yes", is_flag=True, help="Don't ask for confirmation.")
def delete(email: str, yes: bool) -> None:
    """Delete EMAIL's account with everything that belongs to it, and email its owner."""
    account = find(email)
    if not yes:
        question = printable(f"Delete {account.email} permanently?")
        end_transaction()
        click.confirm(question, abort=True)
    with sending():
        changes.remove(account, CLIENT)
        say(f"Deleted {email}.")


@accounts.command("purge")
def purge_command() -> None:
    """Remove ended sessions, expired tokens and accounts that were never confirmed.

    A background job does the same once a day.
    """

    def removed(purged: purge.Purged) -> str:
        tables = {
            "sessions": "session",
            "mailed_tokens": "token",
            "accounts": "unconfirmed account",
        }
        sessions, tokens, accounts = (count(purged[name], noun) for name, noun in tables.items())
        others = count(purged.total() - sum(purged[name] for name in tables), "other row")
        return f"Removed {sessions}, {tokens}, {accounts} and {others}"

    with progress() as so_far:
        purged = purge.purge(lambda purged: so_far(removed(purged)))
    say(f"{removed(purged)}.")


def _read_password(from_stdin: bool) -> str:
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


def _refusal(error: InvalidInput) -> click.ClickException:
    lines = [f"{field}: {text}" for field, texts in error.errors.items() for text in texts]
    return click.ClickException("\n".join(lines))
