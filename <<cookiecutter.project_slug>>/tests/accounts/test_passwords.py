"""The password policy and the hash."""

import re

import pytest
import zxcvbn
from flask import Flask
from sqlalchemy import event, update
from werkzeug.security import generate_password_hash

from app import config
from app.accounts import authentication, passwords, registration, sessions, store
from app.accounts.client import Client
from app.accounts.errors import InvalidInput, LimitReached, WrongCredentials
from app.accounts.models import Account
from app.extensions import db
from tests.conftest import PASSWORD, MakeApp, add_account
from tests.work import counted, normalized

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


LONG_EMAIL = "wolfeschlegelsteinhausenbergerdorff@sub.example-company.com"


@pytest.mark.parametrize(
    "password",
    [
        LONG_EMAIL,
        LONG_EMAIL.upper(),
        LONG_EMAIL + "1",
        LONG_EMAIL * 2,
        LONG_EMAIL[::-1],
        LONG_EMAIL.partition("@")[0],
        LONG_EMAIL[:20],
        "Wolfe Schlegel Steinhausen Bergerdorff",
        "ｗｏｌｆｅｓｃｈｌｅｇｅｌｓｔｅｉｎｈａｕｓｅｎ",
        "sub.example-company.com",
        "straße_1_straße_2",
        "Ærøskøbing, Ærøskøbing!",
    ],
)
def test_name_and_address_are_refused_as_passwords(app: Flask, password: str) -> None:
    """They are compared in full, because the estimate only looks at the first characters."""
    with app.app_context(), pytest.raises(InvalidInput, match="easy to guess"):
        passwords.check(password, ["Ærøskøbing Strasse", LONG_EMAIL])


def test_the_longest_of_the_own_words_counts(app: Flask) -> None:
    """Without the end alone, the rest of the name would be a good password."""
    with app.app_context(), pytest.raises(InvalidInput, match="easy to guess"):
        passwords.check("qvxkwjzrbmzwpt9", ["Qvxkwjzrbmzwpt Zwpt"])
    with app.app_context():
        passwords.check("qvxkwjzrbmzwpt9", ["Zwpt"])


@pytest.mark.parametrize("name", ["Al", "Ada", "battery", "", "🦆"])
def test_a_strong_password_may_contain_the_name(app: Flask, name: str) -> None:
    with app.app_context():
        for password in (f"{name} tangerine lorry dusk quokka", "🦆🍪🌋🪐🧭🪁🎻🦔🥨🛶🪵🧊 ada"):
            passwords.check(password, [name, LONG_EMAIL])


@pytest.mark.parametrize(
    ("password", "complaint"),
    [
        ("ﷺ", "at least 12"),
        ("ﷻﷻ", "at least 12"),
        ("kX9#mq2!vLﬁ", "at least 12"),
        ("q\u0307\u0323" * 4, ""),
        ("e\u0301" * 11, "at least 12"),
        ("ﷺ" * 12, "at most 128"),
        ("e\u0301" * 65, "at most 128"),
    ],
)
def test_the_length_is_checked_as_typed_and_as_normalized(
    app: Flask, password: str, complaint: str
) -> None:
    with app.app_context():
        if complaint:
            with pytest.raises(InvalidInput, match=complaint):
                passwords.check(password, [])
        else:
            passwords.check_length(password)


def test_a_long_password_is_never_normalized(app: Flask, account: str) -> None:
    """Normalizing 30,000 combining marks takes seconds."""
    with app.app_context(), normalized() as texts:
        with pytest.raises(InvalidInput):
            passwords.check("\u0301" * 30_000, [])
        with pytest.raises(WrongCredentials):
            authentication.sign_in(account, "\u0301" * 30_000, CLIENT, KIND)
    assert max(map(len, texts)) <= config.LONGEST_PASSWORD


def test_the_beginning_of_a_long_password_does_not_match(app: Flask) -> None:
    password = "x" * config.LONGEST_PASSWORD
    with app.app_context():
        stored = passwords.hash_password(password)
        assert passwords.verify(password, stored)
        assert not passwords.verify(password + "x", stored)


@pytest.mark.parametrize(
    ("password", "longest"),
    [
        ("tangerine lorry " * 8, 32),
        ("4@8({[<3691!|70$5+%2" * 6, 12),
        ("4@8({[<3691!" + "a" * 100, 12),
    ],
)
def test_only_the_first_characters_are_estimated(
    app: Flask, monkeypatch: pytest.MonkeyPatch, password: str, longest: int
) -> None:
    """Estimating all of a long password may take seconds, and anyone may send one."""
    estimated: list[str] = []

    def estimate(text: str, user_inputs: list[str]) -> dict[str, int]:
        # zxcvbn keeps the words of one person where another thread would find them.
        assert passwords._estimating.locked()
        estimated.append(text)
        return {"score": 4}

    monkeypatch.setattr(zxcvbn, "zxcvbn", estimate)
    with app.app_context():
        passwords.check(password, [])
    assert [len(text) for text in estimated] == [longest]


def test_checking_passwords_is_limited(make_app: MakeApp) -> None:
    app = make_app(LIMIT_NEW_PASSWORDS_BY_IP="2 per minute")
    with app.app_context():
        for _ in range(2):
            with pytest.raises(InvalidInput):
                registration.register("Ada", "ada@example.com", "password1234", CLIENT)
        # What is too short costs nothing, and is not counted.
        with pytest.raises(InvalidInput):
            registration.register("Ada", "ada@example.com", "short", CLIENT)
        with pytest.raises(LimitReached):
            registration.register("Ada", "ada@example.com", PASSWORD, CLIENT)


@pytest.mark.parametrize("password", ["F34th3rst0n3h4ugh", "f3ath3rst0nehaugh!"])
def test_a_name_with_digits_for_letters_is_easy_to_guess(app: Flask, password: str) -> None:
    with app.app_context():
        passwords.check(password, ["Ada Lovelace"])
        with pytest.raises(InvalidInput, match="easy to guess"):
            passwords.check(password, ["Wilhelmina Featherstonehaugh"])


def test_a_password_that_becomes_too_long_is_refused_by_its_field(app: Flask) -> None:
    with app.app_context(), pytest.raises(InvalidInput) as refusal:
        passwords.check("\ufb03 tangerine lorry" * 7, [])  # a ligature of three letters
    (message,) = refusal.value.errors["password"]
    assert message.endswith("Some of these count as several.")


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
def test_a_strong_password_may_contain_any_character(app: Flask, password: str) -> None:
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


def test_a_lone_surrogate_does_not_crash(app: Flask) -> None:
    with app.app_context():
        assert not passwords.verify("\ud800", passwords.hash_password(PASSWORD))


def test_the_hash_has_the_cost_that_owasp_recommends(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    method = config.DEFAULTS["PASSWORD_HASH_METHOD"]
    app = make_app(PASSWORD_HASH_METHOD=method, TESTING=False)
    assert "OWASP" not in caplog.text
    with app.app_context():
        assert passwords.hash_password(PASSWORD).startswith(f"{method}$")


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


def test_an_unknown_account_costs_the_same_and_never_matches(app: Flask) -> None:
    with app.app_context():
        assert not passwords.verify("", None)


def test_an_old_hash_takes_the_same_work_as_an_unknown_account(
    app: Flask, make_app: MakeApp
) -> None:
    """Otherwise, after a change of method, the time would reveal who has an account."""
    old = add_account(make_app(PASSWORD_HASH_METHOD="scrypt:512:1:1"), "old@example.com")
    older = add_account(make_app(PASSWORD_HASH_METHOD="scrypt:1024:1:1"), "older@example.com")
    app = make_app()
    new = add_account(app, "new@example.com")
    works = []
    for email in (old, older, new, "nobody@example.com"):
        with app.app_context(), counted(app) as work, pytest.raises(WrongCredentials):
            authentication.sign_in(email, "not the right one", CLIENT, KIND)
        works.append(sorted(each for each in work if each.startswith("scrypt")))
    assert works == [["scrypt:1024:1:1", "scrypt:256:1:1", "scrypt:512:1:1"]] * 4


def test_a_method_that_another_process_used_is_known_once_it_was_seen(
    app: Flask, account: str
) -> None:
    with app.app_context():
        passwords.hash_password(PASSWORD)  # this process looked up which methods are in use
        other = generate_password_hash(PASSWORD, "scrypt:512:1:1")
        db.session.execute(update(Account).values(password_hash=other))
        db.session.commit()
        passwords.verify("wrong", other)
        with counted(app) as known:
            passwords.verify("wrong", other)
        with counted(app) as unknown:
            passwords.verify("wrong", None)
    costs = [
        sorted(each for each in work if each.startswith("scrypt")) for work in (known, unknown)
    ]
    assert costs == [["scrypt:256:1:1", "scrypt:512:1:1"]] * 2


def test_a_right_password_is_hashed_once(app: Flask, account: str) -> None:
    with app.app_context(), counted(app) as work:
        authentication.sign_in(account, PASSWORD, CLIENT, KIND)
    assert [each for each in work if each.startswith("scrypt")] == ["scrypt:256:1:1"]


@pytest.mark.parametrize("imported", ["imported", "$2b$12$salt-and-hash", "argon2$salt$hash"])
def test_a_hash_of_an_unknown_method_never_matches(app: Flask, account: str, imported: str) -> None:
    with app.app_context():
        db.session.execute(update(Account).values(password_hash=imported))
        db.session.commit()
        app.extensions.pop("hash_methods", None)  # as in a new process
        add_account(app, "eve@example.com")
        assert authentication.sign_in("eve@example.com", PASSWORD, CLIENT, KIND)
        with pytest.raises(WrongCredentials):
            authentication.sign_in(account, PASSWORD, CLIENT, KIND)
        searches: list[str] = []

        def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
            searches.extend(re.findall("LIKE", statement))

        event.listen(db.engine, "before_cursor_execute", note)
        with pytest.raises(WrongCredentials):
            authentication.sign_in(account, PASSWORD, CLIENT, KIND)
        event.remove(db.engine, "before_cursor_execute", note)
        assert not searches  # of the whole table
