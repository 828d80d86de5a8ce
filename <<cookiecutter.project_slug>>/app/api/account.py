"""The signed-in person's account."""

from app.accounts import changes, fields
from app.accounts.errors import InvalidInput, Refusals
from app.api import schemas
from app.api.confirmation import confirm_password
from app.api.operations import OperationsBlueprint
from app.identity import current_client, current_identity

operations = OperationsBlueprint("Account", __name__)


@operations.operation("GET", "/account")
def get_account() -> schemas.Account:
    """Get the account."""
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

    This ends every other session and invalidates the links sent by email and the `device` of
    earlier sign-ins. The next sign-in returns a new `device`.
    """
    changes.change_password(
        current_identity().session, body.current_password, body.password, current_client()
    )


@operations.operation("PUT", "/account/email", 202, errors=(429,))
def request_email_change(body: schemas.EmailChange) -> None:
    """Request a change of email address.

    An email with a token goes to the new address and a notice to the current one. Nothing changes
    until the token is used. The response is the same if the address belongs to an account. A newer
    request, a new password, or ending other sessions invalidates the token.
    """
    refusals = Refusals()
    refusals.collect(confirm_password, body.current_password)
    refusals.collect(fields.clean_email, body.email)
    if refusals.errors:
        raise InvalidInput(refusals.errors)
    changes.request_email_change(current_identity().session, body.email, current_client())


@operations.operation("PUT", "/account/email/confirmation", 204, signed_in=False)
def confirm_email_change(body: schemas.Token) -> None:
    """Confirm the new email address.

    The account then uses the email address that the token was sent to.
    """
    changes.confirm_email_change(body.token, current_client())


@operations.operation("GET", "/account/export")
def export_account() -> tuple[schemas.Export, dict[str, str]]:
    """Export the account.

    The response has everything stored about it, without hashes and tokens.
    """
    export = changes.export(current_identity().account, current_client())
    headers = {"Content-Disposition": "attachment; filename=account.json"}
    return schemas.Export.model_validate(export), headers


@operations.operation("DELETE", "/account", 204, errors=(429,))
def delete_account(body: schemas.PasswordConfirmation) -> None:
    """Delete the account and everything stored about it.

    The password is in the body, so that it doesn't appear in logs.
    """
    changes.delete_account(current_identity().session, body.password, current_client())
