"""A new password for somebody who lost theirs."""

from app.accounts import recovery
from app.api import schemas
from app.api.operations import OperationsBlueprint
from app.identity import current_client

operations = OperationsBlueprint("Recovery", __name__)


@operations.operation("POST", "/password-resets", 202, signed_in=False, errors=(429,))
def request_password_reset(body: schemas.EmailAddress) -> None:
    """Ask for a password reset.

    A mail with a token goes to the address. The answer is the same whether or not the address has an account.
    """
    recovery.request_reset(body.email, current_client())


@operations.operation("PUT", "/password-resets", signed_in=False, errors=(429,))
def reset_password(body: schemas.NewPasswordByToken) -> schemas.KnownDevice:
    """Reset the password.

    The token is the one that was mailed. It also confirms the address, and ends every session of the account.
    Sign in with the `device` of the answer: it is counted apart from whoever tries wrong passwords.
    """
    device = recovery.complete_reset(body.token, body.password, current_client())
    return schemas.KnownDevice(device=device)
