"""Mails on their way: a real server, an unwilling one, a silent one and none."""

import logging
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from flask import Flask

from app.accounts import mails, outbox
from tests.conftest import MakeApp

ADDRESS = "ada@example.com"


class Server:
    """A mail server that refuses the first so many mails and keeps the others."""

    def __init__(self) -> None:
        self.refusals = 0
        self.kept: list[bytes] = []
        self.recipients: list[str] = []
        self.hangs_up = False

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - the name that aiosmtpd calls
        """Answer as a server does that is busy, or as one that is not."""
        if self.refusals:
            self.refusals -= 1
            return "451 try again later"
        self.kept.append(envelope.original_content or b"")
        self.recipients += envelope.rcpt_tos
        return "250 kept"

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
    """An app that really sends, to a port of this machine."""
    app = make_app(MAIL_SERVER="127.0.0.1", MAIL_PORT=port, **settings)
    app.config["MAIL_SUPPRESS_SEND"] = False
    return app


def send(app: Flask, address: str = ADDRESS) -> None:
    """Have a mail sent, and wait until that has succeeded or failed."""
    with app.app_context():
        outbox.submit(mails.account_deleted, address)
    outbox.drain(app)


def test_a_mail_arrives_in_text_and_html(make_app: MakeApp, server: tuple[Server, int]) -> None:
    send(app_with(make_app, server[1]))
    content = server[0].kept[0].decode()
    assert f"To: {ADDRESS}" in content
    assert "From: no-reply@localhost" in content
    assert "text/plain" in content
    assert "text/html" in content


@pytest.mark.parametrize(
    ("address", "recipient"),
    [
        ("jos\u00e9@example.com", "jos\u00e9@example.com"),
        ("ada@b\u00fccher.example.com", "ada@xn--bcher-kva.example.com"),
    ],
)
def test_an_address_may_be_in_any_script(
    make_app: MakeApp, closed_port: int, address: str, recipient: str
) -> None:
    with running(closed_port, enable_SMTPUTF8=True) as handler:
        send(app_with(make_app, closed_port), address)
    assert handler.recipients == [recipient]


def test_a_server_that_hangs_up_with_the_mail_is_not_sent_it_again(
    make_app: MakeApp, server: tuple[Server, int]
) -> None:
    server[0].hangs_up = True
    send(app_with(make_app, server[1]))
    assert len(server[0].kept) == 1


def test_a_busy_server_is_tried_three_times(make_app: MakeApp, server: tuple[Server, int]) -> None:
    server[0].refusals = 2
    send(app_with(make_app, server[1]))
    assert len(server[0].kept) == 1


def test_a_mail_is_given_up_after_three_tries(
    make_app: MakeApp, server: tuple[Server, int], caplog: pytest.LogCaptureFixture
) -> None:
    server[0].refusals = 3
    app = app_with(make_app, server[1])
    send(app)
    assert server[0].kept == []
    assert "given up after 3 tries" in caplog.text
    send(app)
    assert len(server[0].kept) == 1


def test_a_dead_server_is_logged(
    make_app: MakeApp, closed_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    send(app_with(make_app, closed_port))
    assert "given up" in caplog.text
    assert ADDRESS not in caplog.text


def test_a_silent_server_is_not_waited_for_for_ever(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        send(app_with(make_app, port, MAIL_TIMEOUT_SECONDS=0.05))
    assert "given up" in caplog.text


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    """What a server encrypts with, whose certificate is that authority's."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("setting", "option"), [("MAIL_USE_TLS", "tls_context"), ("MAIL_USE_SSL", "ssl_context")]
)
@pytest.mark.parametrize("trusted", [True, False])
def test_only_a_server_with_a_certificate_to_be_trusted_gets_mail(
    make_app: MakeApp,
    closed_port: int,
    monkeypatch: pytest.MonkeyPatch,
    trusted: bool,
    setting: str,
    option: str,
) -> None:
    authority = trustme.CA()
    known = authority if trusted else trustme.CA()
    options = {option: server_context(authority)}
    with known.cert_pem.tempfile() as path, running(closed_port, **options) as handler:
        monkeypatch.setenv("SSL_CERT_FILE", path)
        send(app_with(make_app, closed_port, **{setting: True}))
    assert len(handler.kept) == int(trusted)


@pytest.mark.parametrize(("password", "sent"), [("right", 1), ("wrong", 0)])
def test_a_server_may_ask_for_name_and_password(
    make_app: MakeApp, closed_port: int, monkeypatch: pytest.MonkeyPatch, password: str, sent: int
) -> None:
    def check(*arguments: object) -> AuthResult:
        success = arguments[-1] == LoginPassword(b"app", b"right")
        return AuthResult(success=success, handled=False)

    authority = trustme.CA()
    options = {"tls_context": server_context(authority), "auth_required": True}
    credentials = {"MAIL_USERNAME": "app", "MAIL_PASSWORD": password}
    with (
        authority.cert_pem.tempfile() as path,
        running(closed_port, authenticator=check, **options) as handler,
    ):
        monkeypatch.setenv("SSL_CERT_FILE", path)
        send(app_with(make_app, closed_port, MAIL_USE_TLS=True, **credentials))
    assert len(handler.kept) == sent


def test_a_server_that_offers_no_encryption_gets_no_mail_when_it_is_asked_for(
    make_app: MakeApp, server: tuple[Server, int]
) -> None:
    send(app_with(make_app, server[1], MAIL_USE_TLS=True))
    assert server[0].kept == []


def test_a_job_that_fails_does_not_stop_the_next(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    done: list[str] = []
    with app.app_context():
        outbox.submit(mails.account_deleted, "no address at all")
        outbox.submit(lambda: done.append("next"))
    outbox.drain(app)
    assert done == ["next"]
    assert any(record.levelno == logging.ERROR for record in caplog.records)


def test_what_is_queued_is_done_before_the_process_ends(tmp_path: Path) -> None:
    marker = tmp_path / "done"
    program = (
        "import sys, time, pathlib\n"
        "from app.accounts import outbox\n"
        "from flask import Flask\n"
        "app = Flask('x'); outbox.init_app(app)\n"
        "with app.app_context():\n"
        "    outbox.submit(time.sleep, 0.2)\n"
        f"    outbox.submit(lambda: pathlib.Path({str(marker)!r}).touch())\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)  # noqa: S603 - our own words
    assert marker.exists()


def test_in_debug_mode_mails_are_files(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    app = make_app(DEBUG=True)
    app.instance_path = str(tmp_path)
    send(app)
    (file,) = (tmp_path / "mail").glob("*.eml")
    assert f"To: {ADDRESS}" in file.read_text()
