"""Passkeys, as a client uses them."""

import json
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, update

from app.accounts.client import Client
from app.accounts.models import Account, Challenge, Passkey, Session
from app.accounts.passkeys import store
from app.extensions import db, transaction
from tests.api.conftest import Answer, ApiClient, errors_of
from tests.authenticator import Authenticator
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.software_authenticator import SoftwareAuthenticator, forged

ADA = "ada@example.com"
CONFIRMED = {"current_password": PASSWORD}
MISSING = "00000000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def standing_clock(clock: time_machine.Traveller) -> None:
    """Stop the clock, so that a test decides what time it is."""


def begin(client: ApiClient, **fields: str) -> Any:
    """Return the options for a new passkey."""
    begun = client.call("POST /account/passkeys/options", CONFIRMED | fields)
    assert begun.status_code == 200, begun.text
    return begun.json


def add(client: ApiClient, phone: SoftwareAuthenticator, name: str | None = "Phone") -> Answer:
    """Return the response to a new passkey."""
    begun = begin(client)
    body = {"challenge": begun["challenge"], "name": name}
    credential = phone.create(begun["options"])
    return client.call("POST /account/passkeys", {**body, "credential": credential})


def begin_sign_in(client: ApiClient) -> Any:
    """Return the options of a sign-in."""
    begun = client.call("POST /passkeys/options", {})
    assert begun.status_code == 200, begun.text
    return begun.json


def sign_in(client: ApiClient, phone: SoftwareAuthenticator, **fields: Any) -> Answer:
    """Return the response to a sign-in, whose fields can be replaced."""
    begun = begin_sign_in(client)
    body = {"challenge": begun["challenge"], "credential": phone.get(begun["options"])}
    return client.call("POST /sessions/passkey", body | fields)


@pytest.fixture
def phone(ada: ApiClient) -> SoftwareAuthenticator:
    """A passkey of Ada's."""
    made = SoftwareAuthenticator()
    assert add(ada, made).status_code == 201
    return made


def count(app: Flask, model: type) -> int:
    """Return the number of rows in a table."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0


def test_a_passkey_is_added_listed_renamed_and_removed(ada: ApiClient, inbox: Inbox) -> None:
    added = add(ada, SoftwareAuthenticator())
    assert added.status_code == 201, added.text
    passkey = added.json
    assert passkey == {
        "id": passkey["id"],
        "name": "Phone",
        "created_at": "2026-01-31T12:00:00Z",
        "last_used_at": None,
        "synced": True,
    }
    path = f"/account/passkeys/{passkey['id']}"
    assert added.headers["Location"] == f"/api/v1{path}"
    assert ada.call("GET /account/passkeys").json == {"passkeys": [passkey]}
    assert ada.call("GET /account/factors").json["passkeys"] == 1
    renamed = ada.call(f"PATCH {path}", {"name": " Tablet "})
    assert renamed.json == passkey | {"name": "Tablet"}
    assert ada.call("GET /account/passkeys").json["passkeys"] == [renamed.json]
    assert set(errors_of(ada.call(f"DELETE {path}", {"current_password": "wrong"}))) == {
        "current_password"
    }
    assert ada.call(f"DELETE {path}", CONFIRMED).status_code == 204
    assert ada.call("GET /account/passkeys").json == {"passkeys": []}
    assert ada.call(f"DELETE {path}", CONFIRMED).status_code == 404
    subjects = [mail.subject.split(" · ")[0] for mail in inbox.to(ADA)]
    assert subjects == [
        "A passkey was added to your account",
        "A passkey was removed from your account",
    ]


def test_options_are_as_browsers_take_them(ada: ApiClient, phone: SoftwareAuthenticator) -> None:
    begun = begin_sign_in(ada)
    assert begun == {
        "challenge": begun["challenge"],
        "options": {
            "challenge": begun["challenge"],
            "rpId": "localhost",
            "timeout": 300_000,
            "userVerification": "required",
        },
        "expires_at": "2026-01-31T12:05:00Z",
    }
    begun = begin(ada)
    assert begun["options"]["challenge"] == begun["challenge"]
    assert begun["options"]["attestation"] == "none"
    assert len(begun["options"]["excludeCredentials"]) == 1


def test_it_signs_in_without_a_password(api: ApiClient, phone: SoftwareAuthenticator) -> None:
    signed_in = sign_in(api, phone)
    assert signed_in.status_code == 201, signed_in.text
    assert set(signed_in.json) == {"token", "token_type", "expires_at", "device", "account"}
    assert signed_in.json["account"]["email"] == ADA
    assert signed_in.headers["Location"].startswith("/api/v1/sessions/")
    ada = ApiClient(api.app, signed_in.json["token"])
    assert ada.call("GET /account").json["email"] == ADA
    (passkey,) = ada.call("GET /account/passkeys").json["passkeys"]
    assert passkey["last_used_at"] == "2026-01-31T12:00:00Z"


def test_a_passkey_needs_no_code(ada: ApiClient, phone: SoftwareAuthenticator) -> None:
    started = ada.call("POST /account/factors/totp", CONFIRMED)
    authenticator = Authenticator(started.json["secret"])
    ada.call("PUT /account/factors/totp", {"code": authenticator.code(-1)})
    assert sign_in(ApiClient(ada.app), phone).status_code == 201
    refused = ada.call("POST /account/passkeys/options", CONFIRMED)
    assert set(errors_of(refused)) == {"code"}
    wrong = {"code": authenticator.wrong_code()}
    assert set(errors_of(ada.call("POST /account/passkeys/options", CONFIRMED | wrong))) == {"code"}
    assert begin(ada, code=authenticator.code())
    # With the right code, the password is still needed.
    body = {"current_password": "wrong", "code": authenticator.code(1)}
    refused = ada.call("POST /account/passkeys/options", body)
    assert set(errors_of(refused)) == {"current_password"}


def test_turning_codes_on_ends_challenges_begun_without_one(ada: ApiClient) -> None:
    begun, phone = begin(ada), SoftwareAuthenticator()
    started = ada.call("POST /account/factors/totp", CONFIRMED)
    code = Authenticator(started.json["secret"]).code()
    assert ada.call("PUT /account/factors/totp", {"code": code}).status_code == 200
    body = {"challenge": begun["challenge"], "name": None}
    refused = ada.call(
        "POST /account/passkeys", {**body, "credential": phone.create(begun["options"])}
    )
    assert set(errors_of(refused)) == {"challenge"}


def test_a_known_device_gets_no_email(
    api: ApiClient, phone: SoftwareAuthenticator, inbox: Inbox
) -> None:
    device = sign_in(api, phone).json["device"]
    mails = len(inbox.to(ADA))
    assert sign_in(api, phone, device=device).json["device"] == device
    assert len(inbox.to(ADA)) == mails
    sign_in(api, phone)
    assert len(inbox.to(ADA)) == mails + 1


def test_every_wrong_credential_gets_the_same_response(
    api: ApiClient, phone: SoftwareAuthenticator
) -> None:
    begun = begin_sign_in(api)
    right = phone.get(begun["options"])
    stranger = SoftwareAuthenticator(user_handle=phone.user_handle)
    wrong = [
        forged(right),
        stranger.get(begun["options"]),
        phone.get(begun["options"], origin="https://evil.example"),
        {},
        {**right, "response": 7},
    ]
    texts = set()
    for credential in wrong:
        body = {"challenge": begin_sign_in(api)["challenge"], "credential": credential}
        answer = api.call("POST /sessions/passkey", body)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
        texts.add(answer.text)
    assert len(texts) == 1
    assert "password" not in texts.pop()


def test_an_expired_or_used_challenge_is_named(
    api: ApiClient, phone: SoftwareAuthenticator, clock: time_machine.Traveller
) -> None:
    begun = begin_sign_in(api)
    body = {"challenge": begun["challenge"], "credential": phone.get(begun["options"])}
    assert api.call("POST /sessions/passkey", body).status_code == 201
    assert set(errors_of(api.call("POST /sessions/passkey", body))) == {"challenge"}
    assert set(errors_of(sign_in(api, phone, challenge="x"))) == {"challenge"}
    begun = begin_sign_in(api)
    clock.shift(300)
    body = {"challenge": begun["challenge"], "credential": phone.get(begun["options"])}
    assert set(errors_of(api.call("POST /sessions/passkey", body))) == {"challenge"}


def test_an_unconfirmed_account_is_named_and_a_disabled_one_is_not(
    app: Flask, api: ApiClient, phone: SoftwareAuthenticator
) -> None:
    with app.app_context(), transaction():
        db.session.execute(update(Account).values(confirmed_at=None))
    assert sign_in(api, phone).status_code == 403
    with app.app_context(), transaction():
        db.session.execute(update(Account).values(disabled_at=Account.created_at))
    assert sign_in(api, phone).status_code == 401
    assert count(app, Session) == 1


def test_a_refused_credential_is_named(ada: ApiClient) -> None:
    begun = begin(ada)
    credential = SoftwareAuthenticator().create(begun["options"], origin="https://evil.example")
    body = {"challenge": begun["challenge"], "name": "Phone", "credential": credential}
    assert set(errors_of(ada.call("POST /account/passkeys", body))) == {"credential"}
    assert set(errors_of(ada.call("POST /account/passkeys", body))) == {"challenge"}
    assert count(ada.app, Passkey) == 0


def test_without_a_name_it_is_named_after_its_password_manager(ada: ApiClient) -> None:
    apple = SoftwareAuthenticator(aaguid=bytes.fromhex("fbfc3007154e4ecc8c0b6e020557d7bd"))
    assert add(ada, apple, name=None).json["name"] == "Apple Passwords"
    assert errors_of(add(ada, SoftwareAuthenticator(), name=" ")) == {"name": ["Enter a name."]}
    body = {"challenge": "x", "credential": {}}
    assert set(errors_of(ada.call("POST /account/passkeys", body))) == {"name"}


def test_too_many_passkeys_are_refused_at_the_options(make_app: MakeApp) -> None:
    app = make_app(PASSKEYS_PER_ACCOUNT=1)
    ada = ApiClient(app).sign_in(add_account(app))
    assert add(ada, SoftwareAuthenticator()).status_code == 201
    assert set(errors_of(ada.call("POST /account/passkeys/options", CONFIRMED))) == {"body"}


def test_a_passkey_of_another_account_is_not_found(
    app: Flask, ada: ApiClient, phone: SoftwareAuthenticator
) -> None:
    (passkey,) = ada.call("GET /account/passkeys").json["passkeys"]
    eve = ApiClient(app).sign_in(add_account(app, "eve@example.com"))
    for name in (passkey["id"], MISSING, "nonsense", "options"):
        assert eve.call(f"PATCH /account/passkeys/{name}", {"name": "Mine"}).status_code in (
            404,
            405,
        )
        assert eve.call(f"DELETE /account/passkeys/{name}", CONFIRMED).status_code in (404, 405)
    assert ada.call("GET /account/passkeys").json["passkeys"] == [passkey]
    # A challenge of hers is good for nobody else either.
    begun = begin(ada)
    made = SoftwareAuthenticator().create(begun["options"])
    body = {"challenge": begun["challenge"], "name": "Mine", "credential": made}
    assert set(errors_of(eve.call("POST /account/passkeys", body))) == {"challenge"}


def test_a_passkey_removed_in_the_meantime_is_not_found(
    ada: ApiClient, phone: SoftwareAuthenticator, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = store.find

    def interrupted(account: Account, public_id: str) -> Passkey | None:
        found = find(account, public_id)
        assert found is not None
        store.remove(found, Client())
        return found

    monkeypatch.setattr(store, "find", interrupted)
    for line, body in (("PATCH", {"name": "Tablet"}), ("DELETE", CONFIRMED)):
        (passkey,) = ada.call("GET /account/passkeys").json["passkeys"]
        assert ada.call(f"{line} /account/passkeys/{passkey['id']}", body).status_code == 404
        add(ada, SoftwareAuthenticator())


def test_a_removed_passkey_does_not_sign_in(ada: ApiClient, phone: SoftwareAuthenticator) -> None:
    (passkey,) = ada.call("GET /account/passkeys").json["passkeys"]
    ada.call(f"DELETE /account/passkeys/{passkey['id']}", CONFIRMED)
    assert sign_in(ApiClient(ada.app), phone).status_code == 401


def test_it_survives_a_reset_and_a_new_password_but_not_the_account(
    api: ApiClient, ada: ApiClient, phone: SoftwareAuthenticator, inbox: Inbox
) -> None:
    api.call("POST /password-resets", {"email": ADA})
    body = {"token": inbox.token(ADA), "password": "tangerine lorry at dusk"}
    assert api.call("PUT /password-resets", body).status_code == 200
    signed_in = sign_in(api, phone)
    ada = ApiClient(api.app, signed_in.json["token"])
    assert ada.call("DELETE /account", {"password": body["password"]}).status_code == 204
    assert sign_in(api, phone).status_code == 401
    assert count(api.app, Passkey) == 0


def test_a_new_address_ends_pending_challenges(ada: ApiClient, inbox: Inbox) -> None:
    waiting = begin(ada)
    ada.call("PUT /account/email", CONFIRMED | {"email": "new@example.com"})
    token = inbox.token("new@example.com")
    assert ada.call("PUT /account/email/confirmation", {"token": token}).status_code == 204
    made = SoftwareAuthenticator().create(waiting["options"])
    body = {"challenge": waiting["challenge"], "name": None, "credential": made}
    assert set(errors_of(ada.call("POST /account/passkeys", body))) == {"challenge"}
    assert count(ada.app, Challenge) == 0


def test_an_export_describes_the_passkey_without_its_key(
    ada: ApiClient, phone: SoftwareAuthenticator
) -> None:
    begin(ada)
    exported = ada.call("GET /account/export").json
    (passkey,) = exported["passkeys"]
    assert set(passkey) == {
        "id",
        "name",
        "sign_count",
        "device_bound",
        "synced",
        "created_at",
        "last_used_at",
    }
    (challenge,) = exported["challenges"]
    assert set(challenge) == {"purpose", "kind", "created_at", "expires_at"}
    assert str(phone.user_handle) not in json.dumps(exported)


def test_sign_ins_with_passkeys_are_limited_by_ip_address(make_app: MakeApp) -> None:
    app = make_app(LIMIT_PASSKEYS_BY_IP="2 per minute")
    api = ApiClient(app)
    for line, body in {
        "POST /passkeys/options": {},
        "POST /sessions/passkey": {"challenge": "x", "credential": {}},
    }.items():
        assert [api.call(line, body).status_code < 429 for _ in range(2)] == [True, True]
        answer = api.call(line, body)
        assert answer.status_code == 429
        assert int(answer.headers["Retry-After"]) > 0


def test_an_app_at_an_ip_address_has_no_passkeys(make_app: MakeApp) -> None:
    api = ApiClient(make_app(BASE_URL="https://127.0.0.1"))
    host = {"Host": "127.0.0.1"}
    for line in ("POST /passkeys/options", "POST /sessions/passkey", "GET /account/passkeys"):
        assert api.call(line, {}, headers=host).status_code == 404
    paths = api.call("GET /openapi.json", headers=host).json["paths"]
    assert not [path for path in paths if "passkey" in path]
