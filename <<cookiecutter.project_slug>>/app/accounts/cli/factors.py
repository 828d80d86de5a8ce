"""`flask accounts remove-factor`, `remove-passkeys` and `rekey`: help with ways to sign in."""

import click

from app.accounts.cli.emails import sending
from app.accounts.cli.shared import CLIENT, find
from app.accounts.factors import rekeying
from app.accounts.factors import store as factors
from app.accounts.passkeys import store as passkeys
from app.commands import count, progress, say


@click.command("remove-factor")
@click.argument("email")
def remove_factor(email: str) -> None:
    """Turn off two-factor authentication for EMAIL's account and email its owner.

    Use this if the owner lost both the authenticator app and the recovery codes. First make sure
    that the owner is asking: afterwards the password is enough to sign in.
    """
    account = find(email)
    with sending():
        if factors.remove_without_code(account, CLIENT):
            say(f"Turned off two-factor authentication for {account.email}.")
        else:
            say(f"Two-factor authentication was not on for {account.email}.")


@click.command("remove-passkeys")
@click.argument("email")
def remove_passkeys(email: str) -> None:
    """Remove every passkey of EMAIL's account; its owner gets an email for each.

    Use this if a device was stolen. The owner can still sign in with the password.
    """
    account = find(email)
    with sending():
        removed = passkeys.remove_all(account, CLIENT)
        say(f"Removed {count(removed, 'passkey')} of {account.email}.")


@click.command()
def rekey() -> None:
    """Encrypt the keys of authenticator apps with the current SECRET_KEY.

    Run it after you changed SECRET_KEY and put the old one into SECRET_KEY_FALLBACKS. From then on
    the old one isn't needed to read them. Safe to run at any time.
    """

    def encrypted(changed: int) -> str:
        return f"Encrypted {count(changed, 'key')} with the current SECRET_KEY"

    with progress() as so_far:
        result = rekeying.rekey(lambda changed: so_far(encrypted(changed)))
    say(f"{encrypted(result.changed)}.")
    for email in result.unreadable:
        say(email, "can't be decrypted")
    if result.unreadable:
        raise click.ClickException(
            f"{count(len(result.unreadable), 'key')} can't be decrypted: add the earlier SECRET_KEY"
            " to SECRET_KEY_FALLBACKS and run this command again."
        )
