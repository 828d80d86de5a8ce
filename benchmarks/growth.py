"""What requests and commands take with many accounts, next to the same with a thousand.

Serves a new app twice, with a small and a large database, and measures wall-clock time in turn:
the work of a database server counts. Writes `docs/growth.md`. From the repository's folder:

    .venv/bin/python -m benchmarks.growth --accounts 1000000
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from benchmarks import measures
from benchmarks.report import DOCS
from benchmarks.servers import App, Server, serving
from benchmarks.side_by_side import Run
from tests import commands, databases, nodes

SMALL = 1000
SESSIONS = 3
# Adds accounts, each with sessions that are open and one job that waits.
FILLING = f"""
import sys
from datetime import timedelta
from uuid import uuid4
from sqlalchemy import insert
from app.accounts.models import Account, Session
from app.columns import now
from app.extensions import db
from app.jobs.models import Job
from wsgi import app

later = now() + timedelta(days=1)

def account(n):
    return {{"id": n, "name": f"Person {{n}}", "email": f"person{{n}}@example.com",
             "password_hash": "scrypt:512:8:1$salt$0", "confirmed_at": now()}}

def session(n, number):
    return {{"account_id": n, "token_hash": uuid4().hex, "kind": "browser", "user_agent": "",
             "ip_address": "192.0.2.1", "expires_at": later}}

def job(n):
    return {{"name": "notice", "account_id": n, "arguments": "{{}}", "due_at": later}}

with app.app_context():
    numbers = range(10, 10 + int(sys.argv[1]))
    for begin in range(0, len(numbers), 5000):
        part = numbers[begin:begin + 5000]
        db.session.execute(insert(Account), [account(n) for n in part])
        rows = [session(n, i) for n in part for i in range({SESSIONS})]
        db.session.execute(insert(Session), rows)
        db.session.execute(insert(Job), [job(n) for n in part])
        db.session.commit()
    db.session.execute(db.text("ANALYZE"))
    db.session.commit()
"""
HEAD = """\
# Growth

`make growth` writes this page: the wall-clock milliseconds of requests and commands with {small:,} and with {large:,} accounts, each with three
sessions and a waiting job. Each value is the shortest of several rounds, which alternate between the two databases. A search by name and the purge read
the whole table of accounts; so does the first sign-in of each process, which looks for hash methods that are no longer set.

| | {small:,} accounts | {large:,} accounts | ratio |
| --- | --- | --- | --- |
"""

Row = tuple[str, float, float]


def measure(run: Run, backend: str, urls: list[str], accounts: int) -> list[Row]:
    """Return for each operation its time with few and with many accounts."""
    folder = run.app_folder(backend)
    apps = []
    for url, count in zip(urls, (SMALL, accounts), strict=True):
        settings = nodes.settings(url, JOBS_IN_PROCESS="no", WEB_CONCURRENCY="1")
        nodes.prepare(folder, run.programs, settings)
        command = (run.programs / "python", "-c", FILLING, str(count))
        commands.run(*command, folder=folder, settings=settings)
        apps.append(App(folder, "wsgi", settings))
    with ExitStack() as stack:
        servers = [stack.enter_context(serving(app, run.programs)) for app in apps]
        for server in servers:
            server.sign_in()
            measures.sign_in(server, 30_000)
        sends: dict[str, measures.Send] = {
            "Signed-in page": measures.get("/account"),
            "List of sessions": measures.get("/account/sessions"),
            # The last: it ends the oldest sessions.
            "Sign-in, with a cheap hash": measures.sign_in,
        }
        rows = [
            (title, *_in_turn(run, [_requests(server, send, run) for server in servers]))
            for title, send in sends.items()
        ]
    for arguments in (("list", "--limit", "20"), ("purge",)):
        title = f"`flask accounts {' '.join(arguments)}`"
        rows.append((title, *_in_turn(run, [_command(app, run, *arguments) for app in apps], 3)))
    return rows


def _in_turn(run: Run, works: list[Callable[[], None]], rounds: int = 0) -> tuple[float, float]:
    """Return the shortest time of each in milliseconds."""
    best = [float("inf")] * len(works)
    for _ in range(rounds or run.rounds):
        for place, work in enumerate(works):
            begin = time.monotonic()
            work()
            best[place] = min(best[place], time.monotonic() - begin)
    return 1000 * best[0], 1000 * best[1]


def _requests(server: Server, send: measures.Send, run: Run) -> Callable[[], None]:
    numbers = iter(range(10_000_000))

    def work() -> None:
        for _ in range(run.requests):
            if send(server, next(numbers)) >= 300:
                raise RuntimeError("refused")

    return work


def _command(app: App, run: Run, *arguments: str) -> Callable[[], None]:
    settings = {**app.settings, "FLASK_SKIP_DOTENV": "1"}

    def work() -> None:
        flask = run.programs / "flask"
        commands.run(flask, "accounts", *arguments, folder=app.folder, settings=settings)

    return work


def write(found: dict[str, list[Row]], accounts: int, requests: int) -> None:
    """Write the page."""
    lines = [HEAD.format(small=SMALL, large=accounts).rstrip()]
    for database, rows in found.items():
        for title, small, large in rows:
            part = 1 if "flask" in title else requests
            cells = f"{small / part:.2f} | {large / part:.2f} | {large / small:.2f}"
            lines.append(f"| {title}, {database} | {cells} |")
    (DOCS / "growth.md").write_text("\n".join([*lines, ""]), "utf-8")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--accounts", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--requests", type=int, default=10, help="in each round")
    parser.add_argument("--programs", type=Path, help="the bin folder of an environment to use")
    arguments = parser.parse_args()
    found = {}
    with tempfile.TemporaryDirectory() as name:
        run = Run(Path(name), arguments.rounds, arguments.requests, arguments.programs)
        urls = [f"sqlite:///{name}/{size}.db" for size in ("small", "large")]
        found["SQLite"] = measure(run, "sqlite", urls, arguments.accounts)
        try:
            with ExitStack() as stack:
                urls = [stack.enter_context(databases.database("postgresql")) for _ in range(2)]
                found["PostgreSQL"] = measure(run, "postgresql", urls, arguments.accounts)
        except pytest.skip.Exception as reason:
            print(f"Without PostgreSQL: {reason}")
    write(found, arguments.accounts, arguments.requests)


if __name__ == "__main__":
    main()
