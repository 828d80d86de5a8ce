"""Responses and credentials that aren't in the format of WebAuthn."""

from collections.abc import Callable
from typing import Any

import pytest
from fido2 import cbor
from fido2.utils import websafe_encode

from app.accounts.errors import WrongCredentials
from app.accounts.models import Passkey, Session
from app.accounts.passkeys import ceremonies
from app.accounts.passkeys.ceremonies import REFUSED
from tests.accounts.passkeys.conftest import CLIENT, count, refused, sign_in
from tests.authenticator import KIND
from tests.software_authenticator import SYNCED, SoftwareAuthenticator, creation_options

NESTED = "[" * 5000 + "]" * 5000


GARBAGE: list[Any] = [
    None,
    0,
    "credential",
    [],
    {},
    {"type": "public-key"},
    {"type": "public-key", "id": "AAAA", "rawId": "AAAA", "response": None},
    {"type": "public-key", "id": 1, "rawId": 1, "response": {}},
]


CHANGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "another type": lambda it: it | {"type": "password"},
    "no type": lambda it: {name: it[name] for name in it if name != "type"},
    "two ids": lambda it: it | {"id": websafe_encode(bytes(32))},
    "no id": lambda it: {name: it[name] for name in it if name != "id"},
    "an id of bytes": lambda it: it | {"id": [1, 2], "rawId": [1, 2]},
    "an id too short": lambda it: it | {"id": "AAAA", "rawId": "AAAA"},
    "an id too long": lambda it: it | {"id": "A" * 1366, "rawId": "A" * 1366},
    "an id that is no base64url": lambda it: it | {"id": "=" * 43, "rawId": "=" * 43},
    "an id of one character": lambda it: it | {"id": "A", "rawId": "A"},
    "response a list": lambda it: it | {"response": [it["response"]]},
    "response a word": lambda it: it | {"response": "clientDataJSON"},
    "no client data": lambda it: respond(it, clientDataJSON=None),
    "client data a number": lambda it: respond(it, clientDataJSON=1),
    "client data not JSON": lambda it: respond(it, clientDataJSON=websafe_encode(b"\xff{")),
    "client data a list": lambda it: respond(it, clientDataJSON=websafe_encode(b"[]")),
    "client data nested": lambda it: respond(it, clientDataJSON=websafe_encode(NESTED.encode())),
    "client data huge": lambda it: respond(it, clientDataJSON="A" * 60_000),
}


def respond(credential: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the credential with other members in its response."""
    return {**credential, "response": {**credential["response"], **changes}}


@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_garbage_is_refused(session: Session, number: int) -> None:
    garbage = GARBAGE[number]
    begun = ceremonies.sign_in_options(CLIENT, KIND)
    with pytest.raises(WrongCredentials):
        ceremonies.sign_in(begun.token, garbage, CLIENT, KIND)
    begun = creation_options(session)
    assert refused(session, garbage, begun.token) == f"credential: {REFUSED}"


@pytest.mark.parametrize("name", [*CHANGES, "no signature", "short data", "more data", "handle"])
def test_a_malformed_response_does_not_sign_in(
    session: Session, phone: SoftwareAuthenticator, name: str
) -> None:
    more: dict[str, Callable[[dict[str, Any]], Any]] = {
        "no signature": lambda it: respond(it, signature=None),
        "short data": lambda it: respond(it, authenticatorData="AAAA"),
        "more data": lambda it: respond(
            it, authenticatorData=it["response"]["authenticatorData"] + "A" * 8
        ),
        "handle": lambda it: respond(it, userHandle=["x"]),
    }
    with pytest.raises(WrongCredentials):
        sign_in(phone, (CHANGES | more)[name])


OBJECTS: dict[str, bytes] = {
    "nothing": b"\xa0",
    "a number": b"\x00",
    "nested": b"\x81" * 5000 + b"\x00",
    "endless": b"\x9b" + b"\xff" * 8,
    "a list as a key": b"\xa1\x80\x00",
    "no CBOR": b"\xff" * 20,
    "data a word": cbor.encode({"fmt": "none", "attStmt": {}, "authData": "x"}),
    "data short": cbor.encode({"fmt": "none", "attStmt": {}, "authData": bytes(10)}),
    "no credential": cbor.encode(
        {"fmt": "none", "attStmt": {}, "authData": bytes(32) + bytes([SYNCED]) + bytes(4)}
    ),
}


@pytest.mark.parametrize("name", [*CHANGES, *OBJECTS])
def test_a_malformed_credential_is_not_added(session: Session, name: str) -> None:
    begun = creation_options(session)
    credential = SoftwareAuthenticator().create(begun.options)
    if name in CHANGES:
        credential = CHANGES[name](credential)
    else:
        credential = respond(credential, attestationObject=websafe_encode(OBJECTS[name]))
    assert refused(session, credential, begun.token) == f"credential: {REFUSED}"
    assert count(Passkey) == 0


def test_a_credential_without_a_key_is_not_added(session: Session) -> None:
    """All of its data is right, except that the credential itself is missing."""
    begun = creation_options(session)
    phone = SoftwareAuthenticator()
    credential = phone.create(begun.options)
    data = phone._data("localhost", {})
    attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
    changed = respond(credential, attestationObject=websafe_encode(attestation))
    assert refused(session, changed, begun.token) == f"credential: {REFUSED}"
