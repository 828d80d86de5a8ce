"""Apps under gunicorn, and what their processes take."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from tests import commands, nodes, walk

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


@dataclass
class App:
    """How an app is started: the folder, the module with `app`, and the settings."""

    folder: Path
    module: str
    settings: dict[str, str]


@dataclass
class Server:
    """A server process, and a client of it that keeps cookies."""

    process: subprocess.Popen[bytes]
    port: int
    cookies: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    device: str = ""  # by which the API knows this client
    # All clients of the process, each with a connection.
    clients: list["Server"] = field(default_factory=list)

    def __post_init__(self) -> None:
        nodes.until(lambda: nodes.listens(self.port) or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise RuntimeError("The server has ended")
        self.connection = HTTPConnection("127.0.0.1", self.port, timeout=walk.WAIT)
        nodes.until(lambda: bool(self._children()))
        self.worker = self._children()[0]
        self.clients.append(self)

    def stranger(self, **headers: str) -> "Server":
        """Return another client of the same process, with headers of its own."""
        return Server(self.process, self.port, headers=headers, clients=self.clients)

    def send(
        self,
        path: str,
        form: dict[str, str] | None = None,
        data: dict[str, str] | None = None,
        ip_address: str = "192.0.2.1",
    ) -> tuple[int, str]:
        """Return the status and the text of the response to a GET, or a POST with a body."""
        headers = {
            "Host": "127.0.0.1",
            "X-Forwarded-For": ip_address,
            "X-Forwarded-Proto": "https",
            "Referer": "https://127.0.0.1/login",
            **self.headers,
        }
        if self.cookies:
            headers["Cookie"] = "; ".join(f"{n}={v}" for n, v in self.cookies.items())
        method, body = "GET", None
        if form:
            method, body, headers = "POST", urlencode(form), headers | FORM
        elif data:
            method, body, headers = "POST", json.dumps(data), headers | JSON
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        for cookie in response.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition("=")
            self.cookies[name] = value.partition(";")[0]
        return response.status, response.read().decode()

    def sign_in(self) -> None:
        """Sign in as Ada."""
        found = re.search(r'name="csrf_token"[^>]* value="([^"]+)"', self.send("/login")[1])
        form = {**nodes.ADA, "csrf_token": found[1] if found else ""}
        status, text = self.send("/login", form)
        if status not in (302, 303):
            raise RuntimeError(f"no sign-in: {text}")

    def cpu(self) -> float:
        """Return the CPU time of the threads of the first worker so far, in milliseconds."""
        threads = Path(f"/proc/{self.worker}/task").glob("*/schedstat")
        return sum(int(thread.read_text("ascii").split()[0]) for thread in threads) / 1e6

    def memory(self) -> float:
        """Return the memory of all its processes in MiB, what they share counted once."""
        total = 0
        for pid in (self.process.pid, *self._children()):
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
            total += int(re.findall(r"^Pss:\s+(\d+)", rollup, re.MULTILINE)[0])
        return total / 1024

    def _children(self) -> list[int]:
        pid = self.process.pid
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]


@contextmanager
def serving(app: App, programs: Path, workers: int = 1) -> Iterator[Server]:
    """Serve an app with the settings of `gunicorn.conf.py`, if it has one."""
    port = walk.free_port()
    options = ["--bind", f"127.0.0.1:{port}", "--keep-alive", "75", "--threads", "8"]
    process = subprocess.Popen(
        [programs / "gunicorn", *options, "--workers", str(workers), f"{app.module}:app"],
        cwd=app.folder,
        env=commands.environment(app.settings),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    clients: list[Server] = []
    try:
        yield Server(process, port, clients=clients)
    finally:
        for client in clients:
            client.connection.close()
        process.terminate()
        process.wait()
