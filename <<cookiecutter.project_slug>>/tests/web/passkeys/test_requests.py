"""The requests of the page's script: invalid ones are refused."""

import json
from typing import Any

import pytest
from flask import Flask

from tests.web.conftest import Browser
from tests.web.passkeys.conftest import AGAIN, PAGE, SIGN_IN, options, problem


@pytest.mark.parametrize("path", ["/passkeys/options", SIGN_IN, AGAIN, f"{PAGE}/options", PAGE])
def test_a_script_needs_the_token_of_this_browser(
    app: Flask, signed_in: Browser, path: str
) -> None:
    foreign = Browser(app).csrf_token()
    for headers in ({}, {"X-CSRFToken": ""}, {"X-CSRFToken": "x"}, {"X-CSRFToken": foreign}):
        answer = signed_in.client.post(path, json={}, headers=headers)
        assert problem(answer, 400)["detail"].startswith("This page has expired.")
    token = {"X-CSRFToken": signed_in.csrf_token(), "Sec-Fetch-Site": "same-site"}
    problem(signed_in.client.post(path, json={}, headers=token), 400)


def test_attempts_are_limited(app: Flask, browser: Browser) -> None:
    token = {"X-CSRFToken": browser.csrf_token()}
    answers = [browser.client.post("/passkeys/options", json={}, headers=token) for _ in range(21)]
    assert {answer.status_code for answer in answers[:20]} == {200}
    problem(answers[20], 429)
    assert 0 < int(answers[20].headers["Retry-After"]) <= 60


FIELDS = {"challenge": "x", "credential": {}}


@pytest.mark.parametrize(
    ("body", "content_type", "status", "errors"),
    [
        (json.dumps(FIELDS), "text/plain", 415, None),
        (json.dumps(FIELDS), "", 415, None),
        ("a=1", "application/x-www-form-urlencoded", 415, None),
        ("", "application/json", 400, None),
        ("{", "application/json", 400, None),
        ('{"challenge": NaN}', "application/json", 400, None),
        ('{"challenge": "\\ud800", "credential": {}}', "application/json", 400, None),
        (b"\xff\xfe{\x00}\x00", "application/json", 400, None),
        (b'{"challenge": "\xff"}', "application/json", 400, None),
        ("[" * 30_000, "application/json", 400, None),
        ('{"challenge": ' + "9" * 9_000 + "}", "application/json", 400, None),
        ("x" * 70_000, "application/json", 413, None),
        ("[]", "application/json", 422, {"body"}),
        ("null", "application/json", 422, {"body"}),
        ("{}", "application/json", 422, {"challenge", "credential"}),
        ('{"challenge": 1, "credential": "x"}', "application/json", 422, set(FIELDS)),
        (json.dumps(FIELDS | {"next": ["/"]}), "application/json", 422, {"next"}),
        (json.dumps(FIELDS | {"remember": "y"}), "application/json", 422, {"remember"}),
        (json.dumps(FIELDS | {"isAdmin": True}), "application/json", 422, {"isAdmin"}),
        (json.dumps(FIELDS), "application/json", 422, {"challenge"}),
        (json.dumps(FIELDS | {"challenge": "\0" * 9_000}), "application/json", 422, {"challenge"}),
    ],
)
def test_a_body_that_is_wrong_is_refused(
    browser: Browser, body: str | bytes, content_type: str, status: int, errors: set[str] | None
) -> None:
    headers = {"X-CSRFToken": browser.csrf_token()}
    answer = browser.client.post(SIGN_IN, data=body, content_type=content_type, headers=headers)
    members = problem(answer, status)
    assert members.get("errors", {}).keys() == (errors or set())


def test_a_body_that_is_nested_deeply_is_refused(browser: Browser) -> None:
    body = '{"a":' * 9_000 + "1" + "}" * 9_000
    headers = {"X-CSRFToken": browser.csrf_token()}
    answer = browser.client.post(
        SIGN_IN, data=body, content_type="application/json", headers=headers
    )
    # Some Pythons can read it, and find fields that nobody asked for.
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize(
    "credential",
    [
        {},
        {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {}},
        {"id": [], "rawId": {}, "type": 1, "response": None},
        {"id": "\0", "rawId": "x" * 60_000, "type": "public-key", "response": []},
    ],
)
def test_no_credential_causes_a_server_error(
    signed_in: Browser, browser: Browser, credential: dict[str, Any]
) -> None:
    challenge = options(browser)["challenge"]
    answer = browser.send(SIGN_IN, {"challenge": challenge, "credential": credential})
    problem(answer, 401)
    challenge = options(signed_in)["challenge"]
    answer = signed_in.send(AGAIN, {"challenge": challenge, "credential": credential})
    problem(answer, 401)
    challenge = options(signed_in, f"{PAGE}/options")["challenge"]
    answer = signed_in.send(PAGE, {"challenge": challenge, "credential": credential})
    assert set(problem(answer, 422)["errors"]) == {"credential"}
