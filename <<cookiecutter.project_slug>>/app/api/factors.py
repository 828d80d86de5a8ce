"""Two-factor authentication: turning it on and off, and its recovery codes."""

from flask import url_for

from app.accounts.factors import store as factors
from app.accounts.passkeys import store as passkeys
from app.api import factor_schemas as schemas
from app.api.confirmation import confirm_password
from app.api.operations import OperationsBlueprint
from app.identity import current_client, current_identity

operations = OperationsBlueprint("Factors", __name__)


@operations.operation("GET", "/account/factors")
def get_factors() -> schemas.Factors:
    """Get the state of two-factor authentication.

    `totp` is null if no authenticator app is set up.
    """
    account = current_identity().account
    status = factors.status(account)
    totp = schemas.Totp(confirmed_at=status.confirmed_at) if status.confirmed_at else None
    return schemas.Factors(
        totp=totp,
        recovery_codes_left=status.recovery_codes_left,
        passkeys=passkeys.count(account),
    )


@operations.operation("POST", "/account/factors/totp", 201, errors=(429,))
def begin_totp(body: schemas.TotpStart) -> tuple[schemas.TotpSetUp, dict[str, str]]:
    """Set up an authenticator app.

    Show `uri` as a QR code, and `secret` for people who can't scan it. Nothing changes until you
    confirm a code. Until then, the session gets the same key again, up to `expires_at`. If an
    authenticator app is already set up, `code` is required, and the new app replaces it.
    """
    proof = confirm_password(body.current_password)
    waiting = factors.begin_with_password(current_identity().session, body.code, proof)
    setup = schemas.TotpSetUp(secret=waiting.secret, uri=waiting.uri, expires_at=waiting.expires_at)
    return setup, {"Location": url_for(".confirm_totp")}


@operations.operation("PUT", "/account/factors/totp")
def confirm_totp(body: schemas.TotpConfirmation) -> schemas.RecoveryCodes:
    """Turn on two-factor authentication.

    `code` is what the authenticator app shows. From now on, every sign-in needs a code. The
    recovery codes are returned only this once. Each works once in place of the authenticator app.
    """
    shown = factors.confirm(current_identity().session, body.code, current_client())
    return schemas.RecoveryCodes(recovery_codes=shown)


@operations.operation("DELETE", "/account/factors/totp", 204, errors=(429,))
def remove_totp(body: schemas.PasswordAndCode) -> None:
    """Turn off two-factor authentication.

    The recovery codes no longer work.
    """
    proof = confirm_password(body.current_password)
    factors.remove(current_identity().account, body.code, current_client(), proof)


@operations.operation("POST", "/account/recovery-codes", errors=(429,))
def renew_recovery_codes(body: schemas.PasswordAndCode) -> schemas.RecoveryCodes:
    """Replace the recovery codes.

    The old ones no longer work. The new ones are returned only this once.
    """
    proof = confirm_password(body.current_password)
    account, client = current_identity().account, current_client()
    shown = factors.renew_recovery_codes(account, body.code, client, proof)
    return schemas.RecoveryCodes(recovery_codes=shown)
