"""What an app does while the mail server, Redis or a worker fails, with real processes."""

import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import databases, nodes, servers, walk
from tests.conftest import Renderer, make_renderer
from tests.nodes import ADA, Node, Redis
from tests.variants import Variant


@pytest.fixture
def redis() -> Iterator[Redis]:
    """A Redis of the test's own."""
    servers.need("redis-server")
    server = Redis()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def prepared(template: Path, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app with everything on, over SQLite, with Ada's account."""
    render = make_renderer(template, tmp_path_factory.mktemp("faults"))
    rendered = render(**Variant("both", True, "sqlite").answers)
    nodes.prepare(rendered, programs, nodes.settings("sqlite:///app.db"))
    shutil.copy(rendered / "instance" / "app.db", rendered)
    return rendered


@pytest.fixture
def folder(prepared: Path) -> Path:
    """The app with the database that it began with: no email of another test waits in it."""
    for old in (prepared / "instance").glob("app.db*"):
        old.unlink()
    shutil.copy(prepared / "app.db", prepared / "instance")
    return prepared


@contextmanager
def node(folder: Path, programs: Path, **settings: str) -> Iterator[Node]:
    """Yield a node over SQLite."""
    environment = nodes.settings("sqlite:///app.db", **settings)
    with nodes.running(folder, programs, environment) as started:
        yield started


def test_the_mail_server_is_down(folder: Path, programs: Path) -> None:
    with node(folder, programs) as started:
        for path, body in (
            ("/accounts", {"name": "Grace", **ADA, "email": "grace@example.com"}),
            ("/password-resets", {"email": ADA["email"]}),
        ):
            assert started.api("POST", path, **body).status_code == 202
        nodes.until(lambda: started.log.count("failed, try 1; next try") == 2)
        started.sign_in()


def test_the_mail_server_hangs(folder: Path, programs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = {
            "MAIL_PORT": str(silent.getsockname()[1]),
            "MAIL_TIMEOUT_SECONDS": str(walk.WAIT),
            "WEB_CONCURRENCY": "1",
        }
        with node(folder, programs, **settings) as started:
            for _ in range(2):
                answer = started.api("POST", "/password-resets", email=ADA["email"])
                assert answer.status_code == 202
            started.sign_in()
            # Neither response waited for the mail server, which hangs until now.
            silent.settimeout(walk.WAIT)
            for _ in range(2):
                silent.accept()[0].close()
            nodes.until(lambda: started.log.count("failed, try 1; next try") == 2)


@pytest.mark.parametrize("fault", ["stop", "freeze"])
def test_the_storage_of_the_limits_fails(
    fault: str, redis: Redis, folder: Path, programs: Path
) -> None:
    settings = {"RATELIMIT_STORAGE_URI": redis.url, "WEB_CONCURRENCY": "1"}
    with node(folder, programs, **settings) as started:
        started.sign_in()
        getattr(redis, fault)()
        begin = time.monotonic()
        started.sign_in()
        assert time.monotonic() - begin < 60  # without time-outs it would hang
        assert started.log.count("The storage of the limits is down") == 1
        wrong = {**ADA, "password": "wrong"}
        statuses = [started.api("POST", "/sessions", **wrong).status_code for _ in range(11)]
        assert statuses == [401] * 10 + [429]


def test_a_worker_is_killed(folder: Path, programs: Path) -> None:
    with node(folder, programs, WEB_CONCURRENCY="1") as started:
        token = started.sign_in()
        (worker,) = started.workers()
        os.kill(worker, signal.SIGKILL)
        nodes.until(lambda: started.workers() not in ([], [worker]))
        walk.wait_until_healthy(started.address)
        assert started.api("GET", "/account", token).status_code == 200


def test_requests_in_flight_are_answered_before_the_end_and_no_email_is_lost(
    folder: Path, programs: Path
) -> None:
    addresses = [f"person{number}@example.com" for number in range(8)]
    # Each registration hashes for half a second or longer, twice as many as there are threads.
    slow = {"PASSWORD_HASH_METHOD": "scrypt:16384:8:16", "WEB_CONCURRENCY": "1"}
    with (
        walk.mail_server() as (mails, port),
        node(folder, programs, MAIL_PORT=str(port), **slow) as started,
        ThreadPoolExecutor(8) as pool,
    ):
        answers = [
            pool.submit(started.api, "POST", "/accounts", name="P", **{**ADA, "email": address})
            for address in addresses
        ]
        nodes.until(lambda: started.accepted() == len(addresses))
        started.server.terminate()
        assert [answer.result().status_code for answer in answers] == [202] * 8
        assert started.server.wait(timeout=walk.WAIT) == os.EX_OK
        with node(folder, programs, MAIL_PORT=str(port)):
            # What the first one left is sent by the next.
            assert sorted(mails.mails.get(timeout=walk.WAIT)["To"] for _ in addresses) == addresses


def test_two_nodes_share_sessions_and_limits(
    redis: Redis, render: Renderer, programs: Path
) -> None:
    folder = render(**Variant("both", True, "postgresql").answers)
    with databases.database("postgresql") as url:
        environment = nodes.settings(url, RATELIMIT_STORAGE_URI=redis.url)
        nodes.prepare(folder, programs, environment)
        with (
            nodes.running(folder, programs, environment) as first,
            nodes.running(folder, programs, environment) as second,
        ):
            check_sessions_are_shared(first, second)
            check_limits_are_shared(first, second)


def check_sessions_are_shared(first: Node, second: Node) -> None:
    """Check that sessions begin and end on both nodes."""
    token, browser = first.sign_in(), first.browser()
    assert second.api("GET", "/account", token).status_code == 200
    assert browser.get(f"{second.address}/account").status_code == 200
    copy = walk.browser(second.address)
    copy.cookies.update(browser.cookies)
    assert second.api("DELETE", "/sessions/current", token).status_code == 204
    answer = second.submit(browser, "/logout", page="/account")
    assert answer.status_code == 303
    assert first.api("GET", "/account", token).status_code == 401
    for client in (browser, copy):
        account = client.get(f"{first.address}/account", allow_redirects=False)
        assert account.headers["Location"].startswith("/login")


def check_limits_are_shared(first: Node, second: Node) -> None:
    """Check that wrong passwords on both nodes count toward one limit."""
    wrong = {**ADA, "password": "wrong"}
    statuses = [
        node.api("POST", "/sessions", **wrong).status_code
        for node in (first, second) * 5 + (first, second)
    ]
    assert statuses == [401] * 10 + [429] * 2
