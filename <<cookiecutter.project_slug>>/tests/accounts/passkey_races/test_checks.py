"""What a passkey must prove, and the work that a refusal takes."""

import pytest
from fido2.cose import ES256
from flask import Flask

from app.accounts.errors import InvalidChallenge, LimitReached, WrongCredentials
from app.accounts.models import Session
from app.accounts.passkeys import ceremonies, credentials, store
from tests.accounts.passkey_races.conftest import CLIENT, added, begin, outcome
from tests.authenticator import KIND, start_session
from tests.conftest import MakeApp, add_account
from tests.software_authenticator import SoftwareAuthenticator, creation_options, forged
from tests.work import counted


def test_the_key_for_unknown_passkeys_signs_nobody_in(
    app: Flask, phone: SoftwareAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = SoftwareAuthenticator(user_handle=phone.user_handle)
    monkeypatch.setattr(credentials, "NO_KEY", ES256(stranger._public_key({})))
    begun = begin(app)
    with app.app_context():
        assert outcome(begun.token, stranger.get(begun.options)) == "WrongCredentials"


def test_every_refusal_takes_the_same_work(
    app: Flask, session: Session, phone: SoftwareAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked: list[int] = []
    verify = ES256.verify

    def note(self: ES256, message: bytes, signature: bytes) -> None:
        checked.append(len(message))
        verify(self, message, signature)  # type: ignore[no-untyped-call]

    monkeypatch.setattr(ES256, "verify", note)
    removed = added(app, session, SoftwareAuthenticator())
    with app.app_context():
        store.remove(store.passkeys_of(session.account)[1], CLIENT)
    unknown = SoftwareAuthenticator(user_handle=phone.user_handle)
    seen = []
    for stranger in (phone, removed, unknown):
        checked.clear()
        begun = begin(app)
        credential = forged(stranger.get(begun.options))
        with app.app_context(), counted(app) as work, pytest.raises(WrongCredentials):
            ceremonies.sign_in(begun.token, credential, CLIENT, KIND)
        seen.append((work, len(checked)))
    assert seen[0] == seen[1] == seen[2]
    assert len(checked) == 1


def test_over_the_limit_a_response_is_not_read(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(LIMIT_PASSKEYS_BY_IP="1 per minute")
    session = start_session(app, add_account(app), CLIENT)
    with app.app_context():
        begun = creation_options(session)
        with pytest.raises(InvalidChallenge):
            ceremonies.sign_in("x", {}, CLIENT, KIND)
        with pytest.raises(LimitReached):
            ceremonies.register(session, begun.token, "", object(), CLIENT)
