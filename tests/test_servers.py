"""The app under real web servers: what they pass on, and what they warn of."""

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests import commands, nodes, walk
from tests.conftest import make_renderer
from tests.variants import Variant


@pytest.fixture(scope="module")
def folder(template: Path, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app with everything on, over SQLite, with Ada's account."""
    render = make_renderer(template, tmp_path_factory.mktemp("servers"))
    rendered = render(**Variant("both", True, "sqlite").answers)
    nodes.prepare(rendered, programs, nodes.settings("sqlite:///app.db"))
    return rendered


def test_gunicorn_takes_no_path_from_a_header(folder: Path, programs: Path) -> None:
    with nodes.running(folder, programs, nodes.settings("sqlite:///app.db")) as node:
        for name in ("SCRIPT_NAME", "PATH_INFO"):
            answer = requests.get(
                f"{node.address}/login", headers={name: "/evil"}, timeout=walk.WAIT
            )
            assert answer.status_code == 200
            assert "/evil" not in answer.text


def test_gunicorn_needs_no_home(folder: Path, programs: Path) -> None:
    environment = nodes.settings("sqlite:///app.db", HOME="/nonexistent", XDG_RUNTIME_DIR="")
    with nodes.running(folder, programs, environment) as node:
        time.sleep(1)  # the control socket was opened by a thread of its own
        assert not [line for line in node.lines() if line["level"] == "ERROR"]
        assert "ontrol" not in node.log


def test_every_line_is_json_and_names_its_request(folder: Path, programs: Path) -> None:
    with nodes.running(folder, programs, nodes.settings("sqlite:///app.db")) as node:
        headers = {"Host": "evil.example", "X-Request-ID": "chosen"}
        answer = requests.get(f"{node.address}/a%0Ab?secret=1", headers=headers, timeout=walk.WAIT)
        assert answer.headers["X-Request-ID"] == "chosen"
        with socket.create_connection(("127.0.0.1", urlsplit(node.address).port)) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: a b c\r\nBad Header: x\r\n\r\n")
            connection.recv(100)
        node.server.send_signal(signal.SIGHUP)  # its log is set up again
        nodes.until(lambda: node.log.count("Booting worker") == 4)
        requests.get(f"{node.address}/healthz", timeout=walk.WAIT)
        node.server.terminate()
        node.server.wait(timeout=walk.WAIT)
        lines = node.lines()
    assert "secret" not in str(lines)
    assert "Shutting down: Master" in [line.get("message") for line in lines]
    warning, event, served = [line for line in lines if line.get("request_id") == "chosen"]
    assert (warning["logger"], event["event"]) == ("app.gate", "request.refused")
    assert served["logger"] == "gunicorn.access"
    assert (served["method"], served["path"], served["status"]) == ("GET", "/a\nb", 400)
    assert 0 < served["milliseconds"] < 60_000


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET / HTTP/1.1\r\nHost: x\r\nCookie __Host-session=secret\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nX-Mail@secret: x\r\n\r\n", 400),
        ("name=secret HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n", 400),
        ("GET /" + "secret" * 2000 + " HTTP/1.1\r\nHost: x\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: x\r\nCookie: secret=" + "x" * 40_000 + "\r\n\r\n", 431),
        ("POST / HTTP/1.1\r\nHost: x\r\nExpect: secret\r\n\r\n", 417),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: secret\r\n\r\n", 501),
    ],
)
def test_a_request_that_cannot_be_read_is_refused(
    folder: Path, programs: Path, request_text: str, status: int
) -> None:
    settings = nodes.settings("sqlite:///app.db", WEB_CONCURRENCY="1")
    with nodes.running(folder, programs, settings) as node:
        place = ("127.0.0.1", urlsplit(node.address).port)
        with socket.create_connection(place, timeout=walk.WAIT) as connection:
            connection.sendall(request_text.encode("latin-1"))
            parts = list(iter(lambda: connection.recv(10_000), b""))
        head = b"".join(parts).decode()
        nodes.until(lambda: "can't be read" in node.log)
        assert head.startswith(f"HTTP/1.1 {status} ")
        assert "\r\nContent-Security-Policy: default-src 'none'" in head
        assert "\r\nContent-Type: application/problem+json\r\n" in head
        assert "\r\nConnection: close\r\n" in head
        assert json.loads(head.partition("\r\n\r\n")[2])["status"] == status
        assert "secret" not in node.log + head
        assert all(node.lines())


def test_cookies_of_other_apps_lock_nobody_out(folder: Path, programs: Path) -> None:
    with nodes.running(folder, programs, nodes.settings("sqlite:///app.db")) as node:
        headers = {"Cookie": "other=" + "x" * 12_000}
        answer = requests.get(f"{node.address}/login", headers=headers, timeout=walk.WAIT)
        assert answer.status_code == 200


def test_a_server_without_workers_does_not_start(folder: Path, programs: Path) -> None:
    result = subprocess.run(
        [programs / "gunicorn", "--bind", "127.0.0.1:0", "wsgi:app"],
        cwd=folder,
        env=commands.environment(nodes.settings("sqlite:///app.db", WEB_CONCURRENCY="0")),
        capture_output=True,
        text=True,
        timeout=walk.WAIT,
        check=False,
    )
    assert result.returncode != 0
    assert result.stderr == "Configuration error: WEB_CONCURRENCY must be at least 1\n"


@pytest.mark.parametrize(("proxies", "warned"), [("", True), ("0", True), ("1", False)])
def test_a_unix_socket_without_a_proxy_is_warned_of(
    folder: Path, programs: Path, tmp_path: Path, proxies: str, warned: bool
) -> None:
    address = tmp_path / "socket"
    log_file = tmp_path / "log"
    environment = nodes.settings("sqlite:///app.db", TRUSTED_PROXIES=proxies)
    with log_file.open("wb") as log:
        server = subprocess.Popen(
            [programs / "gunicorn", "--bind", f"unix:{address}", "wsgi:app"],
            cwd=folder,
            env=commands.environment(environment),
            stdout=log,
            stderr=log,
        )
    try:
        nodes.until(lambda: b"Booting worker" in log_file.read_bytes())
        found = "TRUSTED_PROXIES" in log_file.read_text("utf-8")
        assert found == warned
        nodes.until(lambda: ask(address, "203.0.113.7").startswith(b"HTTP/1.0 200"))
    finally:
        server.terminate()
        server.wait(timeout=walk.WAIT)


def ask(address: Path, client: str) -> bytes:
    """Return the first bytes of the response to a proxy's request through a Unix socket."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(walk.WAIT)
        connection.connect(str(address))
        connection.sendall(
            f"GET /healthz HTTP/1.0\r\nHost: x\r\nX-Forwarded-For: {client}\r\n\r\n".encode()
        )
        return connection.recv(100)


@pytest.mark.parametrize(
    "command",
    [
        ["{programs}/gunicorn", "--bind", "127.0.0.1:0", "wsgi:app"],
        ["{programs}/gunicorn", "--bind", "127.0.0.1:0", "app:create_app()"],
        ["{programs}/python", "-m", "waitress", "--port", "0", "wsgi:app"],
        ["{programs}/python", "-m", "waitress", "--port", "0", "--call", "app:create_app"],
        ["{programs}/flask", "run", "--port", "0", "--host", "0.0.0.0"],  # noqa: S104
    ],
)
def test_no_server_that_others_reach_starts_in_debug_mode(
    folder: Path, programs: Path, waitress: Path, command: list[str]
) -> None:
    environment = nodes.settings("sqlite:///app.db", FLASK_DEBUG="1", PYTHONPATH=str(waitress))
    result = subprocess.run(
        [part.format(programs=programs) for part in command],
        cwd=folder,
        env=commands.environment(environment),
        capture_output=True,
        text=True,
        timeout=walk.WAIT,
        check=False,
    )
    assert result.returncode not in (0, None)
    assert "FLASK_DEBUG is on" in result.stderr


@pytest.fixture(scope="module")
def waitress(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with waitress, a server that the app doesn't support."""
    folder = tmp_path_factory.mktemp("waitress")
    uv = Path(sys.executable).with_name("uv")
    commands.run(uv, "pip", "install", "--target", folder, "waitress>=3,<4", folder=folder)
    return folder


def test_make_run_leaves_the_address_to_env(folder: Path) -> None:
    makefile = (folder / "Makefile").read_text("utf-8")
    assert "BASE_URL" not in makefile
    assert "--port $(PORT)" in makefile


def test_a_development_server_has_the_address_in_env(
    folder: Path, programs: Path, tmp_path: Path
) -> None:
    port = walk.free_port()
    env = (folder / ".env").read_text("utf-8")
    (tmp_path / ".env").write_text(env + f"BASE_URL='http://127.0.0.1:{port}/from-env'\n", "utf-8")
    options = ("run", "--debug", "--no-reload", "--port", str(port))
    server = subprocess.Popen(
        [programs / "flask", "-e", tmp_path / ".env", *options],
        cwd=folder,
        env=commands.environment({"DATABASE_URL": "sqlite:///app.db"}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        walk.wait_until_healthy(f"http://127.0.0.1:{port}")
        page = requests.get(f"http://127.0.0.1:{port}/from-env/api/docs", timeout=walk.WAIT).text
        assert f"curl http://127.0.0.1:{port}/from-env/api/v1" in page
    finally:
        server.terminate()
        server.wait(timeout=walk.WAIT)
