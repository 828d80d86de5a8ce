"""Opening an account."""

import io
import unicodedata

import pytest
from flask import Flask

from app.accounts.models import NAME_LENGTH
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.web.conftest import Browser, error_of, without_token

VALUES = {"name": "Grace", "email": "grace@example.com", "password": PASSWORD}


def test_a_new_account_waits_for_its_confirmation(browser: Browser, inbox: Inbox) -> None:
    response = browser.submit("/register", VALUES)
    assert (response.status_code, response.location) == (303, "/confirm")
    assert "grace@example.com" in browser.get("/confirm").text
    body = inbox.to("grace@example.com")[0].body
    assert "https://localhost/confirm/" in body
    assert "Confirm your email address first" in browser.sign_in("grace@example.com").text


def test_a_known_address_gets_the_same_response_and_its_owner_an_email(
    app: Flask, inbox: Inbox
) -> None:
    add_account(app, "known@example.com", "Known")
    answers = []
    for email in ("known@example.com", "fresh@example.com"):
        browser = Browser(app)
        response = browser.submit("/register", {**VALUES, "email": email})
        page = without_token(browser.get("/confirm")).replace(email, "")
        names = sorted(name for name, _ in response.headers)
        answers.append((response.status_code, response.location, response.text, names, page))
    assert answers[0] == answers[1]
    assert "already have an account" in inbox.to("known@example.com")[0].subject


def test_a_known_address_keeps_its_name_and_password(app: Flask, account: str) -> None:
    other = {"name": "Mallory", "email": account, "password": "another long secret phrase"}
    Browser(app).submit("/register", other)
    owner = Browser(app)
    assert owner.sign_in(account, other["password"]).status_code == 422
    assert owner.sign_in(account).status_code == 303
    assert "Mallory" not in owner.get("/account").text


def test_case_does_not_make_another_address(browser: Browser, account: str, inbox: Inbox) -> None:
    browser.submit("/register", {**VALUES, "email": account.upper()})
    assert "already have an account" in inbox.to(account)[0].subject


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "   "),
        ("name", "x" * (NAME_LENGTH + 1)),
        ("name", "two\nlines"),
        ("name", "nul\0"),
        ("email", ""),
        ("email", "no address"),
        ("email", f"{'x' * 300}@example.com"),
        ("email", "nul\0@example.com"),
        ("password", ""),
        ("password", "short"),
        ("password", "x" * 129),
        ("password", "password1234"),
        ("password", "grace@example.com"),
    ],
)
def test_a_wrong_value_has_a_message_beside_its_field(
    browser: Browser, inbox: Inbox, field: str, value: str
) -> None:
    response = browser.submit("/register", {**VALUES, field: value})
    assert response.status_code == 422
    assert error_of(response, field)
    others = [name for name in VALUES if name != field and error_of(response, name)]
    assert others == []
    assert inbox.to("grace@example.com") == []


def test_all_wrong_fields_have_messages_and_the_first_is_focused(browser: Browser) -> None:
    response = browser.submit("/register", {"name": "Grace", "email": "x", "password": "y"})
    assert error_of(response, "email")
    assert error_of(response, "password")
    assert response.text.count("autofocus") == 1
    assert response.text.index("autofocus") < response.text.index('name="password"')
    assert "<title>Error: " in response.text


def test_what_was_typed_is_kept_except_the_password(browser: Browser) -> None:
    values = {"name": 'Grace "the <b>', "email": "wrong", "password": "a secret never shown"}
    page = browser.submit("/register", values).text
    assert "Grace &#34;the &lt;b&gt;" in page
    assert 'value="wrong"' in page
    assert "a secret never shown" not in page


def test_missing_fields_count_as_empty(browser: Browser) -> None:
    response = browser.submit("/register")
    assert response.status_code == 422
    assert all(error_of(response, field) for field in VALUES)


@pytest.mark.parametrize("field", ["name", "email", "password"])
def test_a_field_sent_as_a_file_counts_as_empty(browser: Browser, field: str) -> None:
    data = {**VALUES, "csrf_token": browser.csrf_token(), field: (io.BytesIO(b"x"), "x.txt")}
    response = browser.client.post(
        "/register", data=data, content_type="multipart/form-data", headers=browser.headers
    )
    assert response.status_code == 422
    assert error_of(response, field)


def test_undecodable_bytes_cause_no_server_error(browser: Browser) -> None:
    token = browser.csrf_token()
    body = b"name=%ff%fe&email=%ed%a0%80@example.com&password=%00&csrf_token=" + token.encode()
    response = browser.client.post(
        "/register", data=body, content_type="application/x-www-form-urlencoded"
    )
    assert response.status_code == 422


def test_a_password_in_any_script_works_however_it_is_composed(
    browser: Browser, inbox: Inbox
) -> None:
    password = "zażółć gęślą jaźń 🦊 パスワード"
    browser.submit("/register", {**VALUES, "password": unicodedata.normalize("NFC", password)})
    browser.submit(f"/confirm/{inbox.token('grace@example.com')}")
    decomposed = unicodedata.normalize("NFD", password)
    assert browser.sign_in("grace@example.com", decomposed).status_code == 303


def test_registrations_of_one_address_are_limited(browser: Browser) -> None:
    for _ in range(5):
        assert browser.submit("/register", VALUES).status_code == 303
    # Another way to write the address does not help.
    response = browser.submit("/register", {**VALUES, "email": "GRACE@example.com"})
    assert response.status_code == 429
    assert 0 < int(response.headers["Retry-After"]) <= 3600
    assert "minutes before you try again" in response.text


def test_signed_in_people_are_redirected_to_their_account(signed_in: Browser, inbox: Inbox) -> None:
    assert signed_in.get("/register").location == "/account"
    response = signed_in.submit("/register", VALUES, page="/account")
    assert (response.status_code, response.location) == (303, "/account")
    assert inbox.to("grace@example.com") == []


def test_fields_in_the_url_are_ignored(browser: Browser, account: str) -> None:
    address = f"/login?email={account}&password={PASSWORD}"
    assert browser.submit(address).status_code == 422
    token = browser.csrf_token()
    assert browser.client.post(f"/login?csrf_token={token}", data={}).status_code == 400


def test_a_closed_registration_is_not_found(make_app: MakeApp) -> None:
    browser = Browser(make_app(REGISTRATION="closed"))
    assert browser.get("/register").status_code == 404
    assert browser.client.post("/register", data=VALUES).status_code == 404
    assert browser.submit("/register", VALUES).status_code == 404
    for path in ("/", "/login", "/reset-password"):
        page = browser.get(path)
        assert page.status_code == 200
        assert "/register" not in page.text


def test_a_closed_registration_is_not_linked_in_debug_mode(make_app: MakeApp) -> None:
    page = Browser(make_app(REGISTRATION="closed", DEBUG=True)).get("/").text
    assert "/register" not in page
    assert "flask accounts invite" in page


def test_password_managers_learn_the_policy(make_app: MakeApp) -> None:
    browser = Browser(make_app(PASSWORD_MIN_LENGTH=20))
    assert 'passwordrules="minlength: 20; maxlength: 128;"' in browser.get("/register").text
    assert "passwordrules" not in browser.get("/login").text
