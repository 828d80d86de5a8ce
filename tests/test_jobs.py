"""Emails as jobs in production: processes are killed, and the mail server is unavailable."""

import os
import random
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import requests
from aiosmtpd.controller import Controller

from tests import commands, databases, nodes, walk
from tests.conftest import Renderer
from tests.nodes import Node
from tests.variants import Variant

PEOPLE = 40
ADDRESSES = [f"person{number}@example.com" for number in range(PEOPLE)]
# Short, so that nobody waits; the real ones are tried by the rendered suite, with its clock moved.
QUICK = {
    "JOB_LEASE_SECONDS": "4",
    "JOB_PAUSES_SECONDS": "1",
    "LIMIT_MAIL_BY_IP": "1000 per hour",
    "LIMIT_NEW_PASSWORDS_BY_IP": "1000 per hour",
}


class App:
    """An app that was rendered, with its database and its mail server."""

    def __init__(self, folder: Path, programs: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.programs = programs
        self.environment = environment

    def node(self, **settings: str) -> AbstractContextManager[Node]:
        """Start a web server."""
        return nodes.running(self.folder, self.programs, {**self.environment, **settings})

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start a process that does jobs; it is stopped at the end, if it was not before."""
        process = subprocess.Popen(
            [self.programs / "flask", "--app", "wsgi", "accounts", "work"],
            cwd=self.folder,
            env=commands.environment(self.environment),
        )
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(timeout=walk.WAIT) in (0, -signal.SIGKILL)

    def waiting(self) -> list[str]:
        """Return the jobs that wait, except those that repeat."""
        listing = commands.run(
            *(self.programs / "flask", "--app", "wsgi", "accounts", "jobs"),
            folder=self.folder,
            settings=self.environment,
        ).stdout.splitlines()
        return [line for line in listing if "\t" in line and "\tpurge\t" not in line]

    def until_nothing_waits(self) -> None:
        """Wait until all jobs are done."""
        nodes.until(lambda: not self.waiting())


def make_app(backend: str, render: Renderer, programs: Path, url: str, mail_port: int) -> App:
    """Render an app with everything on, over a database."""
    folder = render(**Variant("both", True, backend).answers)
    # The folder's .env turns debug mode on, for the `flask` command.
    environment = nodes.settings(url, MAIL_PORT=str(mail_port), FLASK_DEBUG="0", **QUICK)
    nodes.prepare(folder, programs, environment)
    return App(folder, programs, environment)


def register(node: Node, address: str) -> str | None:
    """Register a person. Return the address if the app promised an email, or None."""
    try:
        answer = node.api("POST", "/accounts", name="P", email=address, password=walk.PASSWORD)
    except requests.ConnectionError:
        return None
    return address if answer.status_code == 202 else None


def register_all(*targets: Node, while_it_lasts: Callable[[], None] = lambda: None) -> set[str]:
    """Register all people, several at once. Return those who were promised an email."""
    with ThreadPoolExecutor(6) as pool:
        promised = [
            pool.submit(register, targets[number % len(targets)], address)
            for number, address in enumerate(ADDRESSES)
        ]
        while_it_lasts()
        return {address for each in promised if (address := each.result())}


def received(server: walk.MailServer) -> Counter[str]:
    """Return how many emails each address has received so far."""
    counts: Counter[str] = Counter()
    while not server.mails.empty():
        counts[server.mails.get()["To"]] += 1
    return counts


@pytest.mark.parametrize("backend", ["sqlite", "postgresql", "mysql"])
def test_no_email_is_lost_when_processes_are_killed_under_load(
    backend: str, render: Renderer, programs: Path
) -> None:
    chance = random.Random(12)  # noqa: S311 - when to kill, the same in every run
    kills = 4
    with walk.mail_server() as (server, port), databases.database(backend) as url:
        app = make_app(backend, render, programs, url, port)
        with app.node() as node:

            def kill() -> None:
                for _ in range(kills):
                    time.sleep(chance.uniform(0.2, 0.8))
                    if workers := node.workers():
                        os.kill(chance.choice(workers), signal.SIGKILL)

            promised = register_all(node, while_it_lasts=kill)
            walk.wait_until_healthy(node.address)
            app.until_nothing_waits()
    counts = received(server)
    assert len(promised) > PEOPLE / 2
    assert promised - counts.keys() == set()
    # A kill can hit two emails on their way, one in each thread of the process.
    assert sum(count - 1 for count in counts.values()) <= 2 * kills


def test_workers_of_their_own_are_killed_and_no_email_is_lost(
    render: Renderer, programs: Path
) -> None:
    with walk.mail_server() as (server, port), databases.database("postgresql") as url:
        app = make_app("postgresql", render, programs, url, port)
        app.environment["JOBS_IN_PROCESS"] = "false"
        with app.node() as node:
            promised = register_all(node)
            assert len(promised) == len(app.waiting()) == PEOPLE
            assert received(server) == Counter()
            with app.worker() as first, app.worker():
                nodes.until(lambda: server.mails.qsize() > 5)
                first.kill()
                app.until_nothing_waits()
    counts = received(server)
    assert counts.keys() == promised
    assert sum(counts.values()) <= PEOPLE + 2


def test_two_nodes_on_one_database_send_each_email_once(render: Renderer, programs: Path) -> None:
    with walk.mail_server() as (server, port), databases.database("postgresql") as url:
        app = make_app("postgresql", render, programs, url, port)
        app.environment["JOB_LEASE_SECONDS"] = str(walk.WAIT)  # no lease ends on a busy machine
        with app.node() as first, app.node() as second:
            promised = register_all(first, second)
            app.until_nothing_waits()
    assert received(server) == Counter(promised)
    assert len(promised) == PEOPLE


def test_a_mail_server_that_comes_back_gets_each_email_once(
    render: Renderer, programs: Path
) -> None:
    server, port = walk.MailServer(), walk.free_port()
    with databases.database("sqlite") as url:
        app = make_app("sqlite", render, programs, url, port)
        app.environment["JOB_LEASE_SECONDS"] = str(walk.WAIT)
        with app.node() as node:
            promised = register_all(node)
            assert len(promised) == PEOPLE
            assert requests.get(f"{node.address}/healthz", timeout=walk.WAIT).status_code == 200
            waiting = app.waiting()
            assert len(waiting) == PEOPLE
            assert all("@" not in line for line in waiting)
            nodes.until(lambda: "ConnectionRefusedError" in app.waiting()[-1])
        controller = Controller(server, hostname="127.0.0.1", port=port)
        controller.start()
        try:
            # A restart in between: it starts without being asked for anything.
            with app.node():
                app.until_nothing_waits()
        finally:
            controller.stop()
    assert received(server) == Counter(promised)
