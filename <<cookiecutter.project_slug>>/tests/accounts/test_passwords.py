"""The password policy and the hash."""

import pytest
from flask import Flask

from app import config
from app.accounts import authentication, passwords, sessions, store
from app.accounts.client import Client
from app.accounts.errors import InvalidInput
from tests.conftest import PASSWORD, MakeApp, add_account

CLIENT = Client("192.0.2.1", "tests")
KIND = next(iter(sessions.IDLE_SETTINGS))


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        ("", "at least 12"),
        ("kX9#mq2!vLz", "at least 12"),
        ("x7" * 65, "at most 128"),
        ("aaaaaaaaaaaaaaaa", "easy to guess"),
        ("password1234", "easy to guess"),
        ("qwertyuiop[]", "easy to guess"),
        ("Ada Lovelace ada", "easy to guess"),
        ("ada.lovelace@example.com", "easy to guess"),
    ],
)
def test_a_weak_password_is_refused(app: Flask, password: str, complaint: str) -> None:
    with app.app_context(), pytest.raises(InvalidInput) as caught:
        passwords.check(password, ["Ada Lovelace", "ada.lovelace@example.com"])
    assert complaint in caught.value.errors["password"][0]


def test_no_more_is_estimated_than_the_first_characters(app: Flask) -> None:
    """Estimating all of a long password may take seconds, and anybody may send one."""
    with app.app_context(), pytest.raises(InvalidInput):
        passwords.check("a" * passwords.ESTIMATED_LENGTH + " tangerine lorry dusk quokka", [])


def test_the_name_of_the_app_is_easy_to_guess(make_app: MakeApp) -> None:
    password = "Quokka Zeppelin!"
    with make_app().app_context():
        passwords.check(password, [])
    with make_app(APP_NAME="Quokka Zeppelin").app_context(), pytest.raises(InvalidInput):
        passwords.check(password, [])


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        "любимая собака на крыше",
        "🦆🍪🌋🪐🧭🪁🎻🦔🥨🛶🪵🧊",
        "tangerine lorry at dusk, " * 5,
        " leading and trailing ",
    ],
)
def test_a_good_password_may_hold_anything(app: Flask, password: str) -> None:
    with app.app_context():
        passwords.check(password, ["Ada", "ada@example.com"])
        assert passwords.verify(password, passwords.hash_password(password))


def test_all_characters_count(app: Flask) -> None:
    with app.app_context():
        stored = passwords.hash_password("x" * 72 + "a")
        assert not passwords.verify("x" * 72 + "b", stored)


def test_one_password_may_be_typed_in_several_ways(app: Flask) -> None:
    with app.app_context():
        stored = passwords.hash_password("caf\u00e9 \ufb01 tangerine")
        assert passwords.verify("cafe\u0301 fi tangerine", stored)


def test_a_lone_surrogate_is_no_crash(app: Flask) -> None:
    with app.app_context():
        assert not passwords.verify("\ud800", passwords.hash_password(PASSWORD))


def test_the_hash_costs_what_owasp_asks(make_app: MakeApp) -> None:
    app = make_app(PASSWORD_HASH_METHOD=config.DEFAULTS["PASSWORD_HASH_METHOD"])
    with app.app_context():
        assert passwords.hash_password(PASSWORD).startswith("scrypt:32768:8:3$")


@pytest.mark.parametrize("method", ["scrypt:1024:8:1", "pbkdf2:sha256:1000"])
def test_a_hash_of_another_cost_is_renewed_at_the_next_sign_in(
    app: Flask, make_app: MakeApp, method: str
) -> None:
    account = add_account(make_app(PASSWORD_HASH_METHOD=method))
    with app.app_context():
        authentication.sign_in(account, PASSWORD, CLIENT, KIND)
    with app.app_context():
        found = store.by_email(account)
        assert found is not None
        assert found.password_hash.startswith(app.config["PASSWORD_HASH_METHOD"] + "$")
        authentication.sign_in(account, PASSWORD, CLIENT, KIND)


def test_nobodys_password_costs_the_same_and_never_matches(app: Flask) -> None:
    with app.app_context():
        assert not passwords.verify("", None)
