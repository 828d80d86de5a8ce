"""Opening an account, and confirming its address."""

from app.accounts import registration
from app.api import schemas
from app.api.operations import OperationsBlueprint
from app.identity import current_client

operations = OperationsBlueprint("Registration", __name__)


@operations.operation("POST", "/accounts", 202, signed_in=False, errors=(429,))
def register(body: schemas.Registration) -> None:
    """Register.

    A mail with a token goes to the address. The answer is the same for an address that has an
    account: its owner is told by mail, and nothing changes.
    """
    registration.register(body.name, body.email, body.password, current_client())


@operations.operation("POST", "/confirmations", 202, signed_in=False, errors=(429,))
def resend_confirmation(body: schemas.EmailAddress) -> None:
    """Send the confirmation mail again.

    The answer is the same whether or not an account waits for it.
    """
    registration.resend_confirmation(body.email, current_client())


@operations.operation("PUT", "/confirmations", 204, signed_in=False)
def confirm_address(body: schemas.Token) -> None:
    """Confirm an address.

    The token is the one that was mailed to it.
    """
    registration.confirm(body.token, current_client())
