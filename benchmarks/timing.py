"""Whether the time of a response reveals who has an account.

Runs a new app under gunicorn with the real hash and limits opened wide, asks in turn about an
address that is known and one that is not, and prints the ratio of the medians for each operation.
Then it measures what the work after the response could tell: how long your own next email takes,
and how long the next responses take. Exits with 1 when one of them is off by more than a tenth.
From the repository's folder:

    .venv/bin/python -m benchmarks.timing
"""

import argparse
import asyncio
import json
import random
import re
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from queue import Queue
from urllib.parse import urlencode, urlsplit

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from tests import commands, databases, nodes, walk
from tests.conftest import copy_template, make_renderer
from tests.nodes import ADA, Node
from tests.variants import Variant

GOAL = 0.1
# Of one length, as are the unknown ones.
KNOWN, WAITING = "k0000001@example.com", "k0000002@example.com"
# The account of the measuring process.
OWN = "o0000001@example.com"
WRONG = "not the right one"
NEW_ACCOUNTS = f"""
from app.accounts import registration
from wsgi import app
with app.app_context():
    registration.create("Known", {KNOWN!r}, {walk.PASSWORD!r}, confirmed=True)
    registration.create("Waiting", {WAITING!r}, {walk.PASSWORD!r})
    registration.create("Own", {OWN!r}, {walk.PASSWORD!r}, confirmed=True)
"""
RULES = (
    "PASSWORD_BY_IP",
    "PASSWORD_FAILURES",
    "NEW_PASSWORDS_BY_IP",
    "MAIL_BY_ADDRESS",
    "MAIL_BY_IP",
)
WIDE = {f"LIMIT_{rule}": "1000000 per second" for rule in RULES}
REAL_HASH = {"PASSWORD_HASH_METHOD": "scrypt:32768:8:3"}
# Seconds after a response in which the email, if there is one, leaves.
PAUSE = 0.1
# Seconds that the mail server takes for an email: one that is slow shows the most.
SLOW = 0.05
# How many pages are opened while the job is done.
PAGES = 8


class Client:
    """One connection that stays open, with the headers and cookies that it is given."""

    def __init__(self, address: str, headers: dict[str, str]) -> None:
        self.connection = HTTPConnection(urlsplit(address).netloc, timeout=30)
        self.headers = headers

    def send(self, method: str, path: str, body: str) -> tuple[float, int]:
        """Seconds until the response arrived, and its status."""
        begin = time.perf_counter()
        self.connection.request(method, path, body, self.headers)
        answer = self.connection.getresponse()
        answer.read()
        return time.perf_counter() - begin, answer.status


@dataclass(frozen=True)
class Operation:
    """Something that one can ask about an address: `body` makes the request's for it."""

    client: Client
    method: str
    path: str
    body: Callable[[str], str]
    known: str = KNOWN

    def address(self, is_known: bool, unknown: Iterator[str]) -> str:
        """Return the known address, or the next of the unknown."""
        return self.known if is_known else next(unknown)

    def measure(self, rounds: int, unknown: Iterator[str]) -> tuple[float, float]:
        """Return the median seconds for the known address and for unknown ones."""
        times: dict[bool, list[float]] = {True: [], False: []}
        statuses = set()
        for is_known in (True, False, True, False):  # for warmth
            self.client.send(self.method, self.path, self.body(self.address(is_known, unknown)))
        # In random order: what a request leaves behind, such as an email to send, must meet
        # both kinds alike.
        for is_known in random.sample([True, False] * rounds, 2 * rounds):
            body = self.body(self.address(is_known, unknown))
            seconds, status = self.client.send(self.method, self.path, body)
            statuses.add(status)
            times[is_known].append(seconds)
            time.sleep(PAUSE)
        if len(statuses) > 1:
            raise ValueError(f"{self.path} answers with {statuses}")
        return statistics.median(times[True]), statistics.median(times[False])


def forms(node: Node) -> Iterator[Operation]:
    """Yield what the pages can be asked."""

    def operation(path: str, signed_in: bool = False, known: str = KNOWN, **more: str) -> Operation:
        browser = node.browser() if signed_in else walk.browser(node.address)
        page = browser.get(f"{node.address}{path}").text
        token = re.findall(r'name="csrf_token"[^>]*value="([^"]+)"', page)[0]
        headers = {
            "Cookie": "; ".join(f"{c.name}={c.value}" for c in browser.cookies),
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Forwarded-Proto": "https",
        }
        fields = {"csrf_token": token, **more}
        client = Client(node.address, headers)
        return Operation(
            client, "POST", path, lambda email: urlencode({"email": email, **fields}), known
        )

    yield operation("/register", name="Grace", password=walk.PASSWORD)
    yield operation("/confirm", known=WAITING)
    yield operation("/reset-password")
    yield operation("/login", password=WRONG)
    yield operation("/account/email", signed_in=True)


def operations(node: Node) -> Iterator[Operation]:
    """Yield what the API can be asked."""

    def operation(line: str, token: str = "", known: str = KNOWN, **more: str) -> Operation:
        method, path = line.split()
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
        client = Client(node.address, headers)
        return Operation(
            client,
            method,
            f"/api/v1{path}",
            lambda email: json.dumps({"email": email, **more}),
            known,
        )

    yield operation("POST /accounts", name="Grace", password=walk.PASSWORD)
    yield operation("POST /confirmations", known=WAITING)
    yield operation("POST /password-resets")
    yield operation("POST /sessions", password=WRONG)
    yield operation("PUT /account/email", node.sign_in(), current_password=ADA["password"])


@dataclass(frozen=True)
class Afterwards:
    """What can be seen after asking about an address: `probe` returns the seconds it takes."""

    ask: Operation
    probe: Callable[[], float]

    def measure(self, rounds: int, unknown: Iterator[str]) -> tuple[float, float]:
        """Return the median seconds after the known address, and after unknown ones."""
        times: dict[bool, list[float]] = {True: [], False: []}
        order = [True, False] * 2 + random.sample([True, False] * rounds, 2 * rounds)
        for is_known in order:
            body = self.ask.body(self.ask.address(is_known, unknown))
            self.ask.client.send(self.ask.method, self.ask.path, body)
            times[is_known].append(self.probe())
            time.sleep(PAUSE + 2 * SLOW)
        return statistics.median(times[True][2:]), statistics.median(times[False][2:])


def side_channels(node: Node, arrivals: "Arrivals") -> Iterator[tuple[str, Afterwards]]:
    """What the work after the response could tell, for a link by reset and by confirmation."""
    headers = {"Content-Type": "application/json"}
    for path, known in (("password-resets", KNOWN), ("confirmations", WAITING)):
        client, own = Client(node.address, headers), Client(node.address, headers)
        ask = Operation(
            client, "POST", f"/api/v1/{path}", lambda email: json.dumps({"email": email}), known
        )

        def own_email(own: Client = own) -> float:
            begin = time.perf_counter()
            own.send("POST", "/api/v1/password-resets", json.dumps({"email": OWN}))
            return arrivals.wait_for(OWN) - begin

        def next_responses(own: Client = own) -> float:
            return sum(own.send("GET", "/login", "")[0] for _ in range(PAGES))

        yield f"own email after {path}", Afterwards(ask, own_email)
        yield f"next responses after {path}", Afterwards(ask, next_responses)


class Arrivals:
    """A slow mail server that notes when an email arrives."""

    def __init__(self) -> None:
        self.times: dict[str, Queue[float]] = defaultdict(Queue)

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take an email, slowly."""
        await asyncio.sleep(SLOW)
        self.times[envelope.rcpt_tos[0]].put(time.perf_counter())
        return "250 OK"

    def wait_for(self, address: str) -> float:
        """When the next email to an address arrived."""
        return self.times[address].get(timeout=60)


@contextmanager
def served(backend: str, programs: Path | None) -> Iterator[tuple[Node, Arrivals]]:
    """Yield a new app with everything on, in production, and its mail server."""
    port, arrivals = walk.free_port(), Arrivals()
    mail_server = Controller(arrivals, hostname="127.0.0.1", port=port)
    mail_server.start()
    with tempfile.TemporaryDirectory() as name, databases.database(backend) as url:
        template = copy_template(Path(name, "template"))
        Path(name, "apps").mkdir()
        render = make_renderer(template, Path(name, "apps"))
        folder = render(**Variant("both", True, backend).answers)
        programs = programs or commands.make_environment(folder, ".")
        environment = nodes.settings(
            url, MAIL_PORT=str(port), WEB_CONCURRENCY="1", **WIDE, **REAL_HASH
        )
        nodes.prepare(folder, programs, environment)
        commands.run(programs / "python", "-c", NEW_ACCOUNTS, folder=folder, settings=environment)
        try:
            with nodes.running(folder, programs, environment) as node:
                yield node, arrivals
        finally:
            mail_server.stop()


def main() -> int:
    """Measure, and print a line for each operation."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=60, help="requests of each kind")
    parser.add_argument("--backend", default="sqlite", choices=("sqlite", "postgresql", "mysql"))
    parser.add_argument("--only", default="", help="operations with this in their path")
    parser.add_argument("--programs", type=Path, help="the bin folder of an environment to use")
    arguments = parser.parse_args()
    unknown = (f"u{number:07}@example.com" for number in count())
    failures = 0
    with served(arguments.backend, arguments.programs) as (node, arrivals):
        print(f"{'operation':36}{'known':>10}{'unknown':>10}{'ratio':>8}")
        channels: list[tuple[str, Operation | Afterwards]] = [
            (f"{each.method} {each.path}", each) for each in (*forms(node), *operations(node))
        ]
        channels += side_channels(node, arrivals)
        for name, measured in channels:
            if arguments.only not in name:
                continue
            known, other = measured.measure(arguments.rounds, unknown)
            failures += abs(known / other - 1) > GOAL
            print(f"{name:36}{known:8.4f} s{other:8.4f} s{known / other:8.3f}", flush=True)
    return int(failures > 0)


if __name__ == "__main__":
    sys.exit(main())
