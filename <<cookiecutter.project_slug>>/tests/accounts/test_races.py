"""Concurrent requests: the database decides, and one of them succeeds."""

import hashlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Thread
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app import jobs
from app.accounts import (
    authentication,
    changes,
    passwords,
    recovery,
    registration,
    sessions,
    store,
)
from app.accounts.client import Client
from app.accounts.errors import (
    AddressTaken,
    InvalidInput,
    InvalidToken,
    LimitReached,
    SignedOut,
    WrongCredentials,
)
from app.accounts.models import Account, Device, MailedToken, Session
from app.extensions import db
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account, delete_meanwhile

CLIENT = Client("192.0.2.1", "tests")
KIND = next(iter(sessions.IDLE_SETTINGS))


def at_once(app: Flask, action: Callable[[int], str | bool | None], times: int) -> Counter[object]:
    """Do something several times at the same moment, and count the results."""
    barrier = Barrier(times)

    def act(number: int) -> object:
        with app.app_context():
            barrier.wait()
            try:
                return action(number)
            except InvalidToken:
                return InvalidToken
            except (AddressTaken, LimitReached, SignedOut, WrongCredentials) as error:
                return type(error)

    with ThreadPoolExecutor(times) as pool:
        return Counter(pool.map(act, range(times)))


def test_parallel_registrations_of_one_address_make_one_account(app: Flask, inbox: Inbox) -> None:
    def register(number: int) -> None:
        registration.register("Ada", "ada@example.com", PASSWORD, Client(f"192.0.2.{number}"))

    assert at_once(app, register, 5) == {None: 5}
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Account)) == 1
    subjects = Counter(mail.subject.split(" · ")[0] for mail in inbox.to("ada@example.com"))
    assert subjects == {"Confirm your email address": 1, "You already have an account": 4}


def test_parallel_confirmations_use_a_token_once(app: Flask, inbox: Inbox) -> None:
    email = add_account(app, confirmed=False)
    with app.app_context():
        registration.mail_confirmation(email)
    token = inbox.token(email)
    result = at_once(app, lambda _: registration.confirm(token, CLIENT), 6)
    assert result == {None: 1, InvalidToken: 5}


def test_parallel_resets_use_a_token_once(app: Flask, account: str, inbox: Inbox) -> None:
    with app.app_context():
        recovery.mail_reset(account, CLIENT)
    token = inbox.token(account)

    def reset(number: int) -> None:
        recovery.complete_reset(token, f"tangerine lorry at dusk {number}", CLIENT)

    assert at_once(app, reset, 6) == {None: 1, InvalidToken: 5}


def test_parallel_requests_end_a_session_once(app: Flask, account: str) -> None:
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session

    def revoke(_: int) -> bool:
        return sessions.revoke(session, str(session.public_id), CLIENT)

    assert at_once(app, revoke, 6) == {True: 1, False: 5}


def test_parallel_guesses_do_not_exceed_the_limit(make_app: MakeApp) -> None:
    app = make_app(LIMIT_PASSWORD_FAILURES="3 per 15 minutes")
    account = add_account(app)

    def guess(number: int) -> None:
        authentication.sign_in(account, "wrong", Client(f"192.0.2.{number}"), KIND)

    assert at_once(app, guess, 12) == {WrongCredentials: 3, LimitReached: 9}


def test_concurrent_right_passwords_all_sign_in_and_are_not_counted(
    make_app: MakeApp,
) -> None:
    app = make_app(LIMIT_PASSWORD_FAILURES="3 per 15 minutes")
    account = add_account(app)

    def sign_in(number: int) -> None:
        authentication.sign_in(account, PASSWORD, Client(f"192.0.2.{number}"), KIND)

    assert at_once(app, sign_in, 12) == {None: 12}
    with app.app_context():
        for error in (WrongCredentials, WrongCredentials, WrongCredentials, LimitReached):
            with pytest.raises(error):
                authentication.sign_in(account, "wrong", CLIENT, KIND)


def test_parallel_sign_ins_do_not_exceed_the_number_of_sessions_and_devices(
    make_app: MakeApp,
) -> None:
    app = make_app(SESSIONS_PER_ACCOUNT=3, DEVICES_PER_ACCOUNT=2)
    account = add_account(app)

    def sign_in(number: int) -> None:
        authentication.sign_in(account, PASSWORD, Client(f"192.0.2.{number}"), KIND)

    assert at_once(app, sign_in, 8) == {None: 8}
    with app.app_context():
        for model, most in ((Session, 3), (Device, 2)):
            assert db.session.scalar(select(func.count()).select_from(model)) == most


def test_guesses_among_right_passwords_do_not_exceed_the_limit(make_app: MakeApp) -> None:
    app = make_app(LIMIT_PASSWORD_FAILURES="3 per 15 minutes")
    account = add_account(app)

    def try_one(number: int) -> None:
        password = PASSWORD if number % 2 else "wrong"
        authentication.sign_in(account, password, Client(f"192.0.2.{number}"), KIND)

    assert at_once(app, try_one, 16)[WrongCredentials] == 3


@pytest.fixture
def reset_meanwhile(app: Flask, account: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Set another password by a reset while the next one is compared, and return it."""
    scrypt = hashlib.scrypt
    password = "tangerine lorry at dusk"

    def reset() -> None:
        with app.app_context():
            owner = store.by_email(account)
            assert owner is not None
            recovery.replace_password(owner, passwords.hash_password(password), CLIENT)

    def interrupted(*args: Any, **options: Any) -> bytes:
        monkeypatch.setattr(hashlib, "scrypt", scrypt)
        thread = Thread(target=reset)
        thread.start()
        thread.join()
        return scrypt(*args, **options)

    with app.app_context():
        monkeypatch.setattr(hashlib, "scrypt", interrupted)
    return password


def test_a_concurrent_reset_ends_a_sign_in(app: Flask, account: str, reset_meanwhile: str) -> None:
    with app.app_context():
        with pytest.raises(WrongCredentials):
            authentication.sign_in(account, PASSWORD, CLIENT, KIND)
        owner = store.by_email(account)
        assert owner is not None
        assert sessions.of(owner) == []


def test_a_password_change_does_not_undo_a_concurrent_reset(
    app: Flask, account: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        password = request.getfixturevalue("reset_meanwhile")
        with pytest.raises(InvalidInput):
            changes.change_password(session, PASSWORD, "another lorry at dawn", CLIENT)
    with app.app_context():
        assert authentication.sign_in(account, password, CLIENT, KIND)


def test_an_account_is_not_deleted_with_a_password_that_a_concurrent_reset_replaced(
    app: Flask, account: str, request: pytest.FixtureRequest
) -> None:
    with app.app_context():
        session = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        request.getfixturevalue("reset_meanwhile")
        with pytest.raises(InvalidInput):
            changes.delete_account(session, PASSWORD, CLIENT)
    with app.app_context():
        assert store.by_email(account) is not None


def test_a_concurrent_email_change_invalidates_a_reset_link(
    app: Flask, account: str, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        current = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        changes.request_email_change(current, "countess@example.com", CLIENT)
        change = inbox.token("countess@example.com")
        recovery.mail_reset(account, CLIENT)
        reset = inbox.token(account)
    hash_password = passwords.hash_password

    def move() -> None:
        with app.app_context():
            changes.confirm_email_change(change, CLIENT)

    def interrupted(typed: str) -> str:
        thread = Thread(target=move)
        thread.start()
        thread.join()
        return hash_password(typed)

    monkeypatch.setattr(passwords, "hash_password", interrupted)
    with app.app_context(), pytest.raises(InvalidToken):
        recovery.complete_reset(reset, "tangerine lorry at dusk", CLIENT)
    with app.app_context():
        assert authentication.sign_in("countess@example.com", PASSWORD, CLIENT, KIND)


def test_a_renewed_hash_does_not_undo_a_concurrent_reset(
    app: Flask, account: str, reset_meanwhile: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "PASSWORD_HASH_METHOD", "scrypt:1024:8:1")
    with app.app_context(), pytest.raises(WrongCredentials):
        authentication.sign_in(account, PASSWORD, CLIENT, KIND)
    with app.app_context():
        assert authentication.sign_in(account, reset_meanwhile, CLIENT, KIND)


def test_only_one_of_several_parallel_password_changes_succeeds(app: Flask, account: str) -> None:
    with app.app_context():
        living = [authentication.sign_in(account, PASSWORD, CLIENT, KIND).session for _ in range(4)]

    def change(number: int) -> str | None:
        current = db.session.get(Session, living[number].id)
        if current is None:
            return "refused"
        password = f"tangerine lorry at dusk {number}"
        try:
            changes.change_password(current, PASSWORD, password, CLIENT)
        except InvalidInput:
            return "refused"
        return None

    assert at_once(app, change, 4) == {None: 1, "refused": 3}
    with app.app_context():
        owner = store.by_email(account)
        assert owner is not None
        assert len(sessions.of(owner)) == 1


def test_only_one_link_of_several_parallel_requests_works(
    app: Flask, account: str, inbox: Inbox
) -> None:
    with app.app_context():
        for _ in range(6):
            recovery.mail_reset(account, CLIENT)

    def work(_: int) -> None:
        jobs.run_due(app)

    assert at_once(app, work, 6) == {None: 6}
    assert len(inbox.to(account)) == 6
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(MailedToken)) == 1


@pytest.mark.parametrize("first", ["confirm", "change"])
def test_only_one_of_two_accounts_can_confirm_an_address(
    app: Flask, account: str, inbox: Inbox, first: str
) -> None:
    """Tried several times, since either may win. An account that a stranger opened never does."""
    for number in range(4):
        new = f"countess{number}@example.com"
        add_account(app, new, "Other", confirmed=False)
        with app.app_context():
            registration.mail_confirmation(new)
            confirmation = inbox.token(new)
            current = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
            changes.request_email_change(current, new, CLIENT)
            change = inbox.token(new)

        def act(turn: int, confirmation: str = confirmation, change: str = change) -> None:
            if (turn == 0) == (first == "confirm"):
                registration.confirm(confirmation, CLIENT)
            else:
                changes.confirm_email_change(change, CLIENT)

        outcome = at_once(app, act, 2)
        with app.app_context():
            found = {each.email: each.name for each in db.session.scalars(select(Account))}
            assert (
                db.session.scalars(select(Account).where(Account.confirmed_at.is_(None))).all()
                == []
            )
        if outcome == {None: 1, InvalidToken: 1}:
            assert found[new] == "Ada"
            account = new
        else:
            assert outcome == {None: 1, AddressTaken: 1}
            assert found[new] == "Other"
            assert found[account] == "Ada"


def test_nothing_fails_while_the_account_is_deleted(app: Flask, inbox: Inbox) -> None:
    for number in range(3):
        email = add_account(app, f"person{number}@example.com")
        with app.app_context():
            living = [authentication.sign_in(email, PASSWORD, CLIENT, KIND) for _ in range(5)]
            recovery.mail_reset(email, CLIENT)
        token = inbox.token(email)

        def act(
            turn: int, living: list[Any] = living, token: str = token, email: str = email
        ) -> str | None:
            if turn == 0:
                owner = store.by_email(email)
                assert owner is not None
                changes.remove(owner, CLIENT)
                return None
            current = sessions.find(living[turn].token, KIND)
            if current is None:
                return "signed out"
            try:
                if turn == 1:
                    changes.rename(current.account, "Countess", CLIENT)
                elif turn == 2:
                    changes.change_password(current, PASSWORD, "tangerine lorry at dusk", CLIENT)
                elif turn == 3:
                    recovery.complete_reset(token, "tangerine lorry at dawn", CLIENT)
                else:
                    authentication.sign_in(email, PASSWORD, CLIENT, KIND)
            except (InvalidInput, SignedOut, InvalidToken, WrongCredentials):
                return "signed out"
            return None

        at_once(app, act, 5)
        with app.app_context():
            assert store.by_email(email) is None


#: if cookiecutter.interface != "api"
def test_a_session_ended_in_the_meantime_is_not_renewed(app: Flask, account: str) -> None:
    with app.app_context():
        current = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        sessions.revoke(current, str(current.public_id), CLIENT)
        with pytest.raises(SignedOut):
            authentication.reauthenticate(current, PASSWORD, CLIENT)
        assert sessions.of(current.account) == []


#: endif
def test_changing_the_name_of_a_deleted_account_is_signed_out(app: Flask, account: str) -> None:
    with app.app_context():
        current = authentication.sign_in(account, PASSWORD, CLIENT, KIND).session
        delete_meanwhile(app, account)
        with pytest.raises(SignedOut):
            changes.rename(current.account, "Countess", CLIENT)
