"""Password resets."""

from app.accounts import recovery
from app.api import schemas
from app.api.operations import OperationsBlueprint
from app.identity import current_client

operations = OperationsBlueprint("Recovery", __name__)


@operations.operation("POST", "/password-resets", 202, signed_in=False, errors=(429,))
def request_password_reset(body: schemas.EmailAddress) -> None:
    """Request a password reset.

    An email with a token goes to the address. The response is the same whether or not the address has an account.
    """
    recovery.request_reset(body.email, current_client())


@operations.operation("PUT", "/password-resets", signed_in=False, errors=(429,))
def reset_password(body: schemas.NewPasswordByToken) -> schemas.KnownDevice:
    """Reset the password.

    Send the token from the email. It also confirms the email address, and every session of the account ends.
    Send the `device` from the response when you sign in, so that other people's wrong passwords don't lock you out.
    """
    device = recovery.complete_reset(body.token, body.password, current_client())
    return schemas.KnownDevice(device=device)
