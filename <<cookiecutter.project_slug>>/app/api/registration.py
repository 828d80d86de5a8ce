"""Registration and confirmation."""

from app.accounts import registration
from app.api import schemas
from app.api.operations import OperationsBlueprint
from app.identity import current_client

operations = OperationsBlueprint("Registration", __name__)


@operations.operation("POST", "/accounts", 202, signed_in=False, errors=(429,))
def register(body: schemas.Registration) -> None:
    """Register.

    An email with a token goes to the address. The response is the same if the address already has
    an account: then its owner gets an email, and nothing changes.
    """
    registration.register(body.name, body.email, body.password, current_client())


@operations.operation("POST", "/confirmations", 202, signed_in=False, errors=(429,))
def resend_confirmation(body: schemas.EmailAddress) -> None:
    """Resend the confirmation email.

    The response is the same whether or not an account needs it.
    """
    registration.resend_confirmation(body.email, current_client())


@operations.operation("PUT", "/confirmations", 204, signed_in=False)
def confirm_address(body: schemas.Token) -> None:
    """Confirm an email address.

    Send the token from the email.
    """
    registration.confirm(body.token, current_client())
