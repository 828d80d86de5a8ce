"""Device cookies: how a browser that signed in before is told from strangers.

Failures of strangers are counted for the account, those of a known device for that device, so
that nobody can lock an owner out by guessing (OWASP, 'Slow Down Online Guessing Attacks with
Device Cookies').
"""

import hashlib
import secrets

from flask import current_app
from itsdangerous import BadSignature, URLSafeSerializer

from app.accounts.models import Account


def issue(account: Account) -> str:
    """A cookie value that makes its browser a known device of the account."""
    return _serializer().dumps([account.id, secrets.token_hex(16)])


def identify(cookie: str | None, account: Account | None) -> str | None:
    """The device's own name, when the cookie is genuine and of this account."""
    if cookie is None or account is None:
        return None
    try:
        account_id, device = _serializer().loads(cookie)
    except (BadSignature, ValueError, TypeError):
        return None
    return str(device) if account_id == account.id else None


def _serializer() -> URLSafeSerializer:
    keys = [*current_app.config["SECRET_KEY_FALLBACKS"], current_app.config["SECRET_KEY"]]
    return URLSafeSerializer(keys, salt="device", signer_kwargs={"digest_method": hashlib.sha256})
