"""Values that have crashed other apps are accepted or refused, but never cause a 500."""

import json

import pytest

from app.config import LONGEST_PASSWORD
from tests.api.conftest import ApiClient
from tests.conftest import PASSWORD
from tests.work import normalized

VALUES: dict[str, object] = {
    "nothing": None,
    "true": True,
    "integer": 10**400,
    "float": 1e308,
    "infinity": float("inf"),
    "not a number": float("nan"),
    "list": [[[]]],
    "object": {"$ne": ""},
    "empty": "",
    "blank": " \t\n",
    "nul": "a\u0000b@example.com\u0000",
    "controls": "\u0001\u001b[31m\u0085\u2028",
    "surrogate": "\ud83d half",
    "bidi": "\u202egnp.exe",
    "combining": "e" + "\u0301" * 200,
    "ligature": "\ufdfa" * 128,
    "emoji": "👩‍👩‍👧‍👦" * 20,
    "sql": "' OR 1=1; --",
    "template": "{{ 7 * 7 }} <script>",
    "lines": "a@example.com\r\nBcc: eve@example.com",
    "long": "x" * 60000,
    "long address": "a" * 64 + "@" + "b" * 60 + ".example.com",
}
ID = "00000000-0000-4000-8000-000000000000"
BODIES: dict[str, dict[str, object]] = {
    "POST /accounts": {"name": "Ada", "email": "eve@example.com", "password": PASSWORD},
    "POST /confirmations": {"email": "eve@example.com"},
    "PUT /confirmations": {"token": "x"},
    "POST /sessions": {"email": "ada@example.com", "password": PASSWORD},
    "POST /password-resets": {"email": "eve@example.com"},
    "PUT /password-resets": {"token": "x", "password": PASSWORD},
    "PATCH /account": {"name": "Ada"},
    "PUT /account/password": {"current_password": PASSWORD, "password": PASSWORD},
    "PUT /account/email": {"current_password": PASSWORD, "email": "eve@example.com"},
    "PUT /account/email/confirmation": {"token": "x"},
    "POST /sessions/factor": {"challenge": "x", "code": "123456"},
    "POST /account/factors/totp": {"current_password": PASSWORD},
    "PUT /account/factors/totp": {"code": "123456"},
    "DELETE /account/factors/totp": {"current_password": PASSWORD, "code": "123456"},
    "POST /account/recovery-codes": {"current_password": PASSWORD, "code": "123456"},
    "POST /account/passkeys/options": {"current_password": PASSWORD},
    "POST /account/passkeys": {"challenge": "x", "name": "Phone", "credential": {}},
    "POST /sessions/passkey": {"challenge": "x", "credential": {}},
    f"PATCH /account/passkeys/{ID}": {"name": "Phone"},
    f"DELETE /account/passkeys/{ID}": {"current_password": PASSWORD},
    "DELETE /account": {"password": "x"},
}
FIELDS = [(line, field) for line, body in BODIES.items() for field in body]


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES.keys())
def test_no_value_of_a_field_causes_a_server_error(ada: ApiClient, value: object) -> None:
    for line, field in FIELDS:
        data = json.dumps({**BODIES[line], field: value})
        answer = ada.call(line, data=data, content_type="application/json")
        assert answer.status_code in (200, 201, 202, 204, 400, 401, 403, 404, 422, 429), (
            line,
            field,
        )


def test_no_long_text_is_normalized(ada: ApiClient) -> None:
    """Normalizing a body full of combining marks takes seconds: length is checked first."""
    with normalized() as texts:
        for line, field in FIELDS:
            answer = ada.call(line, {**BODIES[line], field: "\u0301" * 5_000})
            assert answer.status_code in (401, 404, 422), (line, field)
    assert max(map(len, texts)) <= LONGEST_PASSWORD


@pytest.mark.parametrize("line", BODIES)
def test_wrong_types_name_the_field(ada: ApiClient, line: str) -> None:
    for field in BODIES[line]:
        answer = ada.call(line, {**BODIES[line], field: [1]})
        kind = "a JSON object" if field == "credential" else "a string"
        assert answer.json["errors"] == {field: [f"This must be {kind}."]}


def test_the_last_of_two_equal_keys_counts_for_all(ada: ApiClient) -> None:
    data = b'{"name": "First", "name": "Last"}'
    answer = ada.call("PATCH /account", data=data, content_type="application/json")
    assert answer.json["name"] == "Last"


@pytest.mark.parametrize("name", ["", "\u0000", "__proto__", "a.b", "x" * 1000, "body"])
def test_a_field_of_any_other_name_is_unknown(ada: ApiClient, name: str) -> None:
    answer = ada.call("PATCH /account", {"name": "Ada", name: 1})
    assert answer.json["errors"] == {name: ["Unknown field."]}


@pytest.mark.parametrize("header", ["Bearer \xff\xfe", "Bearer " + "x" * 8000, "Bearer a=b, c=d"])
def test_no_header_causes_a_server_error(ada: ApiClient, header: str) -> None:
    client = ApiClient(ada.app)
    assert client.call("GET /account", headers={"Authorization": header}).status_code == 401
