"""Time-based codes (RFC 6238) as every authenticator app makes them: SHA-1, 6 digits, 30 seconds."""

from flask import current_app
from pyotp import TOTP, random_base32
from pyotp.exceptions import OTPVerificationError

from app.accounts.models import Account

DIGITS = 6


def new_secret() -> str:
    """Return a key of 160 random bits (RFC 4226, section 4) in base32."""
    return random_base32()


def uri(secret: str, account: Account) -> str:
    """Return what an authenticator app reads from the QR code: `otpauth://totp/…`."""
    config = current_app.config
    # A colon separates the issuer from the account; an email address has none.
    issuer = (config["TOTP_ISSUER"] or config["APP_NAME"]).replace(":", " ")
    return str(TOTP(secret).provisioning_uri(name=account.email, issuer_name=issuer))


def matching_step(secret: str, code: str) -> int | None:
    """Return the time step that a code of six digits belongs to, or None if it is wrong.

    As many steps before and after the current one are accepted as `TOTP_DRIFT_STEPS` says,
    since the clock of a phone may be wrong and typing takes time (RFC 6238, section 5.2).
    """
    drift = current_app.config["TOTP_DRIFT_STEPS"]
    try:
        return TOTP(secret).verify_and_get_timecode(code, valid_window=drift)
    except OTPVerificationError:
        return None
