"""Passkeys in concurrent requests, and the work that they take."""

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import time_machine
from fido2.cose import ES256
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError

from app.accounts import access, events, sessions
from app.accounts.client import Client
from app.accounts.errors import (
    InvalidChallenge,
    InvalidInput,
    LimitReached,
    SignedOut,
    WrongCredentials,
)
from app.accounts.models import Passkey, Session
from app.accounts.passkeys import ceremonies, credentials, store
from app.accounts.passkeys.responses import judge
from app.extensions import db
from tests.accounts.test_races import at_once
from tests.authenticator import KIND, start_session
from tests.conftest import MakeApp, add_account, delete_meanwhile
from tests.software_authenticator import (
    DEVICE_BOUND,
    SoftwareAuthenticator,
    add_passkey,
    creation_options,
    forged,
)
from tests.work import counted

CLIENT = Client("192.0.2.1", "tests")
TIMES = 6
JUDGE = "app.accounts.passkeys.responses.judge"


@pytest.fixture
def session(app: Flask, account: str, clock: time_machine.Traveller) -> Session:
    """A session of Ada's."""
    return start_session(app, account, CLIENT)


@pytest.fixture
def phone(app: Flask, session: Session) -> SoftwareAuthenticator:
    """A passkey of Ada's that is bound to its device."""
    return added(app, session, SoftwareAuthenticator(flags=DEVICE_BOUND, counter=1))


def added(app: Flask, session: Session, made: SoftwareAuthenticator) -> SoftwareAuthenticator:
    """The authenticator, its passkey added."""
    with app.app_context():
        add_passkey(db.session.get_one(Session, session.id), CLIENT, made)
    return made


def count(app: Flask, model: type) -> int:
    """The number of rows in a table."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def begin(app: Flask, number: int = 0) -> ceremonies.Options:
    """The options of a sign-in."""
    with app.app_context():
        return ceremonies.sign_in_options(Client(f"192.0.2.{number}"), KIND)


def outcome(token: str, credential: object) -> str:
    """What a sign-in comes to."""
    try:
        ceremonies.sign_in(token, credential, CLIENT, KIND)
    except (InvalidChallenge, WrongCredentials) as error:
        return type(error).__name__
    return "signed in"


def test_of_requests_with_one_response_one_wins(app: Flask, phone: SoftwareAuthenticator) -> None:
    begun = begin(app)
    phone.counter += 1
    credential = phone.get(begun.options)
    result = at_once(app, lambda _: outcome(begun.token, credential), TIMES)
    assert result == {"signed in": 1, "InvalidChallenge": TIMES - 1}
    assert count(app, Session) == 2


def test_of_responses_with_one_counter_one_wins(app: Flask, phone: SoftwareAuthenticator) -> None:
    """As from a copy of the passkey: each has a challenge of its own."""
    begun = [begin(app, number) for number in range(TIMES)]
    phone.counter += 1
    credentials = [phone.get(each.options) for each in begun]
    result = at_once(app, lambda number: outcome(begun[number].token, credentials[number]), TIMES)
    assert result == {"signed in": 1, "WrongCredentials": TIMES - 1}


def test_synced_passkeys_without_a_counter_do_not_hinder_each_other(
    app: Flask, session: Session
) -> None:
    phone = added(app, session, SoftwareAuthenticator())
    begun = [begin(app, number) for number in range(TIMES)]
    credentials = [phone.get(each.options) for each in begun]
    result = at_once(app, lambda number: outcome(begun[number].token, credentials[number]), TIMES)
    assert result == {"signed in": TIMES}


def test_a_credential_is_added_once_by_requests_at_the_same_moment(
    app: Flask, session: Session
) -> None:
    made = SoftwareAuthenticator()
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        begun = [creation_options(current) for _ in range(TIMES)]
    credentials = [made.create(each.options) for each in begun]

    def register(number: int) -> str:
        current = db.session.get_one(Session, session.id)
        token, credential = begun[number].token, credentials[number]
        try:
            ceremonies.register(current, token, None, credential, CLIENT)
        except InvalidInput:
            return "refused"
        return "added"

    assert at_once(app, register, TIMES) == {"added": 1, "refused": TIMES - 1}
    assert count(app, Passkey) == 1


@pytest.mark.parametrize("taken", [True, False])
def test_two_accounts_that_add_one_credential_at_the_same_moment(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch, taken: bool
) -> None:
    """Neither sees the other's, so that only the database can refuse the second."""
    phone = added(app, session, SoftwareAuthenticator())
    eve = start_session(app, add_account(app, "eve@example.com"), CLIENT)
    monkeypatch.setattr("app.accounts.passkeys.responses.find", lambda _: None)
    if not taken:
        monkeypatch.setattr(store, "is_taken", lambda _: False)
    with app.app_context():
        current = db.session.get_one(Session, eve.id)
        begun = creation_options(current)
        with pytest.raises(InvalidInput if taken else IntegrityError):
            ceremonies.register(current, begun.token, None, phone.create(begun.options), CLIENT)
    assert count(app, Passkey) == 1


def test_no_more_than_allowed_are_added_at_the_same_moment(
    make_app: MakeApp, clock: time_machine.Traveller
) -> None:
    app = make_app(PASSKEYS_PER_ACCOUNT=2)
    session = start_session(app, add_account(app), CLIENT)
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        begun = [creation_options(current) for _ in range(TIMES)]

    def register(number: int) -> str:
        current = db.session.get_one(Session, session.id)
        credential = SoftwareAuthenticator().create(begun[number].options)
        try:
            ceremonies.register(current, begun[number].token, None, credential, CLIENT)
        except InvalidInput:
            return "refused"
        return "added"

    assert at_once(app, register, TIMES) == {"added": 2, "refused": TIMES - 2}
    assert count(app, Passkey) == 2


def remove_it(app: Flask, session: Session) -> None:
    """Remove the passkey."""
    with app.app_context():
        (passkey,) = store.passkeys_of(session.account)
        store.remove(passkey, CLIENT)


def disable(app: Flask, session: Session) -> None:
    """Disable the account."""
    with app.app_context():
        access.disable(session.account, CLIENT)


def delete(app: Flask, session: Session) -> None:
    """Delete the account."""
    delete_meanwhile(app, session.account.email)


@pytest.mark.parametrize("event", [remove_it, disable, delete])
def test_nobody_signs_in_if_it_is_gone_before_the_session_starts(
    app: Flask,
    session: Session,
    phone: SoftwareAuthenticator,
    monkeypatch: pytest.MonkeyPatch,
    event: Callable[[Flask, Session], None],
) -> None:
    begun = begin(app)
    phone.counter += 1

    def interrupted(*arguments: Any) -> object:
        found = judge(*arguments)
        db.session.commit()  # no lock of its own is left, on any database
        event(app, session)
        return found

    monkeypatch.setattr(JUDGE, interrupted)
    with app.app_context(), pytest.raises(WrongCredentials):
        ceremonies.sign_in(begun.token, phone.get(begun.options), CLIENT, KIND)
    with app.app_context():
        living = db.session.scalars(select(Session).where(Session.factor_verified)).all()
    assert living == []


def test_a_counter_that_was_used_in_the_meantime_is_refused(
    app: Flask, phone: SoftwareAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both responses are checked before either of them is recorded."""
    first, second = begin(app, 1), begin(app, 2)
    phone.counter += 1

    def use_it() -> str:
        with app.app_context():
            return outcome(second.token, phone.get(second.options))

    def interrupted(*arguments: Any) -> object:
        found = judge(*arguments)
        db.session.commit()
        monkeypatch.setattr(JUDGE, judge)
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(use_it).result() == "signed in"
        return found

    monkeypatch.setattr(JUDGE, interrupted)
    with app.app_context():
        assert outcome(first.token, phone.get(first.options)) == "WrongCredentials"
    assert count(app, Session) == 2


def test_nothing_is_begun_for_a_session_that_has_ended(app: Flask, session: Session) -> None:
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        ended = db.session.get_one(Session, session.id)
        sessions.sign_out(ended, CLIENT)
        with pytest.raises(SignedOut):
            creation_options(current)


def test_nothing_is_added_to_an_account_that_is_gone(app: Flask, session: Session) -> None:
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        begun = creation_options(current)
        made = SoftwareAuthenticator().create(begun.options)
        db.session.commit()
        account = current.account
        delete_meanwhile(app, account.email)
        with pytest.raises(InvalidChallenge):
            ceremonies.register(current, begun.token, None, made, CLIENT)
    assert count(app, Passkey) == 0


def test_nothing_is_added_to_an_account_that_was_deleted_in_the_meantime(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_new = credentials.read_new

    def interrupted(*arguments: Any) -> object:
        new = read_new(*arguments)
        db.session.commit()
        delete(app, session)
        return new

    monkeypatch.setattr(credentials, "read_new", interrupted)
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        begun = creation_options(current)
        made = SoftwareAuthenticator().create(begun.options)
        with pytest.raises(SignedOut):
            ceremonies.register(current, begun.token, None, made, CLIENT)


def test_the_key_for_unknown_passkeys_signs_nobody_in(
    app: Flask, phone: SoftwareAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = SoftwareAuthenticator(user_handle=phone.user_handle)
    monkeypatch.setattr(credentials, "NO_KEY", ES256(stranger._public_key({})))
    begun = begin(app)
    with app.app_context():
        assert outcome(begun.token, stranger.get(begun.options)) == "WrongCredentials"


def test_whatever_is_wrong_takes_the_same_work(
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


#: if cookiecutter.interface != "api"
def test_reauthentication_takes_a_passkey_of_this_account_alone(
    app: Flask, session: Session
) -> None:
    from app.accounts.errors import SignedOut

    mine = added(app, session, SoftwareAuthenticator())
    eve = start_session(app, add_account(app, "eve@example.com"), CLIENT)
    hers = added(app, eve, SoftwareAuthenticator())
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        begun = ceremonies.reauthentication_options(current, CLIENT)
        (allowed,) = begun.options["allowCredentials"]
        assert allowed["id"] == mine.get(begun.options)["id"]
        with pytest.raises(WrongCredentials):
            ceremonies.reauthenticate(current, begun.token, hers.get(begun.options), CLIENT)
        begun = ceremonies.reauthentication_options(current, CLIENT)
        other = db.session.get_one(Session, eve.id)
        with pytest.raises(InvalidChallenge):
            ceremonies.reauthenticate(other, begun.token, hers.get(begun.options), CLIENT)
        # An authenticator that was told which passkeys are allowed may leave out whose they are.
        credential = mine.get(begun.options, user_handle=None)
        signed_in = ceremonies.reauthenticate(current, begun.token, credential, CLIENT)
        assert signed_in.session.factor_verified
        assert signed_in.session.kind == session.kind
        assert db.session.get(Session, session.id) is None
        with pytest.raises(InvalidChallenge):
            ceremonies.reauthenticate(
                signed_in.session, begun.token, mine.get(begun.options), CLIENT
            )
        with pytest.raises(SignedOut):
            ceremonies.reauthentication_options(current, CLIENT)


def test_adding_one_needs_the_factor_that_is_on(app: Flask, session: Session) -> None:
    from app.accounts import authentication
    from app.accounts.errors import FactorNotVerified, FactorRequired
    from tests.authenticator import turn_on
    from tests.conftest import PASSWORD

    with app.app_context():
        current = db.session.get_one(Session, session.id)
        other = authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND).session
        begun = ceremonies.registration_options(other, CLIENT)
        turn_on(current, CLIENT)
        made = SoftwareAuthenticator().create(begun.options)
        with pytest.raises(InvalidChallenge):
            ceremonies.register(other, begun.token, None, made, CLIENT)
        with pytest.raises(FactorNotVerified):
            ceremonies.registration_options(other, CLIENT)
        current = db.session.get_one(Session, session.id, populate_existing=True)
        assert ceremonies.registration_options(current, CLIENT)
        # A passkey does for the factor, where the password alone doesn't.
        with pytest.raises(FactorRequired):
            authentication.sign_in("ada@example.com", PASSWORD, CLIENT, KIND)


def test_browsers_may_choose_to_be_remembered_and_clients_of_the_api_are_apart(
    app: Flask, session: Session
) -> None:
    phone = added(app, session, SoftwareAuthenticator())
    with app.app_context():
        begun = ceremonies.sign_in_options(CLIENT, "browser")
        credential = phone.get(begun.options)
        with pytest.raises(InvalidChallenge):
            ceremonies.sign_in(begun.token, credential, CLIENT, "api")
        started = ceremonies.sign_in(begun.token, credential, CLIENT, "remembered")
        assert started.session.kind == "remembered"
        begun = ceremonies.sign_in_options(CLIENT, "api")
        for kind in ("browser", "remembered"):
            with pytest.raises(InvalidChallenge):
                ceremonies.sign_in(begun.token, phone.get(begun.options), CLIENT, kind)


#: endif
#: if cookiecutter.interface != "api"
def test_no_session_is_replaced_in_an_account_that_was_deleted_in_the_meantime(
    app: Flask, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone = added(app, session, SoftwareAuthenticator())

    def interrupted(*arguments: Any) -> object:
        found = judge(*arguments)
        db.session.commit()
        delete(app, session)
        return found

    with app.app_context():
        current = db.session.get_one(Session, session.id)
        begun = ceremonies.reauthentication_options(current, CLIENT)
        monkeypatch.setattr(JUDGE, interrupted)
        with pytest.raises(SignedOut):
            ceremonies.reauthenticate(current, begun.token, phone.get(begun.options), CLIENT)


def test_nothing_is_begun_for_an_account_that_was_deleted_in_the_meantime(
    app: Flask, session: Session
) -> None:
    with app.app_context():
        current = db.session.get_one(Session, session.id)
        assert current.account.email
        db.session.commit()
        delete(app, session)
        with pytest.raises(SignedOut):
            ceremonies.registration_options(current, CLIENT)


#: endif
#: if cookiecutter.interface != "html"
def test_a_password_that_was_replaced_in_the_meantime_proves_nothing(
    app: Flask, session: Session
) -> None:
    from app.accounts import authentication, passwords, recovery
    from tests.conftest import PASSWORD

    with app.app_context():
        current = db.session.get_one(Session, session.id)
        passkey = add_passkey(current, CLIENT, SoftwareAuthenticator())
        proof = authentication.confirm_password(current, PASSWORD, CLIENT, "current_password")
        new = passwords.hash_password("tangerine lorry at dusk")
        recovery.replace_password(current.account, new, CLIENT)
        with pytest.raises(InvalidInput, match="current password"):
            ceremonies.registration_options_with_password(current, None, proof)
        with pytest.raises(InvalidInput, match="current password"):
            store.remove(passkey, CLIENT, proof)
        assert store.count(current.account) == 1


#: endif
def test_what_is_over_the_limit_is_not_looked_at(
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


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The lines of the audit log."""
    written: list[dict[str, Any]] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(json.loads(self.format(record)))

    monkeypatch.setattr(events.logger, "handlers", [Handler()])
    return written


def test_each_step_is_in_the_audit_log(
    app: Flask, session: Session, phone: SoftwareAuthenticator, recorded: list[dict[str, Any]]
) -> None:
    with app.app_context():
        (passkey,) = store.passkeys_of(session.account)
        store.rename(passkey, "Phone", CLIENT)
    for change, counter in (
        (lambda it: it, 2),
        (lambda it: it, 2),
        (forged, 3),
        (lambda it: {}, 4),
    ):
        begun = begin(app)
        phone.counter = counter
        with app.app_context():
            outcome(begun.token, change(phone.get(begun.options)))
    with app.app_context():
        store.remove(db.session.get_one(Passkey, passkey.id), CLIENT)
    mine = session.account_id
    lines = [(line["event"], line["account_id"], line.get("reason")) for line in recorded]
    assert lines == [
        ("passkey.renamed", mine, None),
        ("passkey.used", mine, None),
        ("sign_in.succeeded", mine, None),
        ("passkey.counter_fell", mine, None),
        ("sign_in.refused", mine, "passkey counter"),
        ("sign_in.refused", mine, "wrong passkey"),
        ("sign_in.refused", None, "wrong passkey"),
        ("passkey.removed", mine, None),
    ]
    assert recorded[2]["method"] == "passkey"
    ids = {line["passkey_id"] for line in recorded if "passkey_id" in line}
    assert ids == {str(passkey.public_id)}


def test_a_counter_that_falls_on_a_synced_passkey_is_noted(
    app: Flask, session: Session, recorded: list[dict[str, Any]]
) -> None:
    phone = added(app, session, SoftwareAuthenticator(counter=7))
    begun = begin(app)
    phone.counter = 3
    with app.app_context():
        assert outcome(begun.token, phone.get(begun.options)) == "signed in"
    assert "passkey.counter_fell" in [line["event"] for line in recorded]


def test_the_audit_log_says_that_an_account_is_disabled(
    app: Flask, session: Session, phone: SoftwareAuthenticator, recorded: list[dict[str, Any]]
) -> None:
    disable(app, session)
    begun = begin(app)
    phone.counter += 1
    with app.app_context():
        assert outcome(begun.token, phone.get(begun.options)) == "WrongCredentials"
    assert (recorded[-1]["reason"], recorded[-1]["account_id"]) == ("disabled", session.account_id)
