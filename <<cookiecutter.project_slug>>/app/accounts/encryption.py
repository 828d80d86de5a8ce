"""Encryption of what the app must read again, such as the key of an authenticator app.

Fernet (AES-128-CBC with HMAC-SHA-256), under keys derived from SECRET_KEY and its fallbacks by
HKDF (RFC 5869), so that the same secret never serves two purposes.
"""

import base64

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import current_app

PURPOSE = b"encryption of stored secrets"


class UnknownKey(Exception):
    """A value was encrypted under a key that is neither SECRET_KEY nor one of its fallbacks."""


def encrypt(text: str) -> str:
    """Return a text encrypted under SECRET_KEY: ASCII, about twice as long."""
    return MultiFernet(_keys()).encrypt(text.encode()).decode("ascii")


def decrypt(stored: str) -> str:
    """Return what was encrypted under SECRET_KEY or one of its fallbacks. Raises UnknownKey."""
    try:
        return MultiFernet(_keys()).decrypt(stored).decode()
    except InvalidToken:
        raise UnknownKey from None


def renewed(stored: str) -> str | None:
    """Return the same under SECRET_KEY, or None if it already is. Raises UnknownKey."""
    try:
        _keys()[0].decrypt(stored)
    except InvalidToken:
        return encrypt(decrypt(stored))
    return None


def _keys() -> list[Fernet]:
    """The derived keys, that of SECRET_KEY first."""
    config = current_app.config
    secrets = [config["SECRET_KEY"], *config["SECRET_KEY_FALLBACKS"]]
    return [Fernet(base64.urlsafe_b64encode(_derive(secret))) for secret in secrets]


def _derive(secret: str) -> bytes:
    return HKDF(SHA256(), length=32, salt=None, info=PURPOSE).derive(secret.encode())
