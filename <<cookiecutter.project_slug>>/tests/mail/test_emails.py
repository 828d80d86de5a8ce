"""What emails say, and how they are composed."""

import html
import re
from collections.abc import Callable
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import parseaddr
from functools import partial

import pytest
from email_validator import EmailNotValidError
from flask import Flask

from app.columns import now
from app.mail import Email, emails
from app.mail.composing import compose
from tests.conftest import MakeApp

TO = "ada@example.com"
TOKEN = "Zq3v0Yb7mB1s9dUo5XcR2hKfLw8TjNaE6pGiVtQxJyM"
WITH_TOKEN = [
    emails.invitation,
    emails.confirm_address,
    emails.reset_password,
    emails.confirm_new_address,
]
# Why an email came, where it isn't because its reader has an account.
REASONS = {
    "Confirm your email address": "your address was entered",
    "Confirm your new email address": "your address was entered",
    "Your account was deleted": "you had an account",
}
NOTICES: list[Callable[[str], Email]] = [
    emails.already_registered,
    emails.password_changed,
    emails.password_set,
    emails.email_change_requested,
    emails.address_in_use,
    emails.email_changed,
    emails.account_deleted,
    emails.factor_added,
    emails.factor_replaced,
    emails.factor_removed,
    emails.recovery_codes_made,
    emails.codes_guessed,
    emails.passkey_added,
    emails.passkey_removed,
    partial(emails.recovery_code_used, left=7),
    lambda to: emails.new_device(to, now(), "192.0.2.1"),
]


def every_email(app: Flask) -> list[tuple[Email, EmailMessage]]:
    """Return every email there is, before and after it is composed."""
    with app.app_context():
        written = [write(TO, TOKEN) for write in WITH_TOKEN] + [write(TO) for write in NOTICES]
        return [(email, compose(email)) for email in written]


def parts(message: EmailMessage) -> tuple[str, str]:
    """Return the text and the HTML, as a mail program reads them."""
    read = message_from_bytes(message.as_bytes(policy=SMTP), policy=default)
    text, page = read.get_body(("plain",)), read.get_body(("html",))
    assert text is not None
    assert page is not None
    return text.get_content().replace("\r\n", "\n"), page.get_content()


def test_every_email_has_headers_against_automatic_replies(app: Flask) -> None:
    messages = [message for _, message in every_email(app)]
    assert len({message["Subject"] for message in messages}) == len(messages)
    for message in messages:
        assert message["Auto-Submitted"] == "auto-generated"
        assert parseaddr(message["From"]) == (app.config["APP_NAME"], "no-reply@localhost")
        assert message["Date"]
        assert message["Message-ID"]


@pytest.mark.parametrize(
    ("host", "sender"),
    [("192.0.2.1", "no-reply@[192.0.2.1]"), ("[2001:db8::1]", "no-reply@[IPv6:2001:db8::1]")],
)
def test_an_app_at_an_ip_address_sends_from_it(make_app: MakeApp, host: str, sender: str) -> None:
    for _, message in every_email(make_app(BASE_URL=f"https://{host}")):
        (address,) = message["From"].addresses
        assert address.addr_spec == sender


@pytest.mark.parametrize("name", ["Café ☕", "A" * 60])
def test_links_and_tokens_are_not_broken_by_the_encoding(make_app: MakeApp, name: str) -> None:
    app = make_app(APP_NAME=name, BASE_URL=f"https://{'long.' * 20}example.com")
    for email, message in every_email(app):
        sent = message.as_bytes(policy=SMTP)
        assert max(map(len, sent.split(b"\r\n"))) <= 998  # RFC 5322, section 2.1.1
        assert name in parts(message)[0]
        assert name in parts(message)[1].replace("&#233;", "é").replace("&#9749;", "☕")
        if email.button is not None and email.button.token:
            # In the text once, in the HTML at least once: not broken by a soft line break.
            assert sent.count(TOKEN.encode()) >= 2


@pytest.mark.parametrize("address", ["=?x?q?eve?=@example.com", "=?x?q?e=40b.c=2c?=@example.com"])
def test_an_email_only_goes_to_its_exact_address(app: Flask, address: str) -> None:
    with app.app_context(), pytest.raises(EmailNotValidError):
        compose(emails.already_registered(address))


def test_every_email_says_why_it_came_and_where_help_is(make_app: MakeApp) -> None:
    for email, message in every_email(make_app(SUPPORT_EMAIL="help@example.com", APP_NAME="Shop")):
        assert message["Reply-To"] == "help@example.com"
        for part in parts(message):
            assert "Questions? Reply to this email or write to help@example.com." in part
            reason = REASONS.get(email.subject, "you have an account")
            assert f"You received this email because {reason} at Shop." in part


def test_the_list_of_emails_shows_the_first_paragraph(app: Flask) -> None:
    for email, message in every_email(app):
        body = parts(message)[1].partition("<body>")[2]
        assert re.match(r'\s*<div class="preview" hidden>\s*', body)
        before_heading = html.unescape(body.partition("<h1>")[0])
        assert email.paragraphs[0] in before_heading


#: if cookiecutter.interface != "api"
def test_an_email_has_one_button_and_its_address_to_copy(app: Flask) -> None:
    for email, message in every_email(app):
        text, page = parts(message)
        assert page.count('class="button"') == (email.button is not None)
        links = re.findall(r'href="([^"]+)"', page)
        assert len(set(links)) == (email.button is not None)
        assert re.findall(r"^https://\S+$", text, re.MULTILINE) == list(set(links))


def test_a_notice_links_to_the_password_reset(app: Flask) -> None:
    with app.app_context():
        text = parts(compose(emails.password_changed(TO)))[0]
    assert "Reset password:\n\nhttps://localhost/reset-password\n" in text
    assert "expires" not in text


#: endif
def test_the_name_of_a_sender_is_kept(make_app: MakeApp) -> None:
    app = make_app(MAIL_DEFAULT_SENDER="Harbor Office <office@example.com>")
    with app.app_context():
        message = compose(emails.password_changed(TO))
    assert message["From"] == "Harbor Office <office@example.com>"


def test_without_a_support_address_no_email_asks_for_a_reply(app: Flask) -> None:
    for _, message in every_email(app):
        assert message["Reply-To"] is None
        assert "reply" not in parts(message)[0].lower()


def test_a_message_id_can_be_given(app: Flask) -> None:
    with app.app_context():
        message = compose(emails.password_changed(TO), "the-same-each-time")
    assert message["Message-ID"] == "<the-same-each-time@localhost>"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (86400, "1 day"),
        (36 * 3600, "36 hours"),
        (7200, "2 hours"),
        (5400, "90 minutes"),
        (3600, "1 hour"),
        (90, "90 seconds"),
        (60, "1 minute"),
        (59, "59 seconds"),
    ],
)
def test_it_says_how_long_a_link_works(make_app: MakeApp, seconds: int, words: str) -> None:
    app = make_app(RESET_TOKEN_SECONDS=seconds)
    with app.app_context():
        text, page = parts(compose(emails.reset_password(TO, TOKEN)))
    assert f"works once and expires in {words}." in text
    assert f"works once and expires in {words}." in page


def test_text_is_escaped_only_in_the_html(app: Flask) -> None:
    with app.app_context():
        text, page = parts(compose(Email(TO, "Hi", ("1 < 2",))))
    assert "1 < 2" in text
    assert "1 &lt; 2" in page
