"""What pages tell password managers, so that they offer what signs in and nothing else."""

import base64
from collections.abc import Sequence
from typing import Any

from app.accounts.models import Account, Passkey
from app.accounts.passkeys import relying_party


def signals(account: Account, passkeys: Sequence[Passkey] | None = None) -> dict[str, Any]:
    """Return what a script passes to `PublicKeyCredential.signal…`: the current name and email
    address and, given all passkeys of the account, those that still work."""
    told: dict[str, Any] = {
        "rpId": relying_party.relying_party_id(),
        "userId": account.user_handle,
        "name": account.email,
        "displayName": account.name,
    }
    if passkeys is not None:
        told["allAcceptedCredentialIds"] = [_credential_id(passkey) for passkey in passkeys]
    return told


def _credential_id(passkey: Passkey) -> str:
    """Return the credential's id in base64url. Its length is in two bytes, after 16 others."""
    length = int.from_bytes(passkey.credential[16:18])
    encoded = base64.urlsafe_b64encode(passkey.credential[18 : 18 + length])
    return encoded.rstrip(b"=").decode("ascii")
