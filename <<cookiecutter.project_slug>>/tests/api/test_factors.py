"""Two-factor authentication, as a client uses it."""

from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from app.accounts import authentication
from app.accounts.models import Session
from app.extensions import db
from tests.api.conftest import Answer, ApiClient, errors_of
from tests.authenticator import STEP, Authenticator
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.software_authenticator import SoftwareAuthenticator

CREDENTIALS = {"email": "ada@example.com", "password": PASSWORD}
CONFIRMED = {"current_password": PASSWORD}
PROTECTED = [
    ("POST", "/account/factors/totp"),
    ("DELETE", "/account/factors/totp"),
    ("POST", "/account/recovery-codes"),
]


@pytest.fixture(autouse=True)
def standing_clock(clock: time_machine.Traveller) -> None:
    """Stop the clock, so that a test decides which code is shown."""


def turn_on(client: ApiClient) -> Authenticator:
    """Set an authenticator app up, and keep the recovery codes."""
    started = client.call("POST /account/factors/totp", CONFIRMED)
    assert started.status_code == 201, started.text
    phone = Authenticator(started.json["secret"])
    confirmed = client.call("PUT /account/factors/totp", {"code": phone.code(-1)})
    assert confirmed.status_code == 200, confirmed.text
    phone.recovery_codes = confirmed.json["recovery_codes"]
    return phone


@pytest.fixture
def phone(ada: ApiClient) -> Authenticator:
    """Ada's authenticator app; `ada` stays signed in."""
    return turn_on(ada)


def first_step(client: ApiClient, **fields: str) -> str:
    """Return the challenge of a sign-in with a right password."""
    answer = client.call("POST /sessions", CREDENTIALS | fields)
    assert answer.status_code == 401, answer.text
    return str(answer.json["challenge"])


def second_step(client: ApiClient, code: str, **fields: str) -> Answer:
    """Return the response to the code of a sign-in."""
    body = {"challenge": fields.pop("challenge", None) or first_step(client), "code": code}
    return client.call("POST /sessions/factor", body | fields)


def sessions(app: Flask) -> int:
    """Return how many sessions there are."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Session)) or 0


def test_a_sign_in_takes_two_steps(ada: ApiClient, api: ApiClient, phone: Authenticator) -> None:
    answer = api.call("POST /sessions", CREDENTIALS)
    assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    challenge = answer.json.pop("challenge")
    assert {name: value for name, value in answer.json.items() if name != "challenge"} == {
        "type": "/api/docs#second-factor",
        "title": "Unauthorized",
        "status": 401,
        "detail": "The password is right. Complete the sign-in with a code.",
        "methods": ["totp", "recovery_code"],
        "expires_at": "2026-01-31T12:10:00Z",
    }
    assert sessions(api.app) == 1
    signed_in = second_step(api, phone.code(), challenge=challenge)
    assert signed_in.status_code == 201
    assert set(signed_in.json) == {"token", "token_type", "expires_at", "device", "account"}
    assert signed_in.headers["Location"].startswith("/api/v1/sessions/")
    client = ApiClient(api.app, signed_in.json["token"])
    assert client.call("GET /account").json == signed_in.json["account"]


def test_the_challenge_does_not_work_as_a_token(api: ApiClient, phone: Authenticator) -> None:
    challenge = first_step(api)
    assert ApiClient(api.app, challenge).call("GET /account").status_code == 401


def test_other_responses_to_a_sign_in_are_unchanged(
    app: Flask, api: ApiClient, phone: Authenticator
) -> None:
    wrong = api.call("POST /sessions", CREDENTIALS | {"password": "wrong"})
    unknown = api.call("POST /sessions", CREDENTIALS | {"email": "nobody@example.com"})
    assert (wrong.status_code, wrong.json) == (unknown.status_code, unknown.json)
    assert wrong.json["type"] == "about:blank"
    add_account(app, "eve@example.com")
    assert api.sign_in("eve@example.com")


def test_a_wrong_code_leaves_the_challenge_as_it_is(api: ApiClient, phone: Authenticator) -> None:
    challenge = first_step(api)
    for code in phone.wrong_codes():
        assert set(errors_of(second_step(api, code, challenge=challenge))) == {"code"}
    assert second_step(api, phone.code(), challenge=challenge).status_code == 201


def test_a_code_and_a_challenge_work_once(
    api: ApiClient, phone: Authenticator, clock: time_machine.Traveller
) -> None:
    challenge, code = first_step(api), phone.code()
    assert second_step(api, code, challenge=challenge).status_code == 201
    assert set(errors_of(second_step(api, code))) == {"code"}
    clock.shift(STEP)
    again = second_step(api, phone.code(), challenge=challenge)
    assert set(errors_of(again)) == {"challenge"}
    assert second_step(api, phone.code()).status_code == 201


@pytest.mark.parametrize("challenge", ["x", "x" * 43, "\0", "x" * 9999])
def test_an_invalid_challenge_is_refused(
    api: ApiClient, phone: Authenticator, challenge: str
) -> None:
    answer = second_step(api, phone.code(), challenge=challenge)
    assert set(errors_of(answer)) == {"challenge"}


def test_a_challenge_ends_after_ten_minutes(
    api: ApiClient, phone: Authenticator, clock: time_machine.Traveller
) -> None:
    challenge = first_step(api)
    clock.shift(10 * 60)
    answer = second_step(api, phone.code(), challenge=challenge)
    assert set(errors_of(answer)) == {"challenge"}


def test_a_challenge_does_not_open_another_account(
    app: Flask, api: ApiClient, phone: Authenticator
) -> None:
    eve = api.sign_in(add_account(app, "eve@example.com"))
    theirs = turn_on(eve)
    answer = second_step(api, theirs.code(), challenge=first_step(api))
    assert set(errors_of(answer)) == {"code"}


def test_each_recovery_code_works_once(
    ada: ApiClient, api: ApiClient, phone: Authenticator, inbox: Inbox
) -> None:
    first, second = phone.recovery_codes[:2]
    assert second_step(api, first).status_code == 201
    assert set(errors_of(second_step(api, first))) == {"code"}
    assert second_step(api, second.lower().replace("-", " ")).status_code == 201
    assert ada.call("GET /account/factors").json["recovery_codes_left"] == 6
    told = " ".join(mail.body for mail in inbox.to("ada@example.com"))
    assert "6 recovery codes left" in told.replace("\n", " ")


def test_after_ten_wrong_codes_even_the_right_one_is_refused(
    api: ApiClient, phone: Authenticator, clock: time_machine.Traveller
) -> None:
    challenge = first_step(api)
    statuses = [
        second_step(api, phone.wrong_code(), challenge=challenge).status_code for _ in range(11)
    ]
    assert statuses == [422] * 10 + [429]
    answer = second_step(api, phone.code(), challenge=challenge)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["Retry-After"]) <= 15 * 60
    clock.shift(15 * 60)
    assert second_step(api, phone.code()).status_code == 201


def test_the_device_stays_known(api: ApiClient, phone: Authenticator) -> None:
    device = second_step(api, phone.code()).json["device"]
    challenge = first_step(api, device=device)
    code = phone.recovery_codes[0]
    assert second_step(api, code, challenge=challenge, device=device).json["device"] == device


def test_the_second_step_need_not_name_the_device_again(
    api: ApiClient, phone: Authenticator, inbox: Inbox
) -> None:
    device = second_step(api, phone.code()).json["device"]
    emails = len(inbox.to("ada@example.com"))
    challenge = first_step(api, device=device)
    answer = second_step(api, phone.code(1), challenge=challenge)
    assert len(inbox.to("ada@example.com")) == emails
    assert answer.json["device"] != device
    # The old one is forgotten, so that an account's devices don't add up.
    challenge = first_step(api, device=device)
    second_step(api, phone.recovery_codes[0], challenge=challenge)
    subjects = [email.subject for email in inbox.to("ada@example.com")[emails:]]
    assert any(subject.startswith("New sign-in") for subject in subjects), subjects


def test_it_is_off_until_a_code_is_confirmed(ada: ApiClient, inbox: Inbox) -> None:
    off = {"totp": None, "recovery_codes_left": 0, "passkeys": 0}
    assert ada.call("GET /account/factors").json == off
    started = ada.call("POST /account/factors/totp", CONFIRMED)
    assert set(started.json) == {"secret", "uri", "expires_at"}
    assert started.json["expires_at"] == "2026-01-31T12:30:00Z"
    assert f"secret={started.json['secret']}" in started.json["uri"]
    assert started.headers["Location"] == "/api/v1/account/factors/totp"
    assert ada.call("GET /account/factors").json == off
    assert ada.sign_in("ada@example.com")
    code = Authenticator(started.json["secret"]).code()
    confirmed = ada.call("PUT /account/factors/totp", {"code": code})
    assert len(confirmed.json["recovery_codes"]) == 8
    assert ada.call("GET /account/factors").json == {
        "totp": {"confirmed_at": "2026-01-31T12:00:00Z"},
        "recovery_codes_left": 8,
        "passkeys": 0,
    }
    assert "turned on" in inbox.to("ada@example.com")[-1].subject


def test_the_same_key_waits_until_it_is_confirmed(
    ada: ApiClient, clock: time_machine.Traveller
) -> None:
    first = ada.call("POST /account/factors/totp", CONFIRMED).json
    wrong = Authenticator(first["secret"]).wrong_code()
    assert set(errors_of(ada.call("PUT /account/factors/totp", {"code": wrong}))) == {"code"}
    clock.shift(30 * 60 - 1)
    assert ada.call("POST /account/factors/totp", CONFIRMED).json == first
    clock.shift(1)
    code = Authenticator(first["secret"]).code()
    assert set(errors_of(ada.call("PUT /account/factors/totp", {"code": code}))) == {"code"}
    assert ada.call("POST /account/factors/totp", CONFIRMED).json["secret"] != first["secret"]


def test_without_a_key_that_waits_a_code_is_refused(ada: ApiClient) -> None:
    answer = ada.call("PUT /account/factors/totp", {"code": "123456"})
    assert set(errors_of(answer)) == {"code"}


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_a_change_needs_the_password_and_a_code(
    ada: ApiClient, phone: Authenticator, method: str, path: str
) -> None:
    line = f"{method} {path}"
    wrong = ada.call(line, {"current_password": "wrong", "code": phone.code()})
    assert set(errors_of(wrong)) == {"current_password"}
    assert set(errors_of(ada.call(line, CONFIRMED))) == {"code"}
    for code in (phone.wrong_code(), phone.code(-1), ""):
        assert set(errors_of(ada.call(line, CONFIRMED | {"code": code}))) == {"code"}
    assert ada.call("GET /account/factors").json["recovery_codes_left"] == 8
    assert ada.call(line, CONFIRMED | {"code": phone.code()}).status_code < 300


@pytest.mark.parametrize(
    "line",
    [
        "POST /account/factors/totp",
        "DELETE /account/factors/totp",
        "POST /account/recovery-codes",
        "DELETE /account/passkeys/{}",
    ],
)
def test_a_password_replaced_meanwhile_allows_no_change(
    ada: ApiClient, phone: Authenticator, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    passkey = SoftwareAuthenticator()
    begun = ada.call("POST /account/passkeys/options", CONFIRMED | {"code": phone.code()}).json
    body = {"name": "Phone", "challenge": begun["challenge"]}
    body |= {"credential": passkey.create(begun["options"])}
    added = ada.call("POST /account/passkeys", body)

    def replaced(proof: authentication.Proof) -> None:
        raise proof.refusal

    monkeypatch.setattr(authentication.Proof, "hold", replaced)
    body = CONFIRMED if "{}" in line else CONFIRMED | {"code": phone.recovery_codes[0]}
    answer = ada.call(line.format(added.json["id"]), body)
    assert (answer.status_code, set(errors_of(answer))) == (422, {"current_password"})
    state = ada.call("GET /account/factors").json
    assert (state["recovery_codes_left"], state["passkeys"]) == (8, 1)


def test_a_wrong_password_does_not_count_as_a_wrong_code(
    ada: ApiClient, phone: Authenticator
) -> None:
    """Otherwise someone who found a device could lock its owner out."""
    for _ in range(9):
        body: dict[str, Any] = {"current_password": "wrong", "code": phone.wrong_code()}
        assert set(errors_of(ada.call("DELETE /account/factors/totp", body))) == {
            "current_password"
        }
    for _ in range(2):
        body = CONFIRMED | {"code": phone.wrong_code()}
        assert set(errors_of(ada.call("DELETE /account/factors/totp", body))) == {"code"}
    body = CONFIRMED | {"code": phone.code()}
    assert ada.call("DELETE /account/factors/totp", body).status_code == 204


def test_codes_are_counted_together_wherever_they_are_typed(
    ada: ApiClient, api: ApiClient, phone: Authenticator
) -> None:
    lines = [f"{method} {path}" for method, path in PROTECTED]
    for number in range(9):
        body = CONFIRMED | {"code": phone.wrong_code()}
        assert set(errors_of(ada.call(lines[number % 3], body))) == {"code"}
    assert set(errors_of(second_step(api, phone.wrong_code()))) == {"code"}
    for line in lines:
        assert ada.call(line, CONFIRMED | {"code": phone.code()}).status_code == 429
    assert second_step(api, phone.code()).status_code == 429


def test_new_recovery_codes_replace_the_old(
    ada: ApiClient, api: ApiClient, phone: Authenticator, inbox: Inbox
) -> None:
    body = CONFIRMED | {"code": phone.recovery_codes[0]}
    shown = ada.call("POST /account/recovery-codes", body).json["recovery_codes"]
    assert len(shown) == 8
    assert set(errors_of(second_step(api, phone.recovery_codes[1]))) == {"code"}
    assert second_step(api, shown[0]).status_code == 201
    subjects = " ".join(mail.subject for mail in inbox.to("ada@example.com"))
    assert "You have new recovery codes" in subjects


def test_turned_off_the_password_is_enough(
    ada: ApiClient, phone: Authenticator, inbox: Inbox
) -> None:
    body = CONFIRMED | {"code": phone.code()}
    assert ada.call("DELETE /account/factors/totp", body).status_code == 204
    assert ada.call("GET /account/factors").json["totp"] is None
    assert ada.sign_in("ada@example.com")
    assert "turned off" in " ".join(mail.subject for mail in inbox.to("ada@example.com"))
    assert set(errors_of(ada.call("DELETE /account/factors/totp", body))) == {"code"}


def test_another_phone_needs_a_code_of_the_first(
    ada: ApiClient, api: ApiClient, phone: Authenticator, clock: time_machine.Traveller
) -> None:
    body = CONFIRMED | {"code": phone.code()}
    started = ada.call("POST /account/factors/totp", body)
    second = Authenticator(started.json["secret"])
    assert second_step(api, phone.recovery_codes[0]).status_code == 201
    confirmed = ada.call("PUT /account/factors/totp", {"code": second.code()})
    assert len(confirmed.json["recovery_codes"]) == 8
    clock.shift(STEP)
    assert set(errors_of(second_step(api, phone.code()))) == {"code"}
    assert second_step(api, second.code()).status_code == 201


def test_an_earlier_session_goes_on_but_cannot_replace_it(
    ada: ApiClient, phone: Authenticator
) -> None:
    assert ada.call("GET /account").status_code == 200
    assert set(errors_of(ada.call("POST /account/factors/totp", CONFIRMED))) == {"code"}


def test_a_reset_leaves_it_on(api: ApiClient, phone: Authenticator, inbox: Inbox) -> None:
    challenge = first_step(api)
    api.call("POST /password-resets", {"email": "ada@example.com"})
    new = "seven purple lanterns adrift"
    body = {"token": inbox.token("ada@example.com"), "password": new}
    assert set(api.call("PUT /password-resets", body).json) == {"device"}
    stale = second_step(api, phone.code(), challenge=challenge)
    assert set(errors_of(stale)) == {"challenge"}
    fresh = first_step(api, password=new)
    assert second_step(api, phone.code(), challenge=fresh).status_code == 201


def test_an_export_holds_no_secret(ada: ApiClient, phone: Authenticator) -> None:
    text = ada.call("GET /account/export").text
    assert "totp_factors" in text
    assert not [secret for secret in (phone.secret, *phone.recovery_codes) if secret in text]


def test_the_page_explains_the_second_step(app: Flask) -> None:
    text = app.test_client().get("/api/docs").text
    part = text.partition('id="second-factor"')[2].partition("</section>")[0]
    assert "POST /api/v1/sessions/factor" in part
    assert "&#34;challenge&#34;" in part


def test_lifetimes_and_numbers_are_settings(make_app: MakeApp) -> None:
    app = make_app(CHALLENGE_SECONDS=60, TOTP_SETUP_SECONDS=120, RECOVERY_CODES=3)
    ada = ApiClient(app).sign_in(add_account(app))
    started = ada.call("POST /account/factors/totp", CONFIRMED).json
    assert started["expires_at"] == "2026-01-31T12:02:00Z"
    code = Authenticator(started["secret"]).code()
    confirmed = ada.call("PUT /account/factors/totp", {"code": code}).json
    assert len(confirmed["recovery_codes"]) == 3
    answer = ApiClient(app).call("POST /sessions", CREDENTIALS)
    assert answer.json["expires_at"] == "2026-01-31T12:01:00Z"
