"""What the tests of emails as jobs share: the mail server, and what waits and was sent."""

import pytest
from flask import Flask
from sqlalchemy import select

from app import jobs, mail
from app.accounts import authentication, sessions
from app.accounts.client import Client
from app.extensions import db
from app.mail import Email
from tests.conftest import PASSWORD, Inbox

CLIENT = Client("192.0.2.1", "tests")
KIND = next(iter(sessions.IDLE_SETTINGS))
NEW = "countess@example.com"
OTHER_PASSWORD = "tangerine lorry at dusk"


class MailServer:
    """Records the emails that are sent, or fails as a test tells it to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: Exception | None = None
        self.sent: list[Email] = []
        self.ids: list[str | None] = []
        monkeypatch.setattr(mail, "send", self.send)

    def send(self, email: Email, message_id: str | None = None) -> None:
        """Record an email, then fail if told to, although it may have arrived."""
        if email.to:
            self.sent.append(email)
            self.ids.append(message_id)
        if self.error is not None:
            raise self.error


def subjects(inbox: Inbox, address: str) -> list[str]:
    """Return what was sent to an address."""
    return [message.subject.split(" · ")[0] for message in inbox.to(address)]


def signed_in(account: str) -> authentication.SignedIn:
    """Start a session of the account."""
    return authentication.sign_in(account, PASSWORD, CLIENT, KIND)


def rows(app: Flask) -> list[jobs.Job]:
    """Return the jobs that wait."""
    with app.app_context():
        return list(db.session.scalars(select(jobs.Job).order_by(jobs.Job.id)))
