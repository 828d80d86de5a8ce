"""Sign in with a passkey, and be refused for a wrong value in any field."""

import json
import os
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from fido2.utils import websafe_encode
from sqlalchemy import update

from app.accounts import access, authentication, sessions
from app.accounts.client import Client
from app.accounts.errors import InvalidChallenge, LimitReached, NotConfirmed, WrongCredentials
from app.accounts.models import Account, Challenge, Session
from app.accounts.passkeys import ceremonies, store
from app.accounts.passkeys.ceremonies import REFUSED
from app.extensions import db, transaction
from tests.accounts.passkeys.conftest import (
    ADA,
    CLIENT,
    LIES,
    added,
    count,
    refused,
    sign_in,
)
from tests.authenticator import KIND
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.software_authenticator import (
    BE,
    DEVICE_BOUND,
    SYNCED,
    UP,
    UV,
    Key,
    SoftwareAuthenticator,
    creation_options,
    forged,
    new_key,
)


def test_a_passkey_counts_as_both_factors(session: Session, phone: SoftwareAuthenticator) -> None:
    signed_in = sign_in(phone)
    assert signed_in.session.account_id == session.account_id
    assert signed_in.session.kind == KIND
    assert signed_in.session.factor_verified
    assert sessions.find(signed_in.token, KIND) is not None
    assert count(Challenge) == 0


@pytest.mark.parametrize(
    "key",
    [
        new_key(),
        ed25519.Ed25519PrivateKey.generate(),
        rsa.generate_private_key(public_exponent=65537, key_size=2048),
    ],
    ids=["ES256", "EdDSA", "RS256"],
)
def test_every_offered_algorithm_can_sign_in(session: Session, key: Key) -> None:
    phone = added(session, SoftwareAuthenticator(key=key))
    assert sign_in(phone).session.account_id == session.account_id
    with pytest.raises(WrongCredentials):
        sign_in(phone, forged)


@pytest.mark.parametrize(
    "lie", [*LIES, "made in place of got", "cannot be copied", "another user", "no user"]
)
def test_a_forged_response_does_not_sign_in(
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


def test_browsers_may_add_members_to_the_client_data(session: Session) -> None:
    """Chrome does, so that apps don't compare it with a template."""
    members = {"other_keys_can_be_added_here": "do not compare", "topOrigin": "https://localhost"}
    begun = creation_options(session)
    phone = SoftwareAuthenticator()
    credential = phone.create(begun.options, members=members)
    assert ceremonies.register(session, begun.token, None, credential, CLIENT)
    assert sign_in(phone, members=members)


def test_the_challenge_is_compared_literally(
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


def test_unknown_removed_and_wrong_passkeys_get_the_same_error(
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


def test_each_sign_in_stores_whether_the_passkey_is_synced(session: Session) -> None:
    phone = added(session, SoftwareAuthenticator(flags=UP | UV | BE))
    (passkey,) = store.passkeys_of(session.account)
    assert (passkey.device_bound, passkey.synced) == (False, False)
    sign_in(phone, flags=SYNCED)
    assert passkey.synced


def test_an_unconfirmed_account_is_named_but_a_disabled_one_is_not(
    session: Session, phone: SoftwareAuthenticator, caplog: pytest.LogCaptureFixture
) -> None:
    access.disable(session.account, CLIENT)
    with pytest.raises(WrongCredentials):
        sign_in(phone)
    access.enable(session.account, CLIENT)
    with transaction():
        db.session.execute(update(Account).values(confirmed_at=None))
    with pytest.raises(NotConfirmed):
        sign_in(phone)
    refused = json.loads(caplog.messages[-1])
    assert (refused["reason"], refused["account_id"]) == ("not confirmed", session.account_id)
    with pytest.raises(WrongCredentials):
        sign_in(phone, forged)
    assert (count(Session), count(Challenge)) == (0, 0)


def test_responses_are_limited_by_ip_address_before_they_are_read(
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


def test_all_requests_with_passkeys_are_counted_together(make_app: MakeApp) -> None:
    app = make_app(LIMIT_PASSKEYS_BY_IP="1 per minute")
    add_account(app)
    with app.app_context():
        session = authentication.sign_in(ADA, PASSWORD, CLIENT, KIND).session
        ceremonies.sign_in_options(CLIENT, KIND)
        with pytest.raises(InvalidChallenge):
            ceremonies.sign_in("x", {}, CLIENT, KIND)
        with pytest.raises(LimitReached):
            ceremonies.register(session, "x", None, {}, CLIENT)
        #: if cookiecutter.interface != "api"
        with pytest.raises(LimitReached):
            ceremonies.registration_options(session, CLIENT)
        with pytest.raises(LimitReached):
            ceremonies.reauthentication_options(session, CLIENT)
        with pytest.raises(LimitReached):
            ceremonies.reauthenticate(session, "x", {}, CLIENT)
        #: endif


def test_failures_do_not_count_toward_other_limits(make_app: MakeApp) -> None:
    """Nothing is counted for the account, so strangers can't lock its owner out."""
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


def test_a_sign_in_from_an_unknown_device_sends_an_email(
    session: Session, phone: SoftwareAuthenticator, inbox: Inbox
) -> None:
    inbox.to(ADA)
    sign_in(phone)
    assert [mail.subject.split(" · ")[0] for mail in inbox.to(ADA)][
        -1
    ] == "New sign-in to your account"
