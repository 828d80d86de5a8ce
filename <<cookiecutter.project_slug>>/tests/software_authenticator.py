"""A passkey for tests: it makes real signatures, with wrong values in the fields that a test names."""

import json
import os
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from fido2 import cbor
from fido2.cose import ES256, RS256, EdDSA
from fido2.utils import websafe_decode, websafe_encode

from app.accounts.client import Client
from app.accounts.models import Passkey, Session
from app.accounts.passkeys import ceremonies
from app.extensions import transaction

# Flags: the user was present, was verified; the passkey can be copied, is copied; it is attached.
UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40
DEVICE_BOUND = UP | UV
SYNCED = UP | UV | BE | BS
Key = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


def new_key() -> Key:
    """Return a key as most authenticators create it."""
    return ec.generate_private_key(ec.SECP256R1())


@dataclass
class SoftwareAuthenticator:
    """One passkey, and its browser.

    Wrong values, by name, for `create` and `get`: `type`, `challenge`, `origin`, `cross_origin`,
    `members` of the client data, `rp_id`, `flags`, `counter`, `user_handle`, `credential_id`, `key`.
    """

    origin: str = "https://localhost"
    flags: int = SYNCED
    counter: int = 0
    aaguid: bytes = bytes(16)
    key: Key = field(default_factory=new_key)
    credential_id: bytes = field(default_factory=lambda: os.urandom(32))
    user_handle: str | None = None

    def create(self, options: dict[str, Any], **lies: Any) -> dict[str, Any]:
        """Return what `navigator.credentials.create` gives, as its `toJSON()`."""
        self.user_handle = options["user"]["id"]
        made = lies.get("credential_id", self.credential_id)
        attested = self.aaguid + len(made).to_bytes(2) + made + cbor.encode(self._public_key(lies))
        data = self._data(options["rp"]["id"], lies, AT) + attested
        attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
        return self._credential(
            clientDataJSON=self._client_data("webauthn.create", options, lies),
            attestationObject=attestation,
        )

    def get(self, options: dict[str, Any], **lies: Any) -> dict[str, Any]:
        """Return what `navigator.credentials.get` gives, as its `toJSON()`."""
        data = self._data(options["rpId"], lies)
        client_data = self._client_data("webauthn.get", options, lies)
        signature = sign(lies.get("key", self.key), data + sha256(client_data).digest())
        credential = self._credential(
            clientDataJSON=client_data, authenticatorData=data, signature=signature
        )
        credential["response"]["userHandle"] = lies.get("user_handle", self.user_handle)
        return credential

    def _client_data(self, kind: str, options: dict[str, Any], lies: dict[str, Any]) -> bytes:
        members = {
            "type": lies.get("type", kind),
            "challenge": lies.get("challenge", options["challenge"]),
            "origin": lies.get("origin", self.origin),
            "crossOrigin": lies.get("cross_origin", False),
            **lies.get("members", {}),
        }
        return json.dumps(members).encode()

    def _data(self, rp_id: str, lies: dict[str, Any], attached: int = 0) -> bytes:
        flags = lies.get("flags", self.flags) | attached
        domain: str = lies.get("rp_id", rp_id)
        counter: int = lies.get("counter", self.counter)
        return sha256(domain.encode()).digest() + bytes([flags]) + counter.to_bytes(4)

    def _public_key(self, lies: dict[str, Any]) -> dict[int, Any]:
        kinds: dict[type, Any] = {
            ec.EllipticCurvePrivateKey: ES256,
            ed25519.Ed25519PrivateKey: EdDSA,
            rsa.RSAPrivateKey: RS256,
        }
        key = lies.get("key", self.key)
        kind = next(kinds[each] for each in kinds if isinstance(key, each))
        return {**kind.from_cryptography_key(key.public_key()), **lies.get("public_key", {})}

    def _credential(self, **response: bytes) -> dict[str, Any]:
        encoded = websafe_encode(self.credential_id)
        return {
            "id": encoded,
            "rawId": encoded,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
            "response": {name: websafe_encode(value) for name, value in response.items()},
        }


def sign(key: Key, data: bytes) -> bytes:
    """Return a signature by any kind of key."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(data, ec.ECDSA(hashes.SHA256()))


def forged(credential: dict[str, Any]) -> dict[str, Any]:
    """Return the same response with another signature."""
    response = credential["response"]
    signature = bytearray(websafe_decode(response["signature"]))
    signature[-1] ^= 1
    return {**credential, "response": {**response, "signature": websafe_encode(bytes(signature))}}


def creation_options(session: Session) -> ceremonies.Options:
    """Return the options for a new passkey, without the checks before; needs an app context."""
    with transaction():
        return ceremonies._creation(session)


def add_passkey(
    session: Session, client: Client, authenticator: SoftwareAuthenticator, name: str | None = None
) -> Passkey:
    """Add a passkey to the account of a session; needs an app context."""
    begun = creation_options(session)
    credential = authenticator.create(begun.options)
    return ceremonies.register(session, begun.token, name, credential, client)
