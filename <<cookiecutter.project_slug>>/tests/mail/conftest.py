"""Mail servers on this machine."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from flask import Flask

from app import mail
from app.mail import emails
from tests.conftest import MakeApp

ADDRESS = "ada@example.com"


class Server:
    """A mail server that keeps or refuses what it gets."""

    def __init__(self) -> None:
        self.recipient_refusal = ""
        self.refusal = ""
        self.kept: list[bytes] = []
        self.senders: list[str | None] = []
        self.recipients: list[str] = []
        self.hangs_up = False
        self.greetings = 0

    async def handle_EHLO(  # noqa: N802 - the name that aiosmtpd calls
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        """Count a connection."""
        self.greetings += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient or refuse it."""
        if not self.recipient_refusal:
            envelope.rcpt_tos.append(address)
        return self.recipient_refusal or "250 fine"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the name that aiosmtpd calls
        """Take an email or refuse it."""
        if not self.refusal:
            self.kept.append(envelope.original_content or b"")
            self.senders.append(envelope.mail_from)
            self.recipients += envelope.rcpt_tos
        return self.refusal or "250 kept"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the name that aiosmtpd calls
        """Take leave, or fail to."""
        if self.hangs_up:
            assert server.transport is not None
            server.transport.close()
        return "221 bye"


@contextmanager
def running(port: int, **options: Any) -> Iterator[Server]:
    """Run a mail server on a port of this machine."""
    handler = Server()
    controller = Controller(handler, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield handler
    finally:
        controller.stop()


@pytest.fixture
def server(closed_port: int) -> Iterator[tuple[Server, int]]:
    """A mail server that runs, and its port."""
    with running(closed_port) as handler:
        yield handler, closed_port


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
    return port


def app_with(make_app: MakeApp, port: int, **settings: object) -> Flask:
    """Return an app that really sends, to a port of this machine."""
    app = make_app(MAIL_SERVER="127.0.0.1", MAIL_PORT=port, **settings)
    app.config["MAIL_SUPPRESS_SEND"] = False
    return app


def send(app: Flask, address: str = ADDRESS) -> None:
    """Send an email."""
    with app.app_context():
        mail.send(emails.account_deleted(address))


def failure(app: Flask, address: str = ADDRESS) -> mail.DeliveryError:
    """Send an email, and return the error."""
    with pytest.raises(mail.DeliveryError) as raised:
        send(app, address)
    # It is logged and shown to administrators.
    assert address not in raised.value.reason
    return raised.value
