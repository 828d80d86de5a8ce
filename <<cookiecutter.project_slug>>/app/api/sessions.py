"""Signing in and out, and the sessions of an account."""

from typing import Annotated

from flask import abort, url_for
from pydantic import Field

from app.accounts import authentication
from app.accounts import sessions as account_sessions
from app.api import schemas
from app.api.operations import OperationsBlueprint
from app.identity import current_client, current_identity

SessionId = Annotated[
    str,
    Field(
        description="The `id` of a session.",
        examples=[schemas.ID],
        json_schema_extra={"format": "uuid"},
    ),
]

operations = OperationsBlueprint("Sessions", __name__)


@operations.operation(
    "POST",
    "/sessions",
    201,
    signed_in=False,
    errors=(401, 403, 429),
    problems={401: "SecondFactor"},
)
def sign_in(body: schemas.Credentials) -> tuple[schemas.NewSession, dict[str, str]]:
    """Sign in.

    Send the token with later requests: `Authorization: Bearer <token>`. Store the `device` as
    well, and send it with the next sign-in. Then nobody can lock you out by trying wrong
    passwords for your account.

    If the account has two-factor authentication, the response to the correct password is a 401 with
    a `challenge`. Send it with a code to `POST /api/v1/sessions/factor`.
    """
    client = current_client(body.device)
    return answer(authentication.sign_in(body.email, body.password, client, "api"))


@operations.operation("POST", "/sessions/factor", 201, signed_in=False, errors=(429,))
def sign_in_with_code(body: schemas.SecondStep) -> tuple[schemas.NewSession, dict[str, str]]:
    """Complete a sign-in with a code.

    After a wrong code (422 on `code`), try again with the same challenge. If the challenge has
    expired or was already used (422 on `challenge`), sign in again.
    """
    client = current_client(body.device)
    return answer(authentication.sign_in_with_code(body.challenge, body.code, client, "api"))


def answer(signed_in: authentication.SignedIn) -> tuple[schemas.NewSession, dict[str, str]]:
    """Return the response to a sign-in."""
    session = schemas.NewSession(
        token=signed_in.token,
        expires_at=signed_in.session.expires_at,
        device=signed_in.device,
        account=schemas.Account.of(signed_in.session.account),
    )
    return session, {
        "Location": url_for("api_sessions.end_session", session_id=signed_in.session.public_id)
    }


@operations.operation("GET", "/sessions")
def list_sessions() -> schemas.Sessions:
    """List sessions.

    Each sign-in has one.
    """
    current = current_identity().session
    return schemas.Sessions(
        sessions=[
            schemas.Session(
                id=session.public_id,
                current=session.id == current.id,
                user_agent=session.user_agent,
                ip_address=session.ip_address,
                created_at=session.created_at,
                last_seen_at=session.last_seen_at,
                expires_at=session.expires_at,
            )
            for session in account_sessions.of(current.account)
        ]
    )


@operations.operation("DELETE", "/sessions/current", 204)
def sign_out() -> None:
    """Sign out.

    The token stops working.
    """
    account_sessions.sign_out(current_identity().session, current_client())


@operations.operation("DELETE", "/sessions/<id:session_id>", 204)
def end_session(session_id: SessionId) -> None:
    """End a session.

    With another session than that of the request, a requested change of email address is cancelled.
    """
    if not account_sessions.revoke(current_identity().session, session_id, current_client()):
        abort(404, "You don't have a session with this id.")


@operations.operation("DELETE", "/sessions", 204)
def end_other_sessions() -> None:
    """End all other sessions.

    The session of the request continues. A requested change of email address is cancelled.
    """
    account_sessions.revoke_others(current_identity().session, current_client())
