"""Sign in with a passkey; list, add, rename and remove passkeys."""

from typing import Annotated, NoReturn

from flask import abort, url_for
from pydantic import Field

from app.accounts import models
from app.accounts.errors import WrongCredentials
from app.accounts.passkeys import ceremonies, store
from app.api import passkey_schemas, schemas
from app.api.confirmation import confirm_password
from app.api.operations import OperationsBlueprint
from app.api.sessions import answer
from app.identity import current_client, current_identity

PasskeyId = Annotated[
    str,
    Field(
        description="The `id` of a passkey.",
        examples=[schemas.ID],
        json_schema_extra={"format": "uuid"},
    ),
]

operations = OperationsBlueprint("Passkeys", __name__)


@operations.operation("POST", "/passkeys/options", signed_in=False, errors=(429,))
def begin_passkey_sign_in(body: passkey_schemas.Nothing) -> passkey_schemas.RequestOptions:
    """Begin a sign-in with a passkey.

    Pass the `options` to the browser, and send the `challenge` with what it returns to
    `POST /api/v1/sessions/passkey`.
    """
    begun = ceremonies.sign_in_options(current_client(), "api")
    return passkey_schemas.RequestOptions(
        challenge=begun.token, options=begun.options, expires_at=begun.expires_at
    )


@operations.operation("POST", "/sessions/passkey", 201, signed_in=False, errors=(401, 403, 429))
def sign_in_with_passkey(
    body: passkey_schemas.PasskeySignIn,
) -> tuple[schemas.NewSession, dict[str, str]]:
    """Sign in with a passkey.

    A passkey replaces the password and, if two-factor authentication is on, the code. If the
    credential isn't accepted, the response is 401. A challenge works once: begin again after each
    response. If it has expired or was already used, the response is 422 on `challenge`.
    """
    client = current_client(body.device)
    try:
        return answer(ceremonies.sign_in(body.challenge, body.credential, client, "api"))
    except WrongCredentials:
        abort(401, "This passkey doesn't sign in to any account.")


@operations.operation("POST", "/account/passkeys/options", errors=(429,))
def begin_passkey(body: passkey_schemas.PasskeyStart) -> passkey_schemas.CreationOptions:
    """Begin to add a passkey.

    Pass the `options` to the browser, and send the `challenge` with what it returns to
    `POST /api/v1/account/passkeys`, in the same session.
    """
    proof = confirm_password(body.current_password)
    session = current_identity().session
    begun = ceremonies.registration_options_with_password(session, body.code, proof)
    return passkey_schemas.CreationOptions(
        challenge=begun.token, options=begun.options, expires_at=begun.expires_at
    )


@operations.operation("POST", "/account/passkeys", 201, errors=(429,))
def add_passkey(
    body: passkey_schemas.NewPasskey,
) -> tuple[passkey_schemas.Passkey, dict[str, str]]:
    """Add a passkey.

    The owner of the account gets an email. If `name` is null, the passkey gets the name of
    what stores it.
    """
    session, client = current_identity().session, current_client()
    passkey = ceremonies.register(session, body.challenge, body.name, body.credential, client)
    location = url_for(".rename_passkey", passkey_id=passkey.public_id)
    return passkey_schemas.Passkey.of(passkey), {"Location": location}


@operations.operation("GET", "/account/passkeys")
def list_passkeys() -> passkey_schemas.Passkeys:
    """List passkeys."""
    found = store.passkeys_of(current_identity().account)
    return passkey_schemas.Passkeys(
        passkeys=[passkey_schemas.Passkey.of(passkey) for passkey in found]
    )


@operations.operation("PATCH", "/account/passkeys/<id:passkey_id>")
def rename_passkey(
    passkey_id: PasskeyId, body: passkey_schemas.PasskeyProfile
) -> passkey_schemas.Passkey:
    """Rename a passkey."""
    passkey = _find(passkey_id)
    if not store.rename(passkey, body.name, current_client()):
        _not_found()
    return passkey_schemas.Passkey.of(passkey)


@operations.operation("DELETE", "/account/passkeys/<id:passkey_id>", 204, errors=(429,))
def remove_passkey(passkey_id: PasskeyId, body: passkey_schemas.CurrentPassword) -> None:
    """Remove a passkey.

    It no longer signs in. The owner of the account gets an email.
    """
    passkey = _find(passkey_id)
    proof = confirm_password(body.current_password)
    if not store.remove(passkey, current_client(), proof):
        _not_found()


def _find(passkey_id: str) -> models.Passkey:
    return store.find(current_identity().account, passkey_id) or _not_found()


def _not_found() -> NoReturn:
    abort(404, "You don't have a passkey with this id.")
