"""Encrypt secrets that the app has to read again, such as the key of an authenticator app.

Fernet (AES-128-CBC with HMAC-SHA-256), under keys derived from SECRET_KEY and its fallbacks by
HKDF (RFC 5869), so that the same secret never serves two purposes.
"""

import base64
from typing import TYPE_CHECKING

from flask import current_app

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

PURPOSE = b"encryption of stored secrets"


class UnknownKey(Exception):
    """A value was encrypted under a key that is neither SECRET_KEY nor one of its fallbacks."""


def encrypt(text: str) -> str:
    """Return a text encrypted under SECRET_KEY: ASCII, about twice as long."""
    return _fernet(_secrets()).encrypt(text.encode()).decode("ascii")


def decrypt(stored: str) -> str:
    """Return what was encrypted under SECRET_KEY or one of its fallbacks. Raises UnknownKey."""
    return _decrypt(stored, _secrets())


def renewed(stored: str) -> str | None:
    """Return the same under SECRET_KEY, or None if it already is. Raises UnknownKey."""
    try:
        _decrypt(stored, _secrets()[:1])
    except UnknownKey:
        return encrypt(decrypt(stored))
    return None


def _secrets() -> list[str]:
    config = current_app.config
    return [config["SECRET_KEY"], *config["SECRET_KEY_FALLBACKS"]]


def _decrypt(stored: str, secrets: list[str]) -> str:
    from cryptography.fernet import InvalidToken

    try:
        return _fernet(secrets).decrypt(stored).decode()
    except InvalidToken:
        raise UnknownKey from None


def _fernet(secrets: list[str]) -> "MultiFernet":
    """Encrypt under the first of the derived keys, decrypt under any.

    The package is imported here: it takes 8 MiB, and most requests don't need it.
    """
    from cryptography.fernet import Fernet, MultiFernet
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return MultiFernet(
        Fernet(base64.urlsafe_b64encode(HKDF(SHA256(), 32, None, PURPOSE).derive(secret.encode())))
        for secret in secrets
    )
