"""The JSON that the script `passkeys.js` uses to sign in with passkeys, and to add them."""

from typing import Any

from flask import flash, jsonify, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from app.accounts.errors import SignedOut
from app.accounts.models import NAME_LENGTH, Session
from app.accounts.passkeys import ceremonies
from app.columns import timestamp
from app.identity import current_identity
from app.web.blueprint import bp
from app.web.browser import client, let_in
from app.web.guards import PASSKEYS, is_recent, safe_target
from app.web.problems import SignInTooOld, for_scripts, read_json
from app.web.words import device


@bp.post("/passkeys/options")
@for_scripts
def passkey_options() -> ResponseReturnValue:
    """Begin to sign in with any passkey or, signed in, to re-authenticate with one's own."""
    read_json({})
    if current_user.is_authenticated:
        return _options(ceremonies.reauthentication_options(current_identity().session, client()))
    return _options(ceremonies.sign_in_options(client(), "browser"))


@bp.post("/passkeys/sign-in")
@for_scripts
def sign_in_with_passkey() -> ResponseReturnValue:
    """Sign in with a passkey, which replaces the password and the second factor."""
    body = read_json({"challenge": str, "credential": dict}, {"remember": bool, "next": str})
    if current_user.is_authenticated:
        return {"location": url_for("web.account")}
    kind = "remembered" if body.get("remember") else "browser"
    signed_in = ceremonies.sign_in(body["challenge"], body["credential"], client(), kind)
    session.clear()
    return let_in(signed_in, jsonify(location=safe_target(body.get("next"))))


@bp.post("/passkeys/reauthenticate")
@for_scripts
def reauthenticate_with_passkey() -> ResponseReturnValue:
    """Re-authenticate with a passkey."""
    current = _signed_in()
    body = read_json({"challenge": str, "credential": dict}, {"next": str})
    signed_in = ceremonies.reauthenticate(current, body["challenge"], body["credential"], client())
    return let_in(signed_in, jsonify(location=safe_target(body.get("next"))))


@bp.post(f"{PASSKEYS}/options")
@for_scripts
def new_passkey_options() -> ResponseReturnValue:
    """Begin to add a passkey."""
    current = _recently_signed_in()
    # Programs may send a password and a code. What counts here is the recent sign-in.
    read_json({}, {"current_password": str, "code": str})
    return _options(ceremonies.registration_options(current, client()))


@bp.post(PASSKEYS)
@for_scripts
def add_passkey() -> ResponseReturnValue:
    """Add the passkey that the browser created."""
    current = _recently_signed_in()
    body = read_json({"challenge": str, "credential": dict}, {"name": str | None})
    passkey = ceremonies.register(
        current,
        body["challenge"],
        body.get("name"),
        body["credential"],
        client(),
        otherwise=device(client().user_agent)[:NAME_LENGTH],
    )
    flash(f"The passkey “{passkey.name}” was added.", "success")
    return {
        "id": str(passkey.public_id),
        "name": passkey.name,
        "created_at": timestamp(passkey.created_at),
        "last_used_at": timestamp(passkey.last_used_at),
        "synced": passkey.synced,
    }, 201


def _options(options: ceremonies.Options) -> dict[str, Any]:
    return {
        "challenge": options.token,
        "options": options.options,
        "expires_at": timestamp(options.expires_at),
    }


def _signed_in() -> Session:
    """Return the current session. Raises SignedOut."""
    if not current_user.is_authenticated:
        raise SignedOut
    return current_identity().session


def _recently_signed_in() -> Session:
    """Return the current session. Raises SignedOut, and SignInTooOld without a recent sign-in."""
    current = _signed_in()
    if not is_recent(current):
        raise SignInTooOld
    return current
