"""A rendered app, served: in production over TLS, or in debug mode as while one develops."""

import secrets
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import requests
import trustme

from tests import commands, walk

PASSWORD = walk.PASSWORD
# One address opens every account here; the limits, and the hash, have tests of their own.
SETTINGS = {
    "LIMIT_PASSWORD_BY_IP": "1000 per minute",
    "LIMIT_MAIL_BY_IP": "1000 per hour",
    "LIMIT_PASSKEYS_BY_IP": "1000 per minute",
    "PASSWORD_HASH_METHOD": "scrypt:1024:8:1",
}


@dataclass(frozen=True)
class Mail:
    """What matters of an email."""

    to: str
    subject: str
    text: str

    @staticmethod
    def of(message: EmailMessage) -> "Mail":
        """Read an email as it was sent."""
        body = message.get_body(("plain",))
        assert body is not None
        return Mail(str(message["To"]), str(message["Subject"]), str(body.get_content()))


@dataclass
class Served:
    """An app that answers: its address, its database, and the emails that it sent."""

    address: str
    database: Path
    mail_folder: Path | None = None
    mail_server: walk.MailServer | None = None
    # The certificates that a program has to trust to reach it.
    trust: str | bool = True
    _arrived: list[Mail] = field(default_factory=list)

    def open_account(self, email: str, name: str = "Ada Lovelace") -> None:
        """Open and confirm an account with the password PASSWORD through the API."""
        account = {"name": name, "email": email, "password": PASSWORD}
        self._send("POST", "/accounts", account)
        token = self.mailed_link(email, "Confirm your email").rpartition("/")[2]
        self._send("PUT", "/confirmations", {"token": token})

    def mail(self, to: str, subject: str, count: int = 1) -> Mail:
        """Wait for this many emails whose subject starts like this, and return the last."""
        end = time.monotonic() + walk.WAIT
        while time.monotonic() < end:
            self._collect()
            found = [
                mail for mail in self._arrived if mail.to == to and mail.subject.startswith(subject)
            ]
            if len(found) >= count:
                return found[-1]
            time.sleep(0.1)
        raise TimeoutError(f"no mail {subject!r} to {to}")

    def mailed_link(self, to: str, subject: str, count: int = 1) -> str:
        """Return the link in such an email."""
        words = self.mail(to, subject, count).text.split()
        return next(word for word in words if "://" in word)

    def let_time_pass(self, minutes: int) -> None:
        """Make every session so much older."""
        self._execute(
            "UPDATE sessions SET created_at = datetime(created_at, ?) || '.000000'",
            f"-{minutes} minutes",
        )

    @contextmanager
    def failing_database(self) -> Iterator[None]:
        """For as long as the block lasts, the database cannot say who is signed in."""
        self._execute("ALTER TABLE sessions RENAME TO lost")
        try:
            yield
        finally:
            self._execute("ALTER TABLE lost RENAME TO sessions")

    def _execute(self, statement: str, *values: str) -> None:
        with closing(sqlite3.connect(self.database, timeout=walk.WAIT)) as connection, connection:
            connection.execute(statement, values)

    def _collect(self) -> None:
        if self.mail_server is not None:
            while not self.mail_server.mails.empty():
                self._arrived.append(Mail.of(self.mail_server.mails.get()))
        if self.mail_folder is not None:
            self._arrived = [
                Mail.of(message_from_bytes(path.read_bytes(), policy=default))
                for path in sorted(self.mail_folder.glob("*.eml"))
            ]

    def _send(self, method: str, path: str, body: dict[str, str]) -> None:
        url = f"{self.address}/api/v1{path}"
        requests.request(
            method, url, json=body, verify=self.trust, timeout=walk.WAIT
        ).raise_for_status()


@contextmanager
def production(folder: Path, programs: Path, certificates: Path) -> Iterator[Served]:
    """Yield the app under gunicorn with TLS, which its cookies need."""
    port = walk.free_port()
    address = f"https://localhost:{port}"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(certificates / "authority.pem"))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(
        str(certificates / "server.pem")
    )
    with walk.mail_server() as (mails, mail_port):
        settings = SETTINGS | {
            "SECRET_KEY": secrets.token_hex(32),
            "DATABASE_URL": "sqlite:///production.db",
            "BASE_URL": address,
            "MAIL_SERVER": "127.0.0.1",
            "MAIL_PORT": str(mail_port),
            "WEB_CONCURRENCY": "1",
        }
        certificate = (
            "--certfile",
            certificates / "server.pem",
            "--keyfile",
            certificates / "server.pem",
        )
        command = ("gunicorn", "--bind", f"localhost:{port}", *certificate, "wsgi:app")
        served = Served(
            address,
            folder / "instance" / "production.db",
            mail_server=mails,
            trust=str(certificates / "authority.pem"),
        )
        with _running(served, folder, programs, command, settings):
            yield served


@contextmanager
def debug(
    folder: Path, programs: Path, launcher: str | None = None, **settings: str
) -> Iterator[Served]:
    """Yield the app under Flask's own server, in debug mode.

    Args:
        folder: The folder of the app.
        programs: The `bin` of its environment.
        launcher: Python code that calls the `flask` command in a way of its own.
        settings: More settings.
    """
    port = walk.free_port()
    address = f"http://localhost:{port}"
    database = {"DATABASE_URL": "sqlite:///debug.db", "BASE_URL": address}
    served = Served(
        address, folder / "instance" / "debug.db", mail_folder=folder / "instance" / "mail"
    )
    flask = ("flask",) if launcher is None else ("python", "-c", launcher)
    command = (*flask, "run", "--debug", "--no-reload", "--port", str(port))
    with _running(served, folder, programs, command, SETTINGS | database | settings):
        yield served


@contextmanager
def _running(
    served: Served,
    folder: Path,
    programs: Path,
    command: tuple[str | Path, ...],
    settings: dict[str, str],
) -> Iterator[None]:
    commands.run(programs / "flask", "db", "upgrade", folder=folder, settings=settings)
    program, *arguments = command
    with (folder / "server.log").open("ab") as log:
        server = subprocess.Popen(
            [programs / program, *arguments],
            cwd=folder,
            env=commands.environment(settings),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_healthy(served)
        yield
    finally:
        server.terminate()
        server.wait(timeout=walk.WAIT)


def _wait_until_healthy(served: Served) -> None:
    end = time.monotonic() + walk.WAIT
    while time.monotonic() < end:
        try:
            url = f"{served.address}/healthz"
            if requests.get(url, verify=served.trust, timeout=walk.WAIT).status_code == 200:
                return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise TimeoutError(f"{served.address} does not answer")
