"""`flask accounts …`: administration from the command line."""

import click

from app.accounts import access, changes, events, purge, sessions, store
from app.accounts.cli.creating import create, invite
from app.accounts.cli.emails import sending, warn_in_debug_mode
from app.accounts.cli.factors import rekey, remove_factor, remove_passkeys
from app.accounts.cli.passwords import reset_password, set_password
from app.accounts.cli.shared import CLIENT, find
from app.accounts.factors import store as factors
from app.accounts.models import Account, MailedToken, Session
from app.accounts.passkeys import store as passkeys
from app.columns import now, timestamp
from app.commands import DatabaseGroup, count, printable, progress, say
from app.extensions import end_transaction, transaction
from app.jobs.commands import list_jobs, work

accounts = DatabaseGroup(
    "accounts", help="Create, show and change accounts.", callback=warn_in_debug_mode
)
accounts.add_command(create)
accounts.add_command(invite)
accounts.add_command(set_password)
accounts.add_command(reset_password)
accounts.add_command(remove_factor)
accounts.add_command(remove_passkeys)
accounts.add_command(rekey)
accounts.add_command(list_jobs)
accounts.add_command(work)


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
            Session.__tablename__: "session",
            MailedToken.__tablename__: "token",
            Account.__tablename__: "unconfirmed account",
        }
        sessions, tokens, accounts = (count(purged[name], noun) for name, noun in tables.items())
        others = count(purged.total() - sum(purged[name] for name in tables), "other row")
        return f"Removed {sessions}, {tokens}, {accounts} and {others}"

    with progress() as so_far:
        purged = purge.purge(lambda purged: so_far(removed(purged)))
    say(f"{removed(purged)}.")
