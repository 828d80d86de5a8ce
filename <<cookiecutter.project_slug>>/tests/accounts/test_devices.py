"""Known devices: when a device is known, for how long, and what it may do."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app.accounts import authentication, devices, passwords, recovery, sessions, store
from app.accounts.client import Client
from app.accounts.errors import LimitReached, WrongCredentials
from app.accounts.models import Account, Device
from app.columns import now
from app.extensions import db
from tests.conftest import PASSWORD, MakeApp, add_account

KIND = next(iter(sessions.IDLE_SETTINGS))


def owner(email: str) -> Account:
    """Return the account of an address."""
    account = store.by_email(email)
    assert account is not None
    return account


def sign_in(email: str, *secrets: str, password: str = PASSWORD) -> str:
    """Sign in, and return the secret of the device."""
    client = Client("192.0.2.1", "tests", secrets)
    return authentication.sign_in(email, password, client, KIND).device


def test_only_a_secret_of_this_account_makes_a_device_known(app: Flask, account: str) -> None:
    other = add_account(app, "eve@example.com")
    with app.app_context():
        secret = sign_in(account)
        stored = db.session.scalar(select(Device.token_hash))
        assert devices.identify([secret], owner(account)) == secret
        for forged in ("", "x", secret + "x", secret[:-1], str(stored), "é\ud800", "x" * 60_000):
            assert devices.identify([forged], owner(account)) is None
        assert devices.identify([], owner(account)) is None
        assert devices.identify([secret], owner(other)) is None
        assert devices.identify([secret], None) is None


def test_a_device_used_for_several_accounts_is_known_to_each(app: Flask, account: str) -> None:
    other = add_account(app, "eve@example.com")
    with app.app_context():
        held = sign_in(account), sign_in(other)
        assert devices.identify(held, owner(account)) == held[0]
        assert devices.identify(held, owner(other)) == held[1]


def test_a_known_device_keeps_its_secret_and_is_known_for_longer(app: Flask, account: str) -> None:
    year = timedelta(days=365)
    with time_machine.travel(now(), tick=False) as clock, app.app_context():
        secret = sign_in(account)
        clock.shift(year - timedelta(days=1))
        assert sign_in(account, secret) == secret
        clock.shift(year - timedelta(days=1))
        assert devices.identify([secret], owner(account)) == secret
        clock.shift(timedelta(days=1))
        assert devices.identify([secret], owner(account)) is None


def test_only_the_most_recently_used_devices_are_remembered(
    make_app: MakeApp,
) -> None:
    app = make_app(DEVICES_PER_ACCOUNT=3)
    email = add_account(app)
    with time_machine.travel(now(), tick=False) as clock, app.app_context():
        secrets = []
        for _ in range(3):
            secrets.append(sign_in(email))
            clock.shift(1)
        sign_in(email, secrets[0])
        clock.shift(1)
        sign_in(email)
        known = [devices.identify([secret], owner(email)) is not None for secret in secrets]
        assert known == [True, False, True]
        assert db.session.scalar(select(func.count()).select_from(Device)) == 3


def test_a_device_has_a_limit_of_its_own(make_app: MakeApp) -> None:
    app = make_app(LIMIT_PASSWORD_FAILURES="2 per 15 minutes")
    email = add_account(app)
    with app.app_context():
        first, second = sign_in(email), sign_in(email)
        for secrets in ((), (first,)):
            for error in (WrongCredentials, WrongCredentials, LimitReached):
                with pytest.raises(error):
                    sign_in(email, *secrets, password="wrong")
        assert sign_in(email, second) == second


def test_a_new_password_forgets_devices_but_a_renewed_hash_does_not(
    app: Flask, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        secret = sign_in(account)
        monkeypatch.setitem(app.config, "PASSWORD_HASH_METHOD", "scrypt:1024:8:1")
        assert sign_in(account, secret) == secret
        assert owner(account).password_hash.startswith("scrypt:1024:")
        recovery.replace_password(owner(account), passwords.hash_password(PASSWORD), Client())
        assert devices.identify([secret], owner(account)) is None
