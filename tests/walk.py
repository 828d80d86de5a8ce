"""Register, confirm, sign in, download and sign out over real HTTP."""

import re
import secrets
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from queue import Queue
from typing import Any

import requests
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

PASSWORD = "correct horse battery staple"
FILE = "welcome.txt"
# Seconds. Only guards against hanging: what is waited for comes at once, but not on a busy machine.
WAIT = 120


class MailServer:
    """Accepts every email."""

    def __init__(self) -> None:
        self.mails: Queue[EmailMessage] = Queue()

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep an email."""
        assert isinstance(envelope.content, bytes)
        message = message_from_bytes(envelope.content, policy=default)
        assert isinstance(message, EmailMessage)
        self.mails.put(message)
        return "250 OK"

    def token(self) -> str:
        """Return the token in the next email."""
        body = self.mails.get(timeout=WAIT).get_body(("plain",))
        assert body is not None
        return str(
            re.findall(r"(?:^|/|token=)([\w-]{43})\r?$", body.get_content(), re.MULTILINE)[-1]
        )


@contextmanager
def mail_server() -> Iterator[tuple[MailServer, int]]:
    """Yield a mail server on a free port."""
    server = MailServer()
    port = free_port()
    controller = Controller(server, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield server, port
    finally:
        controller.stop()


def free_port() -> int:
    """Return a port that nobody listens on.

    It is below those that systems give to outgoing connections, so that none takes it meanwhile.
    """
    while True:
        port = secrets.choice(range(10_000, 30_000))
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Browser(requests.Session):
    """Sends cookies that are only for TLS, as if a proxy had terminated it."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        """Send one request with all cookies."""
        if self.cookies:
            request.headers["Cookie"] = "; ".join(f"{c.name}={c.value}" for c in self.cookies)
        return super().send(request, **options)


def browser(address: str) -> Browser:
    """Return a client whose requests count as TLS through a proxy."""
    client = Browser()
    client.trust_env = False
    secure = address.replace("http:", "https:")
    client.headers.update({"X-Forwarded-Proto": "https", "Referer": f"{secure}/"})
    return client


def wait_until_healthy(
    address: str, seconds: int = WAIT, process: subprocess.Popen[bytes] | None = None
) -> None:
    """Return when `/healthz` answers 200, as long as the process lives."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not (process and process.poll() is not None):
        try:
            if requests.get(f"{address}/healthz", timeout=WAIT).json() == {"status": "ok"}:
                return
        except requests.ConnectionError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{address}/healthz does not answer")


def register_in_debug_mode(address: str) -> None:
    """Register, and find the link in the development mailbox."""
    client = requests.Session()
    client.trust_env = False
    form = client.get(f"{address}/register").text
    fields = {"csrf_token": hidden_token(form), "name": "Ada", "password": PASSWORD}
    client.post(f"{address}/register", data={"email": "ada@example.com", **fields})
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        if "/confirm/" in client.get(f"{address}/dev/mailbox").text:
            return
        time.sleep(0.1)
    raise AssertionError("no link in the mailbox")


def hidden_token(page: str) -> str:
    """Return the CSRF token in a page's form."""
    return str(re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)[0])


def pages(address: str, mails: MailServer, *, downloads: bool) -> None:
    """Walk through the pages."""
    client = browser(address)

    def send(path: str, **fields: str) -> requests.Response:
        form = client.get(f"{address}{path}")
        assert form.status_code == 200, f"{path}: {form.status_code}"
        data = {"csrf_token": hidden_token(form.text), **fields}
        return client.post(f"{address}{path}", data=data, allow_redirects=False)

    account = {"email": "ada@example.com", "password": PASSWORD}
    assert send("/register", name="Ada", **account).headers["Location"] == "/confirm"
    assert send(f"/confirm/{mails.token()}").headers["Location"] == "/login"
    assert send("/login", **account, remember="y").status_code in (302, 303)
    assert "Ada" in client.get(f"{address}/account").text
    if downloads:
        file = client.get(f"{address}/downloads/{FILE}")
        assert file.status_code == 200
        assert file.headers["Content-Disposition"].startswith("attachment")
    else:
        assert client.get(f"{address}/downloads/").status_code == 404
    copy = browser(address)
    copy.cookies.update(client.cookies)
    assert copy.get(f"{address}/account", allow_redirects=False).status_code == 200
    data = {"csrf_token": hidden_token(client.get(f"{address}/account").text)}
    answer = client.post(f"{address}/logout", data=data, allow_redirects=False)
    assert answer.status_code in (302, 303)
    for signed_out in (client, copy):
        answer = signed_out.get(f"{address}/account", allow_redirects=False)
        assert answer.headers["Location"].startswith("/login")


def api(address: str, mails: MailServer, *, downloads: bool) -> None:
    """Walk through the JSON API."""
    client = requests.Session()
    client.headers["X-Forwarded-Proto"] = "https"
    client.trust_env = False
    root = f"{address}/api/v1"
    account = {"email": "grace@example.com", "password": PASSWORD}
    assert client.post(f"{root}/accounts", json={"name": "Grace", **account}).status_code == 202
    confirmation = client.put(f"{root}/confirmations", json={"token": mails.token()})
    assert confirmation.status_code == 204
    answer = client.post(f"{root}/sessions", json=account)
    assert answer.status_code == 201, answer.text
    client.headers["Authorization"] = f"Bearer {answer.json()['token']}"
    assert client.get(f"{root}/account").json()["name"] == "Grace"
    expected = 200 if downloads else 404
    assert client.get(f"{root}/downloads/{FILE}").status_code == expected
    assert client.delete(f"{root}/sessions/current").status_code == 204
    assert client.get(f"{root}/account").status_code == 401
    assert not client.cookies
