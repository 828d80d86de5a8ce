"""Device cookies: who may have one, and what it is good for."""

from flask import Flask
from itsdangerous import URLSafeSerializer

from app.accounts import devices, store
from app.accounts.models import Account
from tests.conftest import SETTINGS, MakeApp, add_account


def owner(email: str) -> Account:
    """The account of an address."""
    account = store.by_email(email)
    assert account is not None
    return account


def test_only_a_cookie_of_this_account_and_purpose_makes_a_device_known(app: Flask) -> None:
    add_account(app, "ada@example.com")
    add_account(app, "eve@example.com")
    with app.app_context():
        ada, eve = owner("ada@example.com"), owner("eve@example.com")
        cookie = devices.issue(ada)
        assert devices.identify(cookie, ada)
        other_purpose = URLSafeSerializer(SETTINGS["SECRET_KEY"], salt="another")
        other_key = URLSafeSerializer("x" * 40, salt="device")
        for forged in (
            None,
            "",
            "x",
            cookie + "x",
            cookie.partition(".")[0],
            devices.issue(eve),
            other_purpose.dumps([ada.id, "0" * 32]),
            other_key.dumps([ada.id, "0" * 32]),
        ):
            assert devices.identify(forged, ada) is None
        assert devices.identify(cookie, eve) is None
        assert devices.identify(cookie, None) is None


def test_every_sign_in_makes_another_device(app: Flask, account: str) -> None:
    with app.app_context():
        ada = owner(account)
        first, second = (devices.identify(devices.issue(ada), ada) for _ in range(2))
    assert first != second


def test_a_device_stays_known_through_a_change_of_the_key(make_app: MakeApp) -> None:
    old, new = (
        make_app(),
        make_app(
            SECRET_KEY="another-key-0123456789-abcdefghijklmnop",
            SECRET_KEY_FALLBACKS=[SETTINGS["SECRET_KEY"]],
        ),
    )
    account = add_account(old)
    with old.app_context():
        cookie = devices.issue(owner(account))
    with new.app_context():
        assert devices.identify(cookie, owner(account))
