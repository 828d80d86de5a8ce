"""Clients that read slowly, and connections without a request."""

import re
import socket
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import requests

from tests import commands, nodes, walk
from tests.deployment.deployed import Site

SLOW_READERS = 40


def test_slow_readers_do_not_block_nginx_or_the_app(site: Site, ada: requests.Session) -> None:
    with ExitStack() as stack:
        for _ in range(SLOW_READERS):
            stack.enter_context(
                ada.get(f"{site.address}/downloads/big", stream=True, timeout=walk.WAIT)
            )
        site.browser()


def test_slow_readers_do_not_stop_sign_ins(folder: Path, programs: Path) -> None:
    """The app without a proxy: three times as many as there are threads."""
    settings = nodes.settings("sqlite:///app.db", WEB_CONCURRENCY="1")
    with nodes.running(folder, programs, settings) as node, ExitStack() as stack:
        ada = node.browser()
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in ada.cookies)
        begun = [slow_reader(stack, node.address, cookies) for _ in range(24)]
        assert begun.count(b"HTTP/1.1 200 OK") == 4
        assert begun.count(b"HTTP/1.1 503 SERVICE UNAVAILABLE") == 20
        node.browser()
        stack.close()
        nodes.until(lambda: ada.get(f"{node.address}/downloads/digits.txt").ok)


def test_a_reader_that_stalls_is_cut_off(folder: Path, programs: Path) -> None:
    config = (folder / "gunicorn.conf.py").read_text("utf-8")
    assert "SEND_SECONDS = 60" in config
    quick = config.replace("SEND_SECONDS = 60", "SEND_SECONDS = 1")
    (folder / "quick.conf.py").write_text(quick, "utf-8")
    settings = nodes.settings(
        "sqlite:///app.db", WEB_CONCURRENCY="1", GUNICORN_CMD_ARGS="--config quick.conf.py"
    )
    with nodes.running(folder, programs, settings) as node, ExitStack() as stack:
        ada = node.browser()
        cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in ada.cookies)
        for _ in range(4):
            slow_reader(stack, node.address, cookies)
        assert ada.get(f"{node.address}/downloads/digits.txt").status_code == 503
        nodes.until(lambda: node.log.count("A client stopped reading") == 4)
        assert ada.get(f"{node.address}/downloads/digits.txt").status_code == 200
        assert "Traceback" not in node.log


def test_idle_connections_outlive_those_of_proxies(folder: Path, programs: Path) -> None:
    command = (programs / "gunicorn", "--print-config", "wsgi:app")
    settings = nodes.settings("sqlite:///app.db")
    printed = commands.run(*command, folder=folder, settings=settings).stdout
    keepalive = re.search(r"^keepalive += (\d+)$", printed, re.MULTILINE)
    assert keepalive is not None
    assert int(keepalive[1]) > 60


def slow_reader(stack: ExitStack, address: str, cookies: str) -> bytes:
    """Ask for the big file and read the first line of the response, and no more."""
    parts = urlsplit(address)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(walk.WAIT)
    client.connect((parts.hostname, parts.port))
    stack.enter_context(client)
    client.sendall(
        f"GET /downloads/big HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Forwarded-Proto: https\r\n"
        f"Cookie: {cookies}\r\n\r\n".encode()
    )
    return client.recv(100).partition(b"\r\n")[0]
