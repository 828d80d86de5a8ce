"""Whatever is sent to a page, it is refused or taken: never a fault (TESTING raises those).

The same examples on every run; `make fuzz` tries many others.
"""

import io
import json
import re
from collections.abc import Iterable
from itertools import count
from urllib.parse import quote_from_bytes

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import TestResponse

from app.accounts import store, tokens
from app.config import LONGEST_PASSWORD
from app.extensions import db
from tests.conftest import PASSWORD
from tests.web.conftest import Browser, error_of
from tests.work import normalized

# What has taken apps like this down, as bytes: a form can carry any.
HOSTILE = [
    b"",
    b"\x00",
    b"ada\x00@example.com",
    b"\xff\xfe",
    b"\xed\xa0\x80",  # half of a surrogate pair
    b"\xf4\x90\x80\x80",  # beyond Unicode
    b"\r\nBcc: eve@example.com",
    b"9" * 400,
    b"-1",
    b"[]",
    b"{{ 7 * 7 }}<script>",
    b"' OR 1=1 --",
    b"../../etc/passwd",
    b"//evil.example",
    "\u202e\u2028\u0085".encode(),
    ("e" + "\u0301" * 300).encode(),
    ("\ufdfa" * 150).encode(),
    ("👩‍👩‍👧‍👦" * 40).encode(),
    b"a" * 5_000,
    b"a@" + b"b." * 200 + b"example",
    "ada@exämple.com".encode(),
    b"ada@[127.0.0.1]",
    b'"a b"@example.com',
    b"xn--@xn--.com",
    PASSWORD.encode(),
    b"ada@example.com",
]
values = st.one_of(st.sampled_from(HOSTILE), st.text().map(str.encode), st.binary(max_size=200))
# Pages whose form shows what is stored, or was typed before.
FILLED = [("/account/profile", "name"), ("/reset-password", "email"), ("/confirm", "email")]
FIELDS = ["name", "email", "password", "current_password", "remember", "next", "code"]
SIGNED_OUT = ["/register", "/confirm", "/confirm/x", "/login", "/reset-password"]
SIGNED_IN = [
    "/account/profile",
    "/account/password",
    "/account/email",
    "/account/delete",
    "/account/factor/set-up",
    "/reauthenticate",
]
addresses = count(1)


def send(browser: Browser, path: str, fields: Iterable[tuple[str, bytes]]) -> TestResponse:
    """Send fields of any bytes, each time from another network: limits are not what is tested."""
    pairs = [("csrf_token", browser.csrf_token("/confirm").encode()), *fields]
    number = next(addresses)
    return browser.client.post(
        path,
        data="&".join(f"{name}={quote_from_bytes(value)}" for name, value in pairs),
        content_type="application/x-www-form-urlencoded",
        environ_overrides={"REMOTE_ADDR": f"10.0.{number // 250}.{number % 250}"},
    )


@given(fields=st.lists(st.tuples(st.sampled_from(FIELDS), values), max_size=8))
@pytest.mark.parametrize("path", [*SIGNED_OUT, "/login/factor"])
def test_public_forms_handle_any_input(
    app: Flask, path: str, fields: list[tuple[str, bytes]]
) -> None:
    assert send(Browser(app), path, fields).status_code in (303, 413, 422, 429)


@given(fields=st.lists(st.tuples(st.sampled_from(FIELDS), values), max_size=8))
@pytest.mark.parametrize("path", SIGNED_IN)
def test_forms_of_signed_in_people_handle_any_input(
    signed_in: Browser, path: str, fields: list[tuple[str, bytes]]
) -> None:
    assert send(signed_in, path, fields).status_code in (303, 413, 422, 429)


scripts = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)
members = st.sampled_from(["id", "rawId", "type", "response", "userHandle", "signature"])
bodies = st.one_of(
    scripts,
    st.dictionaries(st.sampled_from(["challenge", "credential", "name", "next"]), scripts),
    st.fixed_dictionaries(
        {"challenge": st.text(), "credential": st.dictionaries(members, scripts)},
        optional={"name": st.text(), "next": st.text()},
    ),
)


@given(body=bodies)
@pytest.mark.parametrize(
    "path",
    [
        "/passkeys/options",
        "/passkeys/sign-in",
        "/passkeys/reauthenticate",
        "/account/passkeys/options",
        "/account/passkeys",
    ],
)
def test_script_endpoints_handle_any_input(
    app: Flask, signed_in: Browser, path: str, body: object
) -> None:
    browser = Browser(app) if path == "/passkeys/sign-in" else signed_in
    number = next(addresses)
    answer = browser.client.post(
        path,
        data=json.dumps(body),
        content_type="application/json",
        headers={"X-CSRFToken": browser.csrf_token()},
        environ_overrides={"REMOTE_ADDR": f"10.2.{number // 250}.{number % 250}"},
    )
    assert answer.status_code in (200, 400, 422)


@given(password=values)
def test_reset_forms_handle_any_password(app: Flask, account: str, password: bytes) -> None:
    with app.app_context():
        owner = store.by_email(account)
        assert owner is not None
        token = tokens.issue(owner, "reset", account)
        db.session.commit()
    answer = send(Browser(app), f"/reset-password/{token}", [("password", password)])
    assert answer.status_code in (303, 422)


@pytest.mark.parametrize("path", SIGNED_OUT[:2] + SIGNED_OUT[3:])
@pytest.mark.parametrize("field", FIELDS[:3])
def test_forms_handle_files_in_place_of_fields(app: Flask, path: str, field: str) -> None:
    browser = Browser(app)
    data = {"csrf_token": browser.csrf_token(path), field: (io.BytesIO(b"\x00\xff"), "a\r\nb.txt")}
    answer = browser.client.post(path, data=data, content_type="multipart/form-data")
    assert answer.status_code == 422


@pytest.mark.parametrize("path", SIGNED_OUT + SIGNED_IN)
@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_body_that_is_too_large(signed_in: Browser, path: str, content_type: str) -> None:
    body = b"name=" + b"a" * 1024 * 1024
    answer = signed_in.client.post(path, data=body, content_type=content_type)
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\x00", "multipart/form-data"),
        (b"--x\r\n", "multipart/form-data; boundary=x"),
        (
            b"--x\r\nContent-Disposition: form-data; name=\r\n\r\n\r\n--x--",
            'multipart/form-data; boundary="x"',
        ),
        (b"a=1&" * 5000, "application/x-www-form-urlencoded"),
        (b"{}", "application/json"),
        (b"<a/>", "text/xml; charset=\xff"),
        (b"email=a", "application/x-www-form-urlencoded; charset=utf-7"),
        (b"email=a", "\x00"),
    ],
)
def test_forms_handle_bodies_of_other_types(
    browser: Browser, body: bytes, content_type: str
) -> None:
    answer = browser.client.post("/login", data=body, content_type=content_type)
    assert answer.status_code in (400, 413)


@pytest.mark.parametrize("field", FIELDS[:4])
def test_no_long_text_is_normalized(signed_in: Browser, app: Flask, field: str) -> None:
    """Normalizing a form full of combining marks takes seconds: length is checked first."""
    with normalized() as texts:
        for browser, path in [(Browser(app), path) for path in SIGNED_OUT] + [
            (signed_in, path) for path in SIGNED_IN
        ]:
            send(browser, path, [(field, "\u0301".encode() * 5_000)])
    assert max(map(len, texts)) <= LONGEST_PASSWORD


segments = st.one_of(
    st.sampled_from([*HOSTILE[:14], b".", b"..", b"a/../b", b"%2e%2e", b"\\..\\", b"con", b"~"]),
    st.binary(max_size=40),
)


@given(data=st.data())
def test_any_path_is_handled(signed_in: Browser, data: st.DataObject) -> None:
    rules = sorted(rule.rule for rule in signed_in.client.application.url_map.iter_rules())
    rule = data.draw(st.sampled_from([*rules, "/<>", "/<>/<>"]))
    path = re.sub("<[^>]*>", lambda _: data.draw(segments).decode("latin1"), rule)
    query = data.draw(st.one_of(st.just(b""), values.map(lambda value: b"next=" + value)))
    for method in ("GET", "HEAD", "POST", "DELETE", "OPTIONS"):
        environ = {"PATH_INFO": path, "QUERY_STRING": quote_from_bytes(query, safe="=")}
        answer = signed_in.client.open(method=method, environ_overrides=environ, buffered=True)
        assert answer.status_code < 500


headers = st.dictionaries(
    st.sampled_from(
        [
            "HTTP_USER_AGENT",
            "HTTP_REFERER",
            "HTTP_ORIGIN",
            "HTTP_ACCEPT",
            "HTTP_ACCEPT_LANGUAGE",
            "HTTP_AUTHORIZATION",
            "HTTP_IF_NONE_MATCH",
            "HTTP_IF_MODIFIED_SINCE",
            "HTTP_RANGE",
            "HTTP_X_FORWARDED_FOR",
            "HTTP_SEC_FETCH_SITE",
            "HTTP_HOST",
        ]
    ),
    values.map(lambda value: value.decode("latin1")),
    min_size=1,
)


@given(sent=headers)
def test_any_header_is_handled(app: Flask, account: str, sent: dict[str, str]) -> None:
    browser = Browser(app)
    fields = {
        "csrf_token": browser.csrf_token(),
        "email": account,
        "password": PASSWORD,
    }
    number = next(addresses)
    sent["REMOTE_ADDR"] = f"10.1.{number // 250}.{number % 250}"
    answer = browser.client.post("/login", data=fields, environ_overrides=sent)
    assert answer.status_code in (303, 400)
    for path in ("/account", "/", "/static/style.css"):
        assert browser.client.get(path, environ_overrides=sent, buffered=True).status_code < 500


COOKIES = ["__Host-session", "__Host-remember_token", "__Host-device", "other", ""]


@given(cookies=st.lists(st.tuples(st.sampled_from(COOKIES), values), min_size=1, max_size=4))
def test_any_cookie_is_handled(app: Flask, cookies: list[tuple[str, bytes]]) -> None:
    text = "; ".join(f"{name}={value.decode('latin1')}" for name, value in cookies)
    client = app.test_client(use_cookies=False)
    for path, status in (("/account", 303), ("/login", 200), ("/no-such-page", 404)):
        answer = client.get(path, environ_overrides={"HTTP_COOKIE": text})
        assert answer.status_code == status


@pytest.mark.parametrize(("path", "field"), FILLED)
def test_a_field_that_was_not_sent_is_not_taken_from_the_page(
    browser: Browser, account: str, path: str, field: str
) -> None:
    if path == "/account/profile":
        browser.sign_in(account)
    else:
        browser.submit(path, {"email": account})
        assert account in browser.get(path).text
    token = browser.csrf_token("/account/profile" if path == "/account/profile" else "/login")
    for sent in ({}, {field: (io.BytesIO(b"Eve"), "file")}):
        response = browser.client.post(path, data={"csrf_token": token, **sent})
        assert response.status_code == 422
        assert error_of(response, field)
