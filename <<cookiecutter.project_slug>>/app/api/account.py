"""One's own account: reading it, changing it, taking it along, ending it."""

from app.accounts import authentication, changes, fields
from app.accounts.errors import InvalidInput, Refusals
from app.api import schemas
from app.api.operations import OperationsBlueprint
from app.identity import current_client, current_identity

operations = OperationsBlueprint("Account", __name__)


@operations.operation("GET", "/account")
def get_account() -> schemas.Account:
    """Read the account."""
    return schemas.Account.of(current_identity().account)


@operations.operation("PATCH", "/account")
def update_account(body: schemas.Profile) -> schemas.Account:
    """Change the name."""
    account = current_identity().account
    changes.rename(account, body.name, current_client())
    return schemas.Account.of(account)


@operations.operation("PUT", "/account/password", 204, errors=(429,))
def change_password(body: schemas.PasswordChange) -> None:
    """Change the password.

    It ends every other session and voids the links that were mailed before, and the `device` of
    earlier sign-ins: the next sign-in returns a new one.
    """
    changes.change_password(
        current_identity().session, body.current_password, body.password, current_client()
    )


@operations.operation("PUT", "/account/email", 202, errors=(429,))
def request_email_change(body: schemas.EmailChange) -> None:
    """Ask for another address.

    A mail with a token goes to the new address, a notice to the old one; nothing changes until
    the token is used. The answer is the same for an address that has an account.
    """
    session, client = current_identity().session, current_client()
    refusals = Refusals()
    refusals.collect(
        authentication.confirm_password, session, body.current_password, client, "current_password"
    )
    refusals.collect(fields.clean_email, body.email)
    if refusals.errors:
        raise InvalidInput(refusals.errors)
    changes.request_email_change(session, body.email, client)


@operations.operation("PUT", "/account/email/confirmation", 204, signed_in=False)
def confirm_email_change(body: schemas.Token) -> None:
    """Confirm another address.

    The account moves to the address that the token was mailed to.
    """
    changes.confirm_email_change(body.token, current_client())


@operations.operation("GET", "/account/export")
def export_account() -> tuple[schemas.Export, dict[str, str]]:
    """Export the account.

    All that is stored about it, without hashes and tokens.
    """
    export = changes.export(current_identity().account, current_client())
    headers = {"Content-Disposition": "attachment; filename=account.json"}
    return schemas.Export.model_validate(export), headers


@operations.operation("DELETE", "/account", 204, errors=(429,))
def delete_account(body: schemas.PasswordConfirmation) -> None:
    """Delete the account and everything stored about it.

    The password is in the body, where no log writes it down.
    """
    changes.delete_account(current_identity().session, body.password, current_client())
