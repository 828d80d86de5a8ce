"""Passkeys: add one, sign in with it, and be refused for a wrong value in any field."""

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import time_machine
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from fido2 import cbor
from fido2.utils import websafe_decode, websafe_encode
from flask import Flask
from sqlalchemy import func, select, update

from app.accounts import access, authentication, challenges, sessions
from app.accounts.client import Client
from app.accounts.errors import (
    InvalidChallenge,
    InvalidInput,
    LimitReached,
    NotConfirmed,
    WrongCredentials,
)
from app.accounts.models import NAME_LENGTH, Account, Challenge, Passkey, Session
from app.accounts.passkeys import ceremonies, relying_party, store
from app.accounts.passkeys.ceremonies import REFUSED, SIGN_IN
from app.extensions import db, transaction
from tests.authenticator import KIND, start_session
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.software_authenticator import (
    BE,
    BS,
    DEVICE_BOUND,
    SYNCED,
    UP,
    UV,
    Key,
    SoftwareAuthenticator,
    add_passkey,
    creation_options,
    forged,
    new_key,
)

CLIENT = Client("192.0.2.1", "tests")
ADA = "ada@example.com"
OTHER_KEY = new_key()
SHORT_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused


@pytest.fixture
def session(app: Flask, account: str, clock: time_machine.Traveller) -> Iterator[Session]:
    """A session of Ada's, and the context it is used in."""
    with app.app_context():
        yield authentication.sign_in(account, PASSWORD, CLIENT, KIND).session


@pytest.fixture
def phone(session: Session) -> SoftwareAuthenticator:
    """A passkey of Ada's that is copied to her other devices."""
    return added(session, SoftwareAuthenticator())


def added(session: Session, authenticator: SoftwareAuthenticator) -> SoftwareAuthenticator:
    """The authenticator, its passkey added."""
    add_passkey(session, CLIENT, authenticator)
    return authenticator


def count(model: type) -> int:
    """The number of rows in a table."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def sign_in(
    authenticator: SoftwareAuthenticator,
    change: Callable[[dict[str, Any]], Any] = lambda credential: credential,
    **lies: Any,
) -> authentication.SignedIn:
    """A sign-in whose response may lie."""
    begun = ceremonies.sign_in_options(CLIENT, KIND)
    credential = change(authenticator.get(begun.options, **lies))
    return ceremonies.sign_in(begun.token, credential, CLIENT, KIND)


def refused(session: Session, credential: object, token: str, name: str | None = None) -> str:
    """The field and the message with which a new passkey is refused."""
    with pytest.raises(InvalidInput) as caught:
        ceremonies.register(session, token, name, credential, CLIENT)
    ((field, (message,)),) = caught.value.errors.items()
    return f"{field}: {message}"


def test_it_signs_in_as_both_factors(session: Session, phone: SoftwareAuthenticator) -> None:
    signed_in = sign_in(phone)
    assert signed_in.session.account_id == session.account_id
    assert signed_in.session.kind == KIND
    assert signed_in.session.factor_verified
    assert sessions.find(signed_in.token, KIND) is not None
    assert count(Challenge) == 0


def test_options_ask_for_a_discoverable_passkey_and_a_verified_user(session: Session) -> None:
    begun = creation_options(session)
    options = json.loads(json.dumps(begun.options))
    handle = options["user"].pop("id")
    assert len(websafe_decode(handle)) == 32
    assert handle == session.account.user_handle
    assert options == {
        "rp": {"id": "localhost", "name": "My App"} | {"name": options["rp"]["name"]},
        "user": {"name": ADA, "displayName": "Ada"},
        "challenge": begun.token,
        "pubKeyCredParams": [{"type": "public-key", "alg": each} for each in (-7, -8, -257)],
        "timeout": 300_000,
        "excludeCredentials": [],
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }
    begun = ceremonies.sign_in_options(CLIENT, KIND)
    assert len(websafe_decode(begun.token)) == 32
    assert json.loads(json.dumps(begun.options)) == {
        "challenge": begun.token,
        "timeout": 300_000,
        "rpId": "localhost",
        "userVerification": "required",
    }


def test_a_second_one_excludes_the_first(session: Session, phone: SoftwareAuthenticator) -> None:
    excluded = creation_options(session).options["excludeCredentials"]
    assert excluded == [{"type": "public-key", "id": websafe_encode(phone.credential_id)}]


@pytest.mark.parametrize(
    "key",
    [
        new_key(),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ],
    ids=["ES256", "EdDSA", "RS256"],
)
def test_each_algorithm_signs_in(session: Session, key: Key) -> None:
    phone = added(session, SoftwareAuthenticator(key=key))
    assert sign_in(phone).session.account_id == session.account_id
    with pytest.raises(WrongCredentials):
        sign_in(phone, forged)


LIES: dict[str, dict[str, Any]] = {
    "another challenge": {"challenge": websafe_encode(os.urandom(32))},
    "no challenge": {"challenge": ""},
    "a subdomain": {"origin": "https://evil.localhost"},
    "another port": {"origin": "https://localhost:8443"},
    "another scheme": {"origin": "http://localhost"},
    "another site": {"origin": "https://localhost.evil.example"},
    "no origin": {"origin": None},
    "a list of origins": {"origin": ["https://localhost"]},
    "a frame of another site": {"cross_origin": True},
    "a frame, as a word": {"cross_origin": "false"},
    "a page of another site around it": {"members": {"topOrigin": "https://evil.example"}},
    "a page around it without a name": {"members": {"topOrigin": None}},
    "client data too long": {"members": {"padding": "x" * 16384}},
    "another domain": {"rp_id": "evil.example"},
    "nobody present": {"flags": SYNCED & ~UP},
    "nobody verified": {"flags": SYNCED & ~UV},
    "no flags": {"flags": 0},
    "copied, and cannot be": {"flags": UP | UV | BS},
    "another key": {"key": OTHER_KEY},
}


@pytest.mark.parametrize(
    "lie", [*LIES, "made in place of got", "cannot be copied", "another user", "no user"]
)
def test_a_response_that_lies_does_not_sign_in(
    session: Session, phone: SoftwareAuthenticator, lie: str
) -> None:
    more: dict[str, dict[str, Any]] = {
        "made in place of got": {"type": "webauthn.create"},
        "cannot be copied": {"flags": DEVICE_BOUND},
        "another user": {"user_handle": websafe_encode(os.urandom(32))},
        "no user": {"user_handle": None},
    }
    before = count(Session)
    with pytest.raises(WrongCredentials):
        sign_in(phone, **(LIES | more)[lie])
    assert (count(Session), count(Challenge)) == (before, 0)
    assert sign_in(phone)


@pytest.mark.parametrize(
    "lie",
    [
        *(name for name in LIES if name != "another key"),
        "got in place of made",
        "another id",
        "an id too long",
        "an algorithm that was not asked for",
        "a curve that is not this key's",
        "a point off the curve",
        "no key",
        "another type of key",
        "a short key",
    ],
)
def test_a_credential_that_lies_is_not_added(session: Session, lie: str) -> None:
    more: dict[str, dict[str, Any]] = {
        "got in place of made": {"type": "webauthn.get"},
        "another id": {"credential_id": os.urandom(32)},
        "an id too long": {"credential_id": os.urandom(1024)},
        "an algorithm that was not asked for": {
            "key": ec.generate_private_key(ec.SECP384R1()),
            "public_key": {3: -35, -1: 2},
        },
        "a curve that is not this key's": {"public_key": {-1: 2}},
        "a point off the curve": {"public_key": {-2: bytes(32)}},
        "no key": {"public_key": {3: 0}},
        "another type of key": {"public_key": {1: 3}},
        "a short key": {"key": SHORT_KEY},
    }
    begun = creation_options(session)
    phone = SoftwareAuthenticator()
    credential = phone.create(begun.options, **(LIES | more)[lie])
    assert refused(session, credential, begun.token) == f"credential: {REFUSED}"
    assert (count(Passkey), count(Challenge)) == (0, 0)
    begun = creation_options(session)
    assert ceremonies.register(session, begun.token, None, phone.create(begun.options), CLIENT)


@pytest.mark.parametrize(
    ("length", "accepted"), [(15, False), (16, True), (1023, True), (1024, False)]
)
def test_an_id_has_so_many_bytes(session: Session, length: int, accepted: bool) -> None:
    phone = SoftwareAuthenticator(credential_id=os.urandom(length))
    begun = creation_options(session)
    credential = phone.create(begun.options)
    if accepted:
        assert ceremonies.register(session, begun.token, None, credential, CLIENT)
        assert sign_in(phone)
    else:
        assert refused(session, credential, begun.token) == f"credential: {REFUSED}"


def test_browsers_may_add_members_to_the_client_data(session: Session) -> None:
    """Chrome does, so that apps don't compare it with a template."""
    members = {"other_keys_can_be_added_here": "do not compare", "topOrigin": "https://localhost"}
    begun = creation_options(session)
    phone = SoftwareAuthenticator()
    credential = phone.create(begun.options, members=members)
    assert ceremonies.register(session, begun.token, None, credential, CLIENT)
    assert sign_in(phone, members=members)


def test_the_challenge_is_compared_as_it_is_written(
    session: Session, phone: SoftwareAuthenticator
) -> None:
    """fido2 ignores padding, and characters that aren't base64url."""
    begun = ceremonies.sign_in_options(CLIENT, KIND)
    credential = phone.get(begun.options, challenge=f"{begun.token}= !")
    with pytest.raises(WrongCredentials):
        ceremonies.sign_in(begun.token, credential, CLIENT, KIND)
    begun = creation_options(session)
    made = SoftwareAuthenticator().create(begun.options, challenge=f"{begun.token}= !")
    assert refused(session, made, begun.token) == f"credential: {REFUSED}"


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
    """The credential with other members in its response."""
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


def test_a_credential_without_one_in_it_is_not_added(session: Session) -> None:
    """All of its data is right, except that the credential itself is missing."""
    begun = creation_options(session)
    phone = SoftwareAuthenticator()
    credential = phone.create(begun.options)
    data = phone._data("localhost", {})
    attestation = cbor.encode({"fmt": "none", "attStmt": {}, "authData": data})
    changed = respond(credential, attestationObject=websafe_encode(attestation))
    assert refused(session, changed, begun.token) == f"credential: {REFUSED}"


def test_an_unknown_a_removed_and_a_wrong_one_get_the_same_error(
    session: Session, phone: SoftwareAuthenticator
) -> None:
    removed = added(session, SoftwareAuthenticator())
    store.remove(store.passkeys_of(session.account)[1], CLIENT)
    unknown = SoftwareAuthenticator(user_handle=phone.user_handle)
    for stranger in (unknown, removed, SoftwareAuthenticator(user_handle="AAAA")):
        with pytest.raises(WrongCredentials):
            sign_in(stranger)
    with pytest.raises(WrongCredentials):
        sign_in(phone, forged)


def test_a_challenge_works_once(session: Session, phone: SoftwareAuthenticator) -> None:
    begun = ceremonies.sign_in_options(CLIENT, KIND)
    credential = phone.get(begun.options)
    assert ceremonies.sign_in(begun.token, credential, CLIENT, KIND)
    with pytest.raises(InvalidChallenge):
        ceremonies.sign_in(begun.token, credential, CLIENT, KIND)
    begun = creation_options(session)
    made = SoftwareAuthenticator().create(begun.options)
    assert ceremonies.register(session, begun.token, None, made, CLIENT)
    with pytest.raises(InvalidChallenge):
        ceremonies.register(session, begun.token, None, made, CLIENT)


def test_a_refused_response_uses_the_challenge_up(
    session: Session, phone: SoftwareAuthenticator
) -> None:
    begun = ceremonies.sign_in_options(CLIENT, KIND)
    credential = phone.get(begun.options)
    with pytest.raises(WrongCredentials):
        ceremonies.sign_in(begun.token, forged(credential), CLIENT, KIND)
    with pytest.raises(InvalidChallenge):
        ceremonies.sign_in(begun.token, credential, CLIENT, KIND)


@pytest.mark.parametrize(("seconds", "lives"), [(299, True), (300, False)])
def test_a_challenge_ends(
    session: Session,
    phone: SoftwareAuthenticator,
    clock: time_machine.Traveller,
    seconds: int,
    lives: bool,
) -> None:
    begun, adding = ceremonies.sign_in_options(CLIENT, KIND), creation_options(session)
    made = SoftwareAuthenticator().create(adding.options)
    clock.shift(seconds)
    if lives:
        assert ceremonies.register(session, adding.token, None, made, CLIENT)
        assert ceremonies.sign_in(begun.token, phone.get(begun.options), CLIENT, KIND)
        return
    with pytest.raises(InvalidChallenge):
        ceremonies.sign_in(begun.token, phone.get(begun.options), CLIENT, KIND)
    with pytest.raises(InvalidChallenge):
        ceremonies.register(session, adding.token, None, made, CLIENT)


def test_a_challenge_is_good_for_its_purpose_alone(
    session: Session, phone: SoftwareAuthenticator
) -> None:
    adding = creation_options(session)
    with pytest.raises(InvalidChallenge):
        ceremonies.sign_in(
            adding.token, phone.get({**adding.options, "rpId": "localhost"}), CLIENT, KIND
        )
    begun = ceremonies.sign_in_options(CLIENT, KIND)
    made = SoftwareAuthenticator().create(adding.options, challenge=begun.token)
    with pytest.raises(InvalidChallenge):
        ceremonies.register(session, begun.token, None, made, CLIENT)
    # Of the same session too: only the purpose tells these two apart.
    with transaction():
        _, token = challenges.issue(session.account, "passkey again", KIND, session)
    made = SoftwareAuthenticator().create(adding.options, challenge=token)
    with pytest.raises(InvalidChallenge):
        ceremonies.register(session, token, None, made, CLIENT)


def test_a_challenge_of_an_account_signs_nobody_in(
    session: Session, phone: SoftwareAuthenticator
) -> None:
    with transaction():
        _, token = challenges.issue(session.account, SIGN_IN, KIND)
    credential = phone.get({"rpId": "localhost", "challenge": token})
    with pytest.raises(InvalidChallenge):
        ceremonies.sign_in(token, credential, CLIENT, KIND)


def test_a_challenge_to_add_one_belongs_to_its_session(app: Flask, session: Session) -> None:
    """And so to its account."""
    eve = start_session(app, add_account(app, "eve@example.com"), CLIENT)
    mine = authentication.sign_in(ADA, PASSWORD, CLIENT, KIND).session
    begun = creation_options(session)
    made = SoftwareAuthenticator().create(begun.options)
    for other in (eve, mine):
        with pytest.raises(InvalidChallenge):
            ceremonies.register(
                db.session.get_one(Session, other.id), begun.token, None, made, CLIENT
            )
    assert (
        ceremonies.register(session, begun.token, None, made, CLIENT).account_id
        == session.account_id
    )


def test_a_challenge_to_add_one_ends_with_its_session(session: Session) -> None:
    begun = creation_options(session)
    sessions.sign_out(session, CLIENT)
    assert count(Challenge) == 0
    made = SoftwareAuthenticator().create(begun.options)
    with pytest.raises(InvalidChallenge):
        ceremonies.register(session, begun.token, None, made, CLIENT)


@pytest.mark.parametrize(
    ("flags", "before", "after", "accepted"),
    [
        (DEVICE_BOUND, 7, 8, True),
        (DEVICE_BOUND, 7, 7, False),
        (DEVICE_BOUND, 7, 6, False),
        (DEVICE_BOUND, 7, 0, False),
        (DEVICE_BOUND, 0, 0, True),
        (DEVICE_BOUND, 0, 2**32 - 1, True),
        (SYNCED, 7, 6, True),
        (SYNCED, 7, 0, True),
    ],
)
def test_a_counter_falls_only_on_a_passkey_that_can_be_copied(
    session: Session, flags: int, before: int, after: int, accepted: bool
) -> None:
    phone = added(session, SoftwareAuthenticator(flags=flags, counter=before))
    phone.counter = after
    if accepted:
        assert sign_in(phone)
    else:
        with pytest.raises(WrongCredentials):
            sign_in(phone)
    (passkey,) = store.passkeys_of(session.account)
    assert passkey.sign_count == (after if accepted else before)
    assert (passkey.last_used_at is not None) == accepted


def test_whether_it_is_copied_is_noted_at_each_sign_in(session: Session) -> None:
    phone = added(session, SoftwareAuthenticator(flags=UP | UV | BE))
    (passkey,) = store.passkeys_of(session.account)
    assert (passkey.device_bound, passkey.synced) == (False, False)
    sign_in(phone, flags=SYNCED)
    assert passkey.synced


def test_a_disabled_account_is_wrong_and_an_unconfirmed_one_is_named(
    session: Session, phone: SoftwareAuthenticator
) -> None:
    access.disable(session.account, CLIENT)
    with pytest.raises(WrongCredentials):
        sign_in(phone)
    access.enable(session.account, CLIENT)
    with transaction():
        db.session.execute(update(Account).values(confirmed_at=None))
    with pytest.raises(NotConfirmed):
        sign_in(phone)
    with pytest.raises(WrongCredentials):
        sign_in(phone, forged)
    assert (count(Session), count(Challenge)) == (0, 0)


def test_it_is_limited_by_address_before_it_is_read(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(LIMIT_PASSKEYS_BY_IP="3 per minute")
    with app.app_context():
        for _ in range(3):
            ceremonies.sign_in_options(CLIENT, KIND)
        with pytest.raises(LimitReached):
            ceremonies.sign_in_options(CLIENT, KIND)
        for _ in range(3):
            with pytest.raises(InvalidChallenge):
                ceremonies.sign_in("x", {}, CLIENT, KIND)
        with pytest.raises(LimitReached):
            ceremonies.sign_in("x", {}, CLIENT, KIND)
        with pytest.raises(InvalidChallenge):
            ceremonies.sign_in("x", {}, Client("192.0.2.2"), KIND)


def test_no_other_limit_counts_its_failures(make_app: MakeApp) -> None:
    """Strangers cannot lock an owner out: nothing is counted for the account."""
    app = make_app(LIMIT_PASSWORD_FAILURES="1 per hour", LIMIT_CODE_FAILURES="1 per hour")
    add_account(app)
    with app.app_context():
        session = authentication.sign_in(ADA, PASSWORD, CLIENT, KIND).session
        phone = added(session, SoftwareAuthenticator())
        for _ in range(3):
            with pytest.raises(WrongCredentials):
                sign_in(phone, forged)
        assert sign_in(phone)
        assert authentication.sign_in(ADA, PASSWORD, CLIENT, KIND)


def test_it_is_called_after_what_stores_it(session: Session) -> None:
    bitwarden = bytes.fromhex("d548826e79b4db40a3d811116f7e8349")
    assert add_passkey(session, CLIENT, SoftwareAuthenticator(aaguid=bitwarden)).name == "Bitwarden"
    assert add_passkey(session, CLIENT, SoftwareAuthenticator()).name == "Passkey"
    named = add_passkey(session, CLIENT, SoftwareAuthenticator(aaguid=bitwarden), "  Work \u00e9 ")
    assert named.name == "Work \u00e9"
    begun = creation_options(session)
    made = SoftwareAuthenticator().create(begun.options)
    passkey = ceremonies.register(session, begun.token, None, made, CLIENT, "Firefox on Linux")
    assert passkey.name == "Firefox on Linux"


def test_a_bad_name_leaves_the_challenge_as_it_is(session: Session) -> None:
    begun = creation_options(session)
    made = SoftwareAuthenticator().create(begun.options)
    assert refused(session, made, begun.token, " ") == "name: Enter a name."
    too_long = f"name: Use at most {NAME_LENGTH} characters."
    assert refused(session, made, begun.token, "x" * (NAME_LENGTH + 1)) == too_long
    assert ceremonies.register(session, begun.token, "Phone", made, CLIENT).name == "Phone"


def test_one_passkey_has_one_account(app: Flask, session: Session) -> None:
    phone = added(session, SoftwareAuthenticator())
    eve = start_session(app, add_account(app, "eve@example.com"), CLIENT)
    for mine in (session, db.session.get_one(Session, eve.id)):
        begun = creation_options(mine)
        credential = phone.create(begun.options)
        assert refused(mine, credential, begun.token) == f"credential: {REFUSED}"
    assert count(Passkey) == 1


def test_there_is_room_for_so_many(make_app: MakeApp) -> None:
    app = make_app(PASSKEYS_PER_ACCOUNT=2)
    add_account(app)
    with app.app_context():
        session = authentication.sign_in(ADA, PASSWORD, CLIENT, KIND).session
        waiting = creation_options(session)
        added(session, SoftwareAuthenticator())
        added(session, SoftwareAuthenticator())
        full = "You already have 2 passkeys. Remove one before you add another."
        with pytest.raises(InvalidInput, match=full):
            creation_options(session)
        made = SoftwareAuthenticator().create(waiting.options)
        assert refused(session, made, waiting.token) == f"body: {full}"
        assert count(Passkey) == 2


def test_its_owner_gets_an_email(session: Session, inbox: Inbox) -> None:
    passkey = add_passkey(session, CLIENT, SoftwareAuthenticator())
    assert store.remove(passkey, CLIENT)
    assert not store.remove(passkey, CLIENT)
    subjects = [mail.subject.split(" · ")[0] for mail in inbox.to(ADA)]
    assert subjects == [
        "A passkey was added to your account",
        "A passkey was removed from your account",
    ]


def test_a_sign_in_from_an_unknown_device_sends_an_email(
    session: Session, phone: SoftwareAuthenticator, inbox: Inbox
) -> None:
    inbox.to(ADA)
    sign_in(phone)
    assert [mail.subject.split(" · ")[0] for mail in inbox.to(ADA)][
        -1
    ] == "New sign-in to your account"


def test_another_accounts_passkey_is_not_found(app: Flask, session: Session) -> None:
    passkey = add_passkey(session, CLIENT, SoftwareAuthenticator())
    assert store.find(session.account, str(passkey.public_id)) is passkey
    eve = start_session(app, add_account(app, "eve@example.com"), CLIENT)
    assert store.find(eve.account, str(passkey.public_id)) is None
    assert store.find(session.account, "nonsense") is None


def test_a_new_name_is_stored(session: Session) -> None:
    passkey = add_passkey(session, CLIENT, SoftwareAuthenticator())
    assert store.rename(passkey, " Phone ", CLIENT)
    assert store.passkeys_of(session.account)[0].name == "Phone"
    with pytest.raises(InvalidInput, match="Enter a name"):
        store.rename(passkey, "", CLIENT)
    store.remove(passkey, CLIENT)
    assert not store.rename(passkey, "Tablet", CLIENT)


@pytest.mark.parametrize(
    ("url", "off"),
    [
        ("https://localhost", False),
        ("https://app.example.com:8443/shop", False),
        ("https://192.0.2.1", True),
        ("https://[2001:db8::1]:8443", True),
    ],
)
def test_an_ip_address_has_no_passkeys_and_the_log_says_so(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, url: str, off: bool
) -> None:
    app = make_app(BASE_URL=url)
    said = [record.message for record in caplog.records if "asskeys" in record.message]
    assert said == ["Passkeys are off: the host of BASE_URL is an IP address."] * off
    assert relying_party.are_possible(app) is not off


#: if cookiecutter.interface == "api"
@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        ("https://example.com/app", True),
        ("https://client.example.com:444", True),
        ("https://badexample.com", False),
        ("https://com", False),
        ("https://client.example", False),
    ],
)
def test_a_client_below_the_domain_may_use_them(
    make_app: MakeApp, url: str, accepted: bool
) -> None:
    app = make_app(BASE_URL="https://example.com", CLIENT_URL=url)
    with app.app_context():
        origin = "/".join(url.split("/")[:3])
        assert relying_party.origins() == {"https://example.com"} | (
            {origin} if accepted else set()
        )


#: endif
def test_the_origin_is_that_of_the_base_url(make_app: MakeApp) -> None:
    app = make_app(BASE_URL="https://app.example.com:8443/shop")
    with app.test_request_context(headers={"Host": "evil.example"}):
        assert relying_party.relying_party_id() == "app.example.com"
        assert relying_party.origins() == {"https://app.example.com:8443"}
