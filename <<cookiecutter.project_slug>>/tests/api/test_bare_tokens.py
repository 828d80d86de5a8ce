"""Tokens in emails of an app without pages: bare, and in a link to the client if there is one."""

import pytest
from flask import Flask

from app import mail
from app.api import bare_tokens
from app.mail import emails
from tests.conftest import Inbox, MakeApp

TOKEN = "Zq3v0Yb7mB1s9dUo5XcR2hKfLw8TjNaE6pGiVtQxJyM"
EMAILS = {
    "/confirm": emails.confirm_address,
    "/reset-password": emails.reset_password,
    "/account/email": emails.confirm_new_address,
}


def send(app: Flask, path: str) -> list[str]:
    """Return the lines of an email with a token."""
    bare_tokens.init_app(app)
    inbox = Inbox(app)
    with app.app_context():
        mail.send(EMAILS[path]("ada@example.com", TOKEN))
    return inbox.to("ada@example.com")[0].body.splitlines()


@pytest.mark.parametrize("path", EMAILS)
def test_a_token_is_on_a_line_of_its_own(make_app: MakeApp, path: str) -> None:
    lines = send(make_app(), path)
    assert TOKEN in lines
    assert any(line.startswith("This token works once") for line in lines)
    assert not any("http" in line for line in lines)


@pytest.mark.parametrize("path", EMAILS)
@pytest.mark.parametrize("client_url", ["https://client.example", "https://client.example/"])
def test_a_client_gets_the_token_in_a_fragment(
    make_app: MakeApp, path: str, client_url: str
) -> None:
    lines = send(make_app(CLIENT_URL=client_url), path)
    assert f"https://client.example{path}#token={TOKEN}" in lines
    assert TOKEN in lines


@pytest.mark.parametrize(("client_url", "shown"), [("", False), ("https://client.example", True)])
def test_a_notice_leads_to_the_client_if_there_is_one(
    make_app: MakeApp, client_url: str, shown: bool
) -> None:
    app = make_app(CLIENT_URL=client_url)
    bare_tokens.init_app(app)
    inbox = Inbox(app)
    with app.app_context():
        mail.send(emails.password_changed("ada@example.com"))
    lines = inbox.to("ada@example.com")[0].body.splitlines()
    assert ("https://client.example/reset-password" in lines) == shown
    assert ("Reset password:" in lines) == shown
