"""Options for browsers to use or create a passkey, made by fido2.

Imported at the first use of a passkey: fido2 and cryptography take time and memory, and most
requests need neither.
"""

from collections.abc import Sequence
from typing import Any

from fido2.cose import ES256, RS256, EdDSA
from fido2.server import Fido2Server
from fido2.utils import websafe_decode
from fido2.webauthn import (
    AttestationConveyancePreference,
    AttestedCredentialData,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from flask import current_app

from app.accounts.models import Account, Passkey
from app.accounts.passkeys import relying_party

# In order of preference, with their types of keys in COSE (RFC 9053).
ALGORITHMS = {ES256.ALGORITHM: 2, EdDSA.ALGORITHM: 1, RS256.ALGORITHM: 3}
KIND = PublicKeyCredentialType.PUBLIC_KEY


def server() -> Fido2Server:
    """Return fido2's server, which makes options and checks responses.

    It accepts only exact origins; fido2's own check would also accept every subdomain.
    """
    allowed = relying_party.origins()
    server = Fido2Server(
        PublicKeyCredentialRpEntity(
            name=current_app.config["APP_NAME"], id=relying_party.relying_party_id()
        ),
        AttestationConveyancePreference.NONE,
        verify_origin=lambda origin: origin in allowed,
    )
    server.timeout = current_app.config["PASSKEY_CHALLENGE_SECONDS"] * 1000
    server.allowed_algorithms = [
        PublicKeyCredentialParameters(type=KIND, alg=algorithm) for algorithm in ALGORITHMS
    ]
    return server


def to_use(token: str, allowed: Sequence[Passkey] | None = None) -> dict[str, Any]:
    """Return the options to use one of the allowed passkeys, or any."""
    begun, _ = server().authenticate_begin(
        _descriptors(allowed) if allowed else None,
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=websafe_decode(token),
    )
    return dict(begun.public_key)


def to_create(token: str, account: Account, excluded: Sequence[Passkey]) -> dict[str, Any]:
    """Return the options to create a passkey on an authenticator that has none of these."""
    begun, _ = server().register_begin(
        PublicKeyCredentialUserEntity(
            id=websafe_decode(account.user_handle), name=account.email, display_name=account.name
        ),
        _descriptors(excluded),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
        challenge=websafe_decode(token),
    )
    return dict(begun.public_key)


def _descriptors(passkeys: Sequence[Passkey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            type=KIND, id=AttestedCredentialData(passkey.credential).credential_id
        )
        for passkey in passkeys
    ]
