"""Read and check what browsers send, with fido2.

Shape and size are checked before the library sees anything. Nothing here touches the database.
Imported at the first use of a passkey, like `options.py`.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256, RS256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestedCredentialData,
    AuthenticationResponse,
    AuthenticatorData,
    CollectedClientData,
    RegistrationResponse,
    UserVerificationRequirement,
)

from app.accounts.models import Account, Passkey
from app.accounts.passkeys import options
from app.accounts.passkeys.store import NewCredential

# Bytes: WebAuthn's bounds for the id of a credential, and one with room for every key in use.
SHORTEST_ID, LONGEST_ID = 16, 1023
LONGEST_CREDENTIAL = 2048
# Bits.
SHORTEST_RSA_KEY = 2048
# Characters. Attestation is ignored, but takes some thousands if a client sends it.
BASE64URL = re.compile(r"[A-Za-z0-9_-]{1,16384}")
# Checked if a passkey doesn't exist, so that it takes as long.
NO_KEY = ES256.from_cryptography_key(  # type: ignore[no-untyped-call]  # fido2 has no types here
    ec.generate_private_key(ec.SECP256R1()).public_key()
)

Result = TypeVar("Result")


@dataclass(frozen=True)
class Assertion:
    """A response to a challenge, before it is checked."""

    response: AuthenticationResponse
    credential_hash: str

    @property
    def data(self) -> AuthenticatorData:
        """What the authenticator says: flags and counter."""
        return self.response.response.authenticator_data


def read_assertion(credential: object) -> Assertion | None:
    """Return the response to a challenge, or None if it is malformed."""

    def read() -> Assertion:
        members = _select(
            credential, "clientDataJSON", "authenticatorData", "signature", "userHandle"
        )
        response = AuthenticationResponse.from_dict(members)
        return Assertion(response, digest(response.raw_id))

    return _attempt(read)


def is_right(
    assertion: Assertion,
    token: str,
    passkey: Passkey | None,
    account: Account | None,
    *,
    named: bool,
) -> bool:
    """Return whether a passkey of an account made this response to the challenge of a token.

    Without a passkey it takes as long, and returns False. If the options `named` the passkeys,
    the authenticator may leave the user handle out.
    """

    def check() -> bool:
        response = assertion.response
        known = AttestedCredentialData.create(Aaguid.NONE, response.raw_id, NO_KEY)
        if passkey is not None:
            known = AttestedCredentialData(passkey.credential)
        _check_client_data(response.response.client_data, token)
        _check_flags(assertion.data)
        options.server().authenticate_complete(_state(token), [known], response)
        if passkey is None or account is None:
            return False
        handle = response.response.user_handle
        is_theirs = handle == websafe_decode(account.user_handle) or (named and handle is None)
        # Whether a passkey can be copied never changes.
        return is_theirs and assertion.data.is_backup_eligible() is not passkey.device_bound

    return bool(_attempt(check))


def read_new(credential: object, token: str) -> NewCredential | None:
    """Return the credential made for the challenge of a token, or None if it is refused."""

    def read() -> NewCredential:
        members = _select(credential, "clientDataJSON", "attestationObject")
        response = RegistrationResponse.from_dict(members)
        _check_client_data(response.response.client_data, token)
        data = options.server().register_complete(_state(token), response)
        _check_flags(data)
        made = data.credential_data
        if made is None or made.credential_id != response.raw_id:
            raise ValueError("another credential")
        _check_key(made)
        return NewCredential(
            bytes(made),
            digest(made.credential_id),
            made.aaguid,
            data.counter,
            device_bound=not data.is_backup_eligible(),
            synced=data.is_backed_up(),
        )

    return _attempt(read)


def digest(credential_id: bytes) -> str:
    """Return the hash by which a passkey is found."""
    return hashlib.sha256(credential_id).hexdigest()


def _attempt(read: Callable[[], Result]) -> Result | None:
    """Return the result of `read`, or None if it fails.

    Malformed input makes fido2 and cryptography raise a dozen kinds of errors.
    """
    try:
        return read()
    except Exception:  # whichever it is, the response is refused
        return None


def _select(credential: object, *names: str) -> dict[str, Any]:
    """Return the members of a credential that are used, after a check of their shape and size."""
    if not isinstance(credential, Mapping) or credential.get("type") != "public-key":
        raise ValueError("no credential")
    given = credential["response"]
    response = {name: given[name] for name in names if given.get(name) is not None}
    raw_id = credential["rawId"]
    if credential["id"] != raw_id:
        raise ValueError("two ids")
    for value in (raw_id, *response.values()):
        if not isinstance(value, str) or not BASE64URL.fullmatch(value):
            raise ValueError("not base64url")
    if not SHORTEST_ID <= len(websafe_decode(raw_id)) <= LONGEST_ID:
        raise ValueError("no id")
    return {"rawId": raw_id, "response": response}


def _state(token: str) -> dict[str, Any]:
    """Return fido2's state between the two requests. It follows from the token."""
    challenge = websafe_encode(websafe_decode(token))
    return {
        "challenge": challenge,
        "user_verification": UserVerificationRequirement.REQUIRED,
    }


def _check_client_data(client_data: CollectedClientData, token: str) -> None:
    """Refuse what fido2 accepts: a response from a frame in another site's page, and a challenge
    with characters that aren't base64url in it."""
    members = json.loads(client_data.decode())
    top = members.get("topOrigin", client_data.origin)
    if client_data.cross_origin is not False or top != client_data.origin:
        raise ValueError("made across origins")
    if members["challenge"] != token:
        raise ValueError("another challenge")


def _check_flags(data: AuthenticatorData) -> None:
    """Refuse a credential that is copied although it can't be."""
    if data.is_backed_up() and not data.is_backup_eligible():
        raise ValueError("impossible flags")


def _check_key(made: AttestedCredentialData) -> None:
    """Refuse a key that could never sign in, or is weak. Raises the errors of cryptography too."""
    key = made.public_key
    if options.ALGORITHMS.get(key.ALGORITHM) != key.get(1) or len(made) > LONGEST_CREDENTIAL:
        raise ValueError("no such key")
    if isinstance(key, RS256) and int.from_bytes(key[-1]).bit_length() < SHORTEST_RSA_KEY:
        raise ValueError("a weak key")
    with suppress(InvalidSignature):
        key.verify(b"", b"")
