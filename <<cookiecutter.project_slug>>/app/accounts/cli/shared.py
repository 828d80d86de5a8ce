"""What the modules of `flask accounts` share."""

import click

from app.accounts import store
from app.accounts.client import Client
from app.accounts.errors import InvalidInput
from app.accounts.models import Account

CLIENT = Client(user_agent="flask accounts")


def find(email: str) -> Account:
    """Return the account of an address. Raises ClickException if there is none."""
    account = store.by_email(email)
    if account is None:
        raise click.ClickException(f"No account has the email address {email}.")
    return account


def refusal(error: InvalidInput) -> click.ClickException:
    """Return the error that says what was wrong with what was typed."""
    lines = [f"{field}: {text}" for field, texts in error.errors.items() for text in texts]
    return click.ClickException("\n".join(lines))
