"""The mailbox of debug mode."""

import base64
import hashlib
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import mail
from app.mail import Email, emails
from tests.conftest import MakeApp

TOKEN = "t" * 43


@pytest.fixture
def debug_app(make_app: MakeApp, tmp_path: Path) -> Flask:
    """An app in debug mode, its emails in a folder of the test."""
    app = make_app(DEBUG=True, BASE_URL="http://localhost", PREFERRED_URL_SCHEME="http")
    app.instance_path = str(tmp_path)
    return app


@pytest.fixture
def debug_client(debug_app: Flask) -> FlaskClient:
    """A client of `debug_app`."""
    return debug_app.test_client()


def test_an_empty_mailbox_says_what_to_do(debug_client: FlaskClient) -> None:
    response = debug_client.get("/dev/mailbox")
    assert response.status_code == 200
    assert "No emails yet" in response.text


def test_emails_are_shown_newest_first(debug_app: Flask, debug_client: FlaskClient) -> None:
    with debug_app.app_context():
        mail.send(emails.confirm_address("ada@example.com", TOKEN))
        mail.send(emails.password_changed("grace@example.com"))
    page = debug_client.get("/dev/mailbox").text
    assert page.index("grace@example.com") < page.index("ada@example.com")
    assert TOKEN in page


def test_links_can_be_followed_and_bare_tokens_copied(
    debug_app: Flask, debug_client: FlaskClient
) -> None:
    link = f"http://localhost:5000/confirm/{TOKEN}"
    with debug_app.app_context():
        mail.send(Email("a@example.com", "Hi", (f"Go to:\n{link}", TOKEN)))
    page = debug_client.get("/dev/mailbox").text
    assert f'<a href="{link}"' in page
    assert f"<code>{TOKEN}</code>" in page


def test_what_an_email_says_is_shown_as_text(debug_app: Flask, debug_client: FlaskClient) -> None:
    with debug_app.app_context():
        mail.send(Email("a@example.com", "<b>Hi", ("<script>alert(1)</script>",)))
    page = debug_client.get("/dev/mailbox").text
    assert "<b>Hi" not in page
    assert "<script>alert" not in page


def test_an_email_is_shown_as_html_in_only_its_own_style(
    debug_app: Flask, debug_client: FlaskClient
) -> None:
    with debug_app.app_context():
        mail.send(emails.confirm_address("ada@example.com", TOKEN))
    address = re.findall(r'href="(/dev/mailbox/\d+)"', debug_client.get("/dev/mailbox").text)[0]
    response = debug_client.get(address)
    assert "<h1>Confirm your email address</h1>" in response.text
    policy = response.headers["Content-Security-Policy"]
    # A browser takes every line end for a newline before it looks at the style.
    style = re.findall(r"<style>(.*?)</style>", response.text.replace("\r\n", "\n"), re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}' 'self'" in policy
    assert "unsafe" not in policy
    assert debug_client.get("/dev/mailbox/1").status_code == 404


def test_there_is_no_mailbox_outside_debug_mode(client: FlaskClient) -> None:
    assert client.get("/dev/mailbox").status_code == 404
    assert client.get("/dev/mailbox/1").status_code == 404


@pytest.mark.parametrize(
    ("peer", "headers"),
    [
        ("203.0.113.7", {}),
        ("", {}),
        ("203.0.113.7", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7"}),
        ("127.0.0.1", {"X-Forwarded-For": "203.0.113.7, 127.0.0.1"}),
        ("127.0.0.1", {"X-Real-IP": "203.0.113.7"}),
        ("127.0.0.1", {"Forwarded": "for=203.0.113.7"}),
    ],
)
@pytest.mark.parametrize("proxies", [0, 1])
def test_other_machines_cannot_see_the_mailbox(
    make_app: MakeApp, peer: str, headers: dict[str, str], proxies: int
) -> None:
    app = make_app(
        DEBUG=True,
        BASE_URL="http://localhost",
        PREFERRED_URL_SCHEME="http",
        TRUSTED_PROXIES=proxies,
    )
    environ = {"REMOTE_ADDR": peer}
    for path in ("/dev/mailbox", "/dev/mailbox/1"):
        answer = app.test_client().get(path, headers=headers, environ_overrides=environ)
        assert answer.status_code == 404


@pytest.mark.parametrize("peer", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_can_see_the_mailbox(debug_client: FlaskClient, peer: str) -> None:
    environ = {"REMOTE_ADDR": peer}
    assert debug_client.get("/dev/mailbox", environ_overrides=environ).status_code == 200
