"""A rendered app in production, and the services that it depends on, which can fail."""

import json
import re
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import requests

from tests import commands, walk

ADA = {"email": "ada@example.com", "password": walk.PASSWORD}
# Brings the database up to date and puts Ada's account into it.
PREPARATION = f"""
from flask_migrate import upgrade
from app.accounts import registration
from wsgi import app
with app.app_context():
    upgrade()
    registration.create("Ada", {ADA["email"]!r}, {ADA["password"]!r}, confirmed=True)
"""


@dataclass(frozen=True)
class Node:
    """An app under gunicorn: its process, its address, and the file that holds its log."""

    server: subprocess.Popen[bytes]
    address: str
    log_file: Path

    @property
    def log(self) -> str:
        """What it wrote to standard output and error so far."""
        return self.log_file.read_text("utf-8")

    def lines(self) -> list[dict[str, Any]]:
        """Return what it wrote so far, without an unfinished line. Fail if a line isn't JSON."""
        complete = self.log.rpartition("\n")[0]
        return [json.loads(line) for line in complete.splitlines()]

    def workers(self) -> list[int]:
        """Return the process ids of its workers."""
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children")
        return [int(pid) for pid in children.read_text("ascii").split()]

    def accepted(self) -> int:
        """Return how many open connections it has accepted, by the kernel's table of them."""
        port = f":{urlsplit(self.address).port:04X}"
        rows = [row.split() for row in Path("/proc/net/tcp").read_text("ascii").splitlines()[1:]]
        # State 01 is established; a connection that waits to be accepted has inode 0.
        return sum(row[1].endswith(port) and row[3] == "01" and row[9] != "0" for row in rows)

    def api(self, method: str, path: str, token: str = "", **body: str) -> requests.Response:
        """Return the response of the API, on a separate connection."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = f"{self.address}/api/v1{path}"
        return requests.request(method, url, json=body or None, headers=headers, timeout=walk.WAIT)

    def sign_in(self) -> str:
        """Return a bearer token of Ada's."""
        answer = self.api("POST", "/sessions", **ADA)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])

    def browser(self) -> requests.Session:
        """Return a browser that is signed in as Ada."""
        client = walk.browser(self.address)
        answer = self.submit(client, "/login", **ADA)
        assert answer.headers.get("Location") == "/account", answer.text
        return client

    def submit(
        self, client: requests.Session, path: str, page: str = "", **fields: str
    ) -> requests.Response:
        """Return the response to a form that was opened on its page, filled in and sent."""
        text = client.get(f"{self.address}{page or path}", timeout=walk.WAIT).text
        token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', text)[0]
        data = {"csrf_token": token, **fields}
        return client.post(
            f"{self.address}{path}", data=data, allow_redirects=False, timeout=walk.WAIT
        )


def settings(database_url: str, **others: str) -> dict[str, str]:
    """Return the settings of a node in production, with a cheap hash and no mail server."""
    return {
        "SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": database_url,
        "BASE_URL": "https://127.0.0.1",
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": str(walk.free_port()),
        "PASSWORD_HASH_METHOD": "scrypt:512:8:1",
        "TRUSTED_PROXIES": "1",
        **others,
    }


def prepare(folder: Path, programs: Path, environment: dict[str, str]) -> None:
    """Create the tables and Ada's account."""
    commands.run(programs / "python", "-c", PREPARATION, folder=folder, settings=environment)


@contextmanager
def running(
    folder: Path, programs: Path, environment: dict[str, str], *, healthy: bool = True
) -> Iterator[Node]:
    """Yield a node that answers, and is healthy. It is stopped at the end, if it was not before."""
    port = walk.free_port()
    log_file = folder / f"{port}.log"
    with log_file.open("wb") as log:
        server = subprocess.Popen(
            [programs / "gunicorn", "--bind", f"127.0.0.1:{port}", "wsgi:app"],
            cwd=folder,
            env=commands.environment(environment),
            stdout=log,
            stderr=log,
        )
    node = Node(server, f"http://127.0.0.1:{port}", log_file)
    try:
        if healthy:
            walk.wait_until_healthy(node.address)
        else:
            until(lambda: listens(port))
        yield node
    finally:
        server.terminate()
        try:
            server.wait(timeout=walk.WAIT)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def until(condition: Callable[[], bool], seconds: float = walk.WAIT) -> None:
    """Return when the condition holds. Raises TimeoutError when it does not in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} seconds")
        time.sleep(0.05)


def listens(port: int) -> bool:
    """Return whether something accepts connections on a port of this machine."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


class Proxy:
    """Forwards connections to a server, until it is cut or frozen."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.port = walk.free_port()
        self.sockets: list[socket.socket] = []
        self.flowing = Event()
        self.flowing.set()
        self.mend()

    def mend(self) -> None:
        """Forward connections again."""
        self.listener = socket.create_server(("127.0.0.1", self.port))
        self.sockets = [self.listener]
        Thread(target=self._accept, args=(self.listener,), daemon=True).start()

    def cut(self) -> None:
        """Refuse new connections, and close the existing ones."""
        for each in self.sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    def freeze(self) -> None:
        """Accept connections and requests, but never respond."""
        self.flowing.clear()

    def thaw(self) -> None:
        """Forward what waits, and all that follows."""
        self.flowing.set()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client = listener.accept()[0]
                server = socket.create_connection(self.target)
                self.sockets += [client, server]
                for source, sink in ((client, server), (server, client)):
                    Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                self.flowing.wait()
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)


class Redis:
    """A Redis server of the test's own, which can be stopped and started."""

    def __init__(self) -> None:
        self.port = walk.free_port()
        self.start()

    @property
    def url(self) -> str:
        """The value for `RATELIMIT_STORAGE_URI`."""
        return f"redis://127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start it, empty, and wait until it answers. Raises FileNotFoundError without Redis."""
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--daemonize", "no"]
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), *options], stdout=subprocess.DEVNULL
        )
        until(lambda: listens(self.port))

    def stop(self) -> None:
        """Stop it at once."""
        self.process.send_signal(signal.SIGCONT)
        self.process.kill()
        self.process.wait()

    def freeze(self) -> None:
        """Let it accept connections, but never respond."""
        self.process.send_signal(signal.SIGSTOP)
