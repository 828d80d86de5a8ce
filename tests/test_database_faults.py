"""What an app in production does while a real database server fails."""

import re
import secrets
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests import databases, nodes, servers, walk
from tests.conftest import Renderer
from tests.nodes import ADA, Node, Proxy
from tests.variants import Variant

BACKENDS = ["postgresql", "mysql"]
PORTS = {"postgresql": 5432, "mysql": 3306}
LINE = re.compile(r"The database failed at (GET|PATCH|POST) [\w.]+: \w+: .+")
QUICK = {
    "DATABASE_CONNECT_TIMEOUT_SECONDS": "1",
    "DATABASE_STATEMENT_TIMEOUT_SECONDS": "1",
    "DATABASE_LOCK_TIMEOUT_SECONDS": "1",
}


@contextmanager
def serving(
    render: Renderer, programs: Path, backend: str, url: str, **settings: str
) -> Iterator[Node]:
    """Yield a node with everything on over an empty database, with Ada's account."""
    folder = render(**Variant("both", True, backend).answers)
    environment = nodes.settings(url, **QUICK, **settings)
    nodes.prepare(folder, programs, environment)
    with nodes.running(folder, programs, environment) as node:
        yield node
        assert "Traceback" not in node.log


@pytest.fixture
def proxy(backend: str) -> Iterator[Proxy]:
    """A way to the database's server."""
    parts = urlsplit(databases.server_url(backend))
    proxy = Proxy(parts.hostname or "", parts.port or PORTS[backend])
    yield proxy
    proxy.thaw()
    proxy.cut()


def through(proxy: Proxy, url: str) -> str:
    """Return the URL of a database behind a proxy."""
    parts = urlsplit(url)
    user = parts.netloc.rpartition("@")[0]
    return parts._replace(netloc=f"{user}@127.0.0.1:{proxy.port}").geturl()


def check_unavailable(node: Node, answers: list[requests.Response]) -> None:
    """Check that each response says so, and is one line in the log."""
    lines = [line for line in node.lines() if LINE.fullmatch(line.get("message", ""))]
    assert len(lines) == len(answers), node.log
    ids = {line["request_id"] for line in lines}
    assert ids == {answer.headers["X-Request-ID"] for answer in answers}
    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["Retry-After"] == "10"
        assert "Content-Security-Policy" in answer.headers
        kind = "application/problem+json" if "/api/" in answer.url else "text/html"
        assert answer.headers["Content-Type"].startswith(kind)
    health = requests.get(f"{node.address}/healthz", timeout=walk.WAIT)
    assert (health.status_code, health.json()) == (503, {"status": "unavailable"})
    assert '"logger": "app.health", "message": "Not healthy: ' in node.log


def check_available(node: Node, token: str, browser: requests.Session) -> None:
    """Check that the app has recovered by itself."""
    assert requests.get(f"{node.address}/healthz", timeout=walk.WAIT).status_code == 200
    assert node.api("PATCH", "/account", token, name="Ada").status_code == 200
    assert browser.get(f"{node.address}/account", timeout=walk.WAIT).status_code == 200


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("fault", "end"), [("cut", "mend"), ("freeze", "thaw")])
def test_the_database_is_gone_and_comes_back(
    backend: str, fault: str, end: str, proxy: Proxy, render: Renderer, programs: Path
) -> None:
    with (
        databases.database(backend) as url,
        serving(render, programs, backend, through(proxy, url)) as node,
    ):
        token, browser = node.sign_in(), node.browser()
        getattr(proxy, fault)()
        for path in ("/", "/static/style.css"):
            assert requests.get(f"{node.address}{path}", timeout=walk.WAIT).status_code == 200
        answers = [
            browser.get(f"{node.address}/account", timeout=walk.WAIT),
            node.api("GET", "/account", token),
            node.api("POST", "/sessions", **ADA),
        ]
        assert max(answer.elapsed.total_seconds() for answer in answers) < 60
        check_unavailable(node, answers)
        getattr(proxy, end)()
        check_available(node, token, browser)


def check_read_only(node: Node, token: str, browser: requests.Session) -> None:
    """Check that requests that only read succeed, and those that write don't."""
    assert node.api("GET", "/account", token).status_code == 200
    check_unavailable(
        node,
        [
            node.api("PATCH", "/account", token, name="Grace"),
            node.submit(browser, "/account/profile", name="Grace"),
        ],
    )


def test_postgresql_becomes_read_only_and_writable_again(render: Renderer, programs: Path) -> None:
    with (
        databases.database("postgresql") as url,
        serving(render, programs, "postgresql", url) as node,
    ):
        token, browser = node.sign_in(), node.browser()
        name = urlsplit(url).path.lstrip("/")
        switch = f"ALTER DATABASE {name} SET default_transaction_read_only = "
        kick_out = (
            # Until they have ended: a request on one that is about to end would fail.
            "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"  # noqa: S608 - our own name
            f" WHERE datname = '{name}'"
        )
        for statement in (f"{switch} on", kick_out):
            databases.execute("postgresql", statement)
        check_read_only(node, token, browser)
        # Connections that only read meanwhile, such as to look for jobs, would stay as they are.
        for statement in (f"{switch} off", kick_out):
            databases.execute("postgresql", statement)
        check_available(node, token, browser)


def test_mariadb_becomes_read_only_and_writable_again(
    render: Renderer, programs: Path, tmp_path: Path
) -> None:
    server = servers.MariaDB(tmp_path / "mariadb")
    try:
        with serving(render, programs, "mysql", server.url) as node:
            token, browser = node.sign_in(), node.browser()
            server.execute("SET GLOBAL read_only = 1")
            check_read_only(node, token, browser)
            server.execute("SET GLOBAL read_only = 0")
            check_available(node, token, browser)
    finally:
        server.stop()


def test_behind_pgbouncer_everyone_signs_in(
    render: Renderer, programs: Path, tmp_path: Path
) -> None:
    limits = {
        "LIMIT_PASSWORD_BY_IP": "1000 per minute",
        "LIMIT_PASSWORD_FAILURES": "1000 per minute",
    }
    with (
        databases.database("postgresql") as url,
        servers.pgbouncer(url, tmp_path, connections=5) as pool,
        serving(render, programs, "postgresql", pool, **limits) as node,
        ThreadPoolExecutor(30) as people,
    ):
        # Nothing but sign-ins: psycopg forgets what it prepared when a transaction is rolled back.
        answers = people.map(lambda _: node.api("POST", "/sessions", **ADA), range(90))
        assert Counter(answer.status_code for answer in answers) == {201: 90}
        assert "The connection pooler refuses time-outs" in node.log


def test_a_database_of_another_encoding_is_named(render: Renderer, programs: Path) -> None:
    folder = render(**Variant("both", True, "postgresql").answers)
    with databases.database("postgresql", "ENCODING 'SQL_ASCII' TEMPLATE template0") as url:
        environment = nodes.settings(url)
        with nodes.running(folder, programs, environment, healthy=False) as node:
            answer = node.api("POST", "/sessions", **ADA)
            check_unavailable(node, [answer])
            assert "has the encoding SQL_ASCII, the app needs UTF8" in node.log
            assert "Traceback" not in node.log


def test_no_log_of_the_server_holds_a_token_from_an_email(render: Renderer, programs: Path) -> None:
    token = secrets.token_urlsafe(32)
    everything = {"GUNICORN_CMD_ARGS": "--access-logfile - --log-level debug"}
    with serving(render, programs, "sqlite", "sqlite:///app.db", **everything) as node:
        for path in ("/confirm", "/reset-password", "/account/email"):
            page = f"{node.address}{path}/{token}"
            assert (
                requests.get(page, headers={"Referer": page}, timeout=walk.WAIT).status_code == 404
            )
            assert f"GET {path}/" in node.log
        assert token not in node.log
