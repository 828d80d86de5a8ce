"""The current password in the body of a request."""

from app.accounts import authentication
from app.identity import current_client, current_identity


def confirm_password(password: str) -> authentication.Proof:
    """Check the password of the person who is signed in. The change it allows must `hold` the proof.

    Raises InvalidInput on `current_password`, LimitReached.
    """
    session, client = current_identity().session, current_client()
    return authentication.confirm_password(session, password, client, "current_password")
