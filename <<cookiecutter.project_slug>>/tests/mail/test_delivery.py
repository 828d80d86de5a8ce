"""Delivery of emails to mail servers that accept, refuse, time out or are missing."""

import socket
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from pathlib import Path

import pytest
import trustme
from aiosmtpd.smtp import AuthResult, LoginPassword

from app import deadlines, mail
from app.mail import delivery, emails
from app.mail.composing import MAIL
from tests.conftest import Inbox, MakeApp
from tests.mail.conftest import ADDRESS, Server, app_with, failure, running, send


def test_an_email_arrives_in_text_and_html(make_app: MakeApp, server: tuple[Server, int]) -> None:
    send(app_with(make_app, server[1]))
    content = server[0].kept[0].decode()
    assert f"To: {ADDRESS}" in content
    assert "<no-reply@localhost>" in content
    assert "text/plain" in content
    assert "text/html" in content


def test_an_app_at_an_ip_address_can_send_email(
    make_app: MakeApp, server: tuple[Server, int]
) -> None:
    send(app_with(make_app, server[1], BASE_URL="https://192.0.2.1"))
    assert server[0].senders == ["no-reply@[192.0.2.1]"]


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


def test_a_server_that_cannot_take_an_address_is_not_tried_again(
    make_app: MakeApp, closed_port: int
) -> None:
    with running(closed_port, enable_SMTPUTF8=False):
        error = failure(app_with(make_app, closed_port), "jos\u00e9@example.com")
    assert error.permanent
    assert "SMTPUTF8" in error.reason


def test_an_email_counts_as_sent_if_the_server_then_hangs_up(
    make_app: MakeApp, server: tuple[Server, int]
) -> None:
    server[0].hangs_up = True
    send(app_with(make_app, server[1]))
    assert len(server[0].kept) == 1


@pytest.mark.parametrize(("code", "permanent"), [(450, False), (550, True)])
def test_only_a_permanently_refused_recipient_is_given_up(
    make_app: MakeApp, server: tuple[Server, int], code: int, permanent: bool
) -> None:
    server[0].recipient_refusal = f"{code} no such person: {ADDRESS}"
    error = failure(app_with(make_app, server[1]))
    assert error.permanent == permanent
    assert str(code) in error.reason


@pytest.mark.parametrize(("code", "permanent"), [(451, False), (554, True)])
def test_only_a_permanently_refused_email_is_given_up(
    make_app: MakeApp, server: tuple[Server, int], code: int, permanent: bool
) -> None:
    server[0].refusal = f"{code} not from you"
    error = failure(app_with(make_app, server[1]))
    assert error.permanent == permanent
    assert str(code) in error.reason


def test_an_unreachable_server_is_tried_again(make_app: MakeApp, closed_port: int) -> None:
    error = failure(app_with(make_app, closed_port))
    assert not error.permanent
    assert error.reason == "ConnectionRefusedError: Connection refused"


def test_a_silent_server_times_out(make_app: MakeApp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        app = app_with(make_app, port)
        app.config["MAIL_TIMEOUT_SECONDS"] = 0.05
        error = failure(app)
    assert not error.permanent


@pytest.mark.parametrize(("lease", "seconds"), [(60, 30), (600, 100)])
def test_a_delivery_ends_before_another_worker_begins_it_again(
    make_app: MakeApp,
    server: tuple[Server, int],
    monkeypatch: pytest.MonkeyPatch,
    lease: int,
    seconds: int,
) -> None:
    given, within = [], deadlines.within

    def noted(seconds: float, expire: Callable[[], object]) -> AbstractContextManager[None]:
        given.append(seconds)
        return within(seconds, expire)

    monkeypatch.setattr(deadlines, "within", noted)
    send(app_with(make_app, server[1], JOB_LEASE_SECONDS=lease, MAIL_TIMEOUT_SECONDS=10))
    assert given == [seconds]


def test_a_server_that_never_ends_its_greeting_is_left(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "STEPS", 0.001)
    accepted: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as endless, ThreadPoolExecutor(1) as pool:

        def greet() -> None:
            connection, _ = endless.accept()
            accepted.append(connection)
            with connection, suppress(OSError):
                while True:
                    connection.sendall(b"220-welcome\r\n" * 100)

        greeting = pool.submit(greet)
        error = failure(app_with(make_app, endless.getsockname()[1]))
        # With full buffers the system may tell it only after minutes that nobody reads any more.
        with suppress(OSError):
            accepted[0].shutdown(socket.SHUT_RDWR)
        greeting.result()
    assert error.reason == "the mail server was too slow"
    assert not error.permanent


def server_context(authority: trustme.CA) -> ssl.SSLContext:
    """Return what a server encrypts with, whose certificate is that authority's."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize(
    ("setting", "option"), [("MAIL_USE_TLS", "tls_context"), ("MAIL_USE_SSL", "ssl_context")]
)
@pytest.mark.parametrize("trusted", [True, False])
def test_only_a_server_with_a_trusted_certificate_gets_email(
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
        app = app_with(make_app, closed_port, **{setting: True})
        if trusted:
            send(app)
        else:
            assert not failure(app).permanent
    assert len(handler.kept) == int(trusted)


@pytest.mark.parametrize(("password", "sent"), [("right", 1), ("wrong", 0), ("r\u00efght", 0)])
def test_a_server_may_ask_for_name_and_password(
    make_app: MakeApp,
    closed_port: int,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    password: str,
    sent: int,
) -> None:
    def check(*arguments: object) -> AuthResult:
        success = arguments[-1] == LoginPassword(b"app", b"right")
        return AuthResult(success=success, handled=False)

    authority = trustme.CA()
    options = {"tls_context": server_context(authority), "auth_required": True}
    with (
        authority.cert_pem.tempfile() as path,
        running(closed_port, authenticator=check, **options) as handler,
    ):
        monkeypatch.setenv("SSL_CERT_FILE", path)
        app = app_with(make_app, closed_port, MAIL_USE_TLS=True)
        app.config.update(MAIL_USERNAME="app", MAIL_PASSWORD=password)
        if sent:
            send(app)
        else:
            assert not failure(app).permanent
            assert "MAIL_PASSWORD" in caplog.text
            assert password not in caplog.text
    assert len(handler.kept) == sent


def test_a_server_without_the_required_encryption_gets_no_email(
    make_app: MakeApp, server: tuple[Server, int], caplog: pytest.LogCaptureFixture
) -> None:
    assert not failure(app_with(make_app, server[1], MAIL_USE_TLS=True)).permanent
    assert server[0].kept == []
    assert "encryption" in caplog.text


def test_in_debug_mode_emails_are_files(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(DEBUG=True)
    app.instance_path = str(tmp_path)
    send(app)
    send(app)
    files = sorted((tmp_path / "mail").glob("*.eml"))
    assert len(files) == 2
    assert f"To: {ADDRESS}" in files[0].read_text()


def test_an_email_to_an_unknown_address_is_not_sent_and_takes_as_long(make_app: MakeApp) -> None:
    app = make_app()
    inbox = Inbox(app)
    MAIL.of(app).seconds = 0.05
    begin = time.monotonic()
    with app.app_context():
        mail.send(emails.reset_password(ADDRESS, "t" * 43).to_nobody())
    assert time.monotonic() - begin >= 0.05
    assert inbox.sent == []


def test_an_unknown_address_takes_the_same_steps_with_the_mail_server(
    make_app: MakeApp, server: tuple[Server, int], closed_port: int
) -> None:
    email = emails.reset_password(ADDRESS, "t" * 43).to_nobody()
    app = app_with(make_app, server[1])
    with app.app_context():
        mail.send(email)
    assert server[0].greetings == 1
    assert server[0].kept == []
    app.config["MAIL_SERVER"] = "mail.invalid"
    with app.app_context(), pytest.raises(mail.DeliveryError):
        mail.send(email)


def test_how_long_an_email_took_is_remembered(
    make_app: MakeApp, server: tuple[Server, int]
) -> None:
    app = app_with(make_app, server[1])
    assert MAIL.of(app).seconds == 0
    send(app)
    assert MAIL.of(app).seconds > 0
