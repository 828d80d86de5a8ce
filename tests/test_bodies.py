"""Requests whose bodies are too long or do not arrive: a real server, and nginx in front of it."""

import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests import nodes, walk
from tests.conftest import make_renderer
from tests.nodes import Node
from tests.variants import Variant

NGINX = """\
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {address};
            proxy_set_header Host $host;
        }}
    }}
}}
"""
STALLED = 24
# Seconds: far more than it takes, on a busy machine too, and fewer than clients that stall for as
# long as they may would take from everyone.
SOON = 25


@pytest.fixture(scope="module")
def node(
    template: Path, programs: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    """The app with everything on, over SQLite, in one process."""
    render = make_renderer(template, tmp_path_factory.mktemp("bodies"))
    folder = render(**Variant("both", True, "sqlite").answers)
    environment = nodes.settings("sqlite:///app.db", WEB_CONCURRENCY="1")
    nodes.prepare(folder, programs, environment)
    with nodes.running(folder, programs, environment) as started:
        yield started


@contextmanager
def nginx(folder: Path, address: str) -> Iterator[str]:
    """Run nginx with its defaults in front of a node. Yields its address."""
    if not shutil.which("nginx"):
        message = "needs the program nginx"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    port = walk.free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, address=address), "utf-8")
    command = ["nginx", "-p", str(folder), "-c", str(config), "-e", "stderr"]
    server = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        walk.wait_until_healthy(f"http://127.0.0.1:{port}")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=walk.WAIT)


def test_a_connection_serves_many_requests(node: Node) -> None:
    parts = urlsplit(node.address)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=walk.WAIT)
    with closing(connection):
        for _ in range(40):
            # It fails if the server closed the connection, and opens none by itself.
            connection.auto_open = 1 if connection.sock is None else 0
            connection.request("GET", "/login", headers={"Host": "127.0.0.1"})
            assert connection.getresponse().read()


def test_a_body_that_is_too_long_is_never_a_502(node: Node, tmp_path: Path) -> None:
    lengths = [65537, 200_000, 1_000_000] * 10
    with nginx(tmp_path, node.address) as address:
        json = {"Content-Type": "application/json"}
        url = f"{address}/api/v1/sessions"
        statuses = [
            requests.post(url, data=data, headers=json, timeout=walk.WAIT).status_code
            for length in lengths
            for data in (b"x" * length, iter([b"x" * length]))
        ]
    assert statuses == [413] * 60


@pytest.mark.parametrize(
    "head",
    [
        "POST /api/v1/sessions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n",
        "POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: multipart/form-data; boundary=x\r\n",
        "POST /no-such-page HTTP/1.1\r\nHost: 127.0.0.1\r\n",
        "POST /login HTTP/1.1\r\nHost: evil.example\r\n",
        "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    ],
    ids=["api", "form", "path", "host", "get"],
)
@pytest.mark.parametrize(
    "start", ["Content-Length: 1000\r\n\r\n{", "Transfer-Encoding: chunked\r\n\r\nff\r\n{", ""]
)
def test_stalled_requests_do_not_stop_the_app(node: Node, head: str, start: str) -> None:
    """Three times as many as there are threads, one after another and all at once."""
    parts = urlsplit(node.address)
    with ExitStack() as stack:
        for _ in range(STALLED):
            client = socket.create_connection((parts.hostname, parts.port or 0))
            stack.enter_context(client)
            client.sendall((head + start).encode())
        begin = time.monotonic()
        answer = requests.get(f"{node.address}/healthz", timeout=walk.WAIT)
        assert (answer.status_code, time.monotonic() - begin < SOON) == (200, True)
    assert "Traceback" not in node.log


def test_clients_that_keep_their_connection_open_do_not_stop_the_app(node: Node) -> None:
    parts = urlsplit(node.address)
    begin = time.monotonic()
    with ExitStack() as stack:
        for _ in range(STALLED):
            client = socket.create_connection((parts.hostname, parts.port or 0))
            stack.enter_context(client)
            client.sendall(b"GET /healthz HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")
            assert client.recv(1)  # the server closes its end after the response
        answer = requests.get(f"{node.address}/healthz", timeout=walk.WAIT)
        assert (answer.status_code, time.monotonic() - begin < SOON) == (200, True)


def test_clients_that_never_read_do_not_stop_the_app(node: Node, programs: Path) -> None:
    """They ask for more than the kernel keeps for them. Half of the threads wait for them."""
    folder = node.log_file.parent
    config = (folder / "gunicorn.conf.py").read_text("utf-8")
    for written, changed in (("SECONDS = 60", "SECONDS = 600"), ("WHEN_BUSY = 5", "WHEN_BUSY = 1")):
        assert written in config
        config = config.replace(written, changed)
    (folder / "quick.conf.py").write_text(config, "utf-8")
    environment = nodes.settings("sqlite:///app.db", WEB_CONCURRENCY="1")
    environment["GUNICORN_CMD_ARGS"] = "--config quick.conf.py"
    request = b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    with nodes.running(folder, programs, environment) as busy, ExitStack() as stack:
        parts = urlsplit(busy.address)
        for _ in range(STALLED):
            client = stack.enter_context(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect((parts.hostname, parts.port or 0))
            client.sendall(request * 400)
        nodes.until(lambda: busy.log.count("A client stopped reading") == STALLED - 4)
        assert requests.get(f"{busy.address}/healthz", timeout=walk.WAIT).status_code == 200


@pytest.mark.parametrize("arguments", ["", "--worker-connections 50"], ids=["idle", "too many"])
def test_connections_that_send_nothing_do_not_stop_the_app(
    node: Node, programs: Path, arguments: str
) -> None:
    environment = nodes.settings("sqlite:///app.db", WEB_CONCURRENCY="1")
    environment["GUNICORN_CMD_ARGS"] = arguments
    folder = node.log_file.parent
    with nodes.running(folder, programs, environment) as crowded, ExitStack() as stack:
        parts = urlsplit(crowded.address)
        for _ in range(300):
            client = socket.create_connection((parts.hostname, parts.port or 0))
            stack.enter_context(client)
        begin = time.monotonic()
        answer = requests.get(f"{crowded.address}/healthz", timeout=walk.WAIT)
        assert (answer.status_code, time.monotonic() - begin < SOON) == (200, True)
