"""What counts as a code, and what authenticator apps are given."""

from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from app.accounts import store
from app.accounts.client import Client
from app.accounts.errors import InvalidInput
from app.accounts.factors import codes, recovery_codes, totp
from app.accounts.models import RecoveryCode
from app.extensions import db
from tests.authenticator import STEP, Authenticator
from tests.conftest import MakeApp, add_account

RECOVERY_CODE = "0123-4567-89AB-CDEF-GHJK-MNPQ"


@pytest.mark.parametrize(
    "typed",
    [
        "123456",
        " 123 456 ",
        "123\u00a0456",
        "\t123456\r\n",
        "123-456",
        "12\u30003456",
        "1 2 3 4 5 6",
        "123456".ljust(100),
    ],
)
def test_blanks_in_a_code_make_no_difference(typed: str) -> None:
    assert codes.read(typed) == codes.Code("totp", "123456")


@pytest.mark.parametrize(
    "typed",
    [
        RECOVERY_CODE,
        RECOVERY_CODE.lower(),
        RECOVERY_CODE.replace("-", ""),
        RECOVERY_CODE.replace("-", " "),
        f"  {RECOVERY_CODE}\n",
        RECOVERY_CODE.replace("0", "O").replace("1", "l"),
        RECOVERY_CODE.replace("0", "o").replace("1", "i"),
    ],
)
def test_a_recovery_code_may_be_written_in_several_ways(typed: str) -> None:
    assert codes.read(typed) == codes.Code("recovery_code", RECOVERY_CODE.replace("-", ""))


@pytest.mark.parametrize(
    "typed",
    [
        None,
        "",
        " ",
        "\u00a0\u3000",
        "\0",
        "123456\0",
        "١٢٣٤٥٦",
        "１２３４５６",
        "12345６",
        "१२३४५६",
        "²³¹⁴⁵⁶",
        "12345",
        "1234567",
        "12345a",
        "+12345",
        "1e5000",
        "123456\u200b",
        "\ud800" * 6,
        "U" * 24,
        "０" * 24,
        "ﬁ" * 24,
        "0" * 23,
        "0" * 25,
        "9" * 100_000,
        " " * 60_000 + "123456",
        "-" * 24,
    ],
)
def test_an_invalid_code_is_refused_with_a_message(typed: str | None) -> None:
    with pytest.raises(InvalidInput) as caught:
        codes.read(typed)
    assert list(caught.value.errors) == ["code"]


@pytest.mark.parametrize(("drift", "accepted"), [(0, [0]), (1, [-1, 0, 1]), (2, [-2, -1, 0, 1, 2])])
def test_the_configured_drift_is_accepted_in_both_directions(
    make_app: MakeApp, clock: time_machine.Traveller, drift: int, accepted: list[int]
) -> None:
    app = make_app(TOTP_DRIFT_STEPS=drift)
    with app.app_context():
        secret = totp.new_secret()
        phone = Authenticator(secret)
        shown = {steps: phone.code(steps) for steps in range(-4, 5)}
        for seconds in (0, STEP - 1):
            clock.shift(seconds)
            found = {
                steps: step
                for steps, code in shown.items()
                if (step := totp.matching_step(secret, code)) is not None
            }
            assert list(found) == accepted
            assert [step - found[0] for step in found.values()] == accepted


def test_codes_match_the_examples_of_the_standard() -> None:
    # RFC 6238, appendix B: the key "12345678901234567890", the last six of eight digits.
    phone = Authenticator("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
    for moment, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        with time_machine.travel(moment, tick=False):
            assert phone.code() == code


def test_a_key_has_160_random_bits() -> None:
    secrets = {totp.new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) * 5 for secret in secrets} == {160}


@pytest.mark.parametrize(
    ("settings", "issuer"),
    [({}, None), ({"TOTP_ISSUER": "Söhne: Shop & Co."}, "Söhne  Shop & Co.")],
)
def test_the_uri_names_the_account_to_the_authenticator_app(
    make_app: MakeApp, settings: dict[str, str], issuer: str | None
) -> None:
    app = make_app(**settings)
    add_account(app, "ada+otp@example.com")
    with app.app_context():
        account = store.by_email("ada+otp@example.com")
        assert account is not None
        secret = totp.new_secret()
        uri = urlsplit(totp.uri(secret, account))
    issuer = issuer or app.config["APP_NAME"].replace(":", " ")
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert unquote(uri.path) == f"/{issuer}:ada+otp@example.com"
    assert parse_qs(uri.query) == {"secret": [secret], "issuer": [issuer]}


@pytest.mark.parametrize("typed", ["123456", RECOVERY_CODE])
def test_no_code_is_right_without_a_factor(app: Flask, account: str, typed: str) -> None:
    with app.app_context():
        owner = store.by_email(account)
        assert owner is not None
        with pytest.raises(InvalidInput), codes.spent(owner, typed, Client()):
            pytest.fail("the code was accepted")


def test_a_recovery_code_has_120_random_bits_and_is_not_stored(app: Flask, account: str) -> None:
    with app.app_context():
        owner = store.by_email(account)
        assert owner is not None
        shown = recovery_codes.replace(owner)
        db.session.commit()
        rows = db.session.scalars(select(RecoveryCode.code_hash)).all()
    assert len(set(shown)) == len(set(rows)) == 8
    for code in shown:
        assert len(code.replace("-", "")) * 5 == 120
        assert set(code) <= set("0123456789ABCDEFGHJKMNPQRSTVWXYZ-")
        assert [len(group) for group in code.split("-")] == [4] * 6
    assert not {code.replace("-", "") for code in shown} & set(rows)
    assert {len(row) for row in rows} == {64}
