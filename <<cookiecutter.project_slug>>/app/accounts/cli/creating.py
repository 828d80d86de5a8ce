"""`flask accounts create` and `invite`."""

import click

from app.accounts import events, registration
from app.accounts.cli.emails import sending
from app.accounts.cli.passwords import password_option, read_password
from app.accounts.cli.shared import CLIENT, refusal
from app.accounts.errors import InvalidInput
from app.commands import say


@click.command()
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
@click.option("--unconfirmed", is_flag=True, help="Send a confirmation link instead.")
@password_option
def create(email: str, name: str, unconfirmed: bool, password_stdin: bool) -> None:
    """Create an account for EMAIL. It is confirmed unless --unconfirmed is given.

    \b
    flask accounts create ada@example.com --name "Ada Lovelace"
    """
    password = read_password(password_stdin)
    try:
        name, email = registration.clean(name, email, password)
    except InvalidInput as error:
        raise refusal(error) from None
    link = "confirmation" if unconfirmed else None
    with sending():
        account = registration.create(name, email, password, confirmed=not unconfirmed, link=link)
        if account is None:
            raise click.ClickException(f"{email} already has an account.")
        events.record("account.registered", CLIENT, account.id)
        say(f"Created account {account.id} for {account.email}.")


@click.command()
@click.argument("email")
@click.option("--name", required=True, help="The person's name.")
def invite(email: str, name: str) -> None:
    """Create an account for EMAIL and email its owner a link to set the first password."""
    with sending():
        try:
            account = registration.invite(name, email)
        except InvalidInput as error:
            raise refusal(error) from None
        if account is None:
            hint = "`flask accounts reset-password` sends a link to set a password"
            raise click.ClickException(f"{email} already has an account; {hint}.")
        events.record("account.invited", CLIENT, account.id)
        say(f"Created account {account.id} for {account.email}.")
