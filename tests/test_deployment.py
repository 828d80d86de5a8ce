"""The app with everything on, behind nginx and under restarts."""

import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import requests

from tests import commands, deployed, nodes, servers, walk
from tests.conftest import make_renderer
from tests.deployed import Site
from tests.variants import Variant

CONTENT = b"0123456789"
NAMES = ["digits.txt", "a b.txt", "100%.txt", "50%25.txt", "été/日本 👩‍💻.txt", "a?b#c&d;e+f.txt"]
BIG = 32 * 1024 * 1024
SLOW_READERS = 40
# What every response carries; nginx would leave these out of a file's.
HEADERS = (
    "Content-Security-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Permissions-Policy",
    "Referrer-Policy",
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
)


@pytest.fixture(scope="module")
def folder(template: Path, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app over SQLite, with Ada's account, with files and with what is no download."""
    render = make_renderer(template, tmp_path_factory.mktemp("deployment"))
    rendered = render(**Variant("both", True, "sqlite").answers)
    nodes.prepare(rendered, programs, nodes.settings("sqlite:///app.db"))
    files = rendered / "files"
    for name in NAMES:
        (files / name).parent.mkdir(exist_ok=True)
        (files / name).write_bytes(CONTENT)
    (files / "big").write_bytes(bytes(BIG))
    (files / ".hidden").write_text("secret")
    (rendered / "outside.txt").write_text("secret")
    (files / "out.txt").symlink_to(rendered / "outside.txt")
    (files / "in.txt").symlink_to(files / "digits.txt")
    return rendered


@pytest.fixture(scope="module")
def site(folder: Path, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The app with nginx sending its files."""
    place = tmp_path_factory.mktemp("nginx")
    with deployed.site(folder, programs, place, DOWNLOAD_ACCEL="nginx") as started:
        yield started


@pytest.fixture(scope="module")
def ada(site: Site) -> requests.Session:
    """A browser that is signed in."""
    return site.browser()


@pytest.mark.parametrize("name", [*NAMES, "in.txt"])
def test_nginx_sends_files_by_any_name(site: Site, ada: requests.Session, name: str) -> None:
    url = f"{site.address}/downloads/{quote(name)}"
    answer = ada.get(url, timeout=walk.WAIT)
    assert (answer.status_code, answer.content) == (200, CONTENT)
    assert answer.headers["Content-Disposition"].startswith("attachment; filename")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["Cache-Control"] == "no-store"
    assert not [name for name in HEADERS if name not in answer.headers]
    assert not [
        name for name in answer.headers if name.lower() in ("x-accel-redirect", "x-sendfile")
    ]
    head = ada.head(url, timeout=walk.WAIT)
    assert (head.headers["Content-Length"], head.content) == ("10", b"")


def test_nginx_answers_ranges_and_conditions(site: Site, ada: requests.Session) -> None:
    url = f"{site.address}/downloads/digits.txt"

    def get(**headers: str) -> requests.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return ada.get(url, headers=named, timeout=walk.WAIT)

    tag, changed = (get().headers[name] for name in ("ETag", "Last-Modified"))
    assert get(If_None_Match=tag).status_code == 304
    assert get(If_Modified_Since=changed).status_code == 304
    assert get(If_Match='"other"').status_code == 412
    for part in (get(Range="bytes=2-4"), get(Range="bytes=2-4", If_Range=tag)):
        assert (part.status_code, part.content) == (206, b"234")
        assert part.headers["Content-Range"] == "bytes 2-4/10"
    assert get(Range="bytes=-3").content == b"789"
    assert get(Range="bytes=2-4", If_Range='"other"').content == CONTENT
    assert get(Range="bytes=99-").status_code == 416


def test_a_client_of_the_api_gets_files_from_nginx(site: Site) -> None:
    client = site.client()
    api = f"{site.address}/api/v1"
    token = client.post(f"{api}/sessions", json=nodes.ADA, timeout=walk.WAIT).json()["token"]
    client.headers["Authorization"] = f"Bearer {token}"
    names = client.get(f"{api}/downloads", timeout=walk.WAIT).json()["files"]
    assert {file["name"] for file in names} == {*NAMES, "big", "in.txt", "welcome.txt"}
    for file in names:
        assert client.get(f"{site.address}{file['url']}", timeout=walk.WAIT).status_code == 200
    part = client.get(
        f"{api}/downloads/digits.txt", headers={"Range": "bytes=99-"}, timeout=walk.WAIT
    )
    assert part.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/_downloads/digits.txt",
        "/_downloads/../_downloads/digits.txt",
        "/downloads/.hidden",
        "/downloads/%2ehidden",
        "/downloads/out.txt",
        "/downloads/../outside.txt",
        "/downloads/..%2foutside.txt",
        "/downloads/%2e%2e/outside.txt",
        "/downloads/x/..%5c..%5coutside.txt",
        "/downloads/digits.txt%00",
        "/downloads/",
        "/downloads/nothing.txt",
    ],
)
def test_nginx_sends_no_other_files(site: Site, ada: requests.Session, path: str) -> None:
    """The path is sent as it is: clients would resolve its dots."""
    request = ada.prepare_request(requests.Request("GET", site.address))
    request.url = f"{site.address}{path}"
    answer = ada.send(request, verify=site.authority, timeout=walk.WAIT)
    assert b"secret" not in answer.content
    assert CONTENT not in answer.content
    assert answer.status_code == (200 if path == "/downloads/" else 400 if "%00" in path else 404)


def test_nginx_sends_no_files_to_strangers(site: Site) -> None:
    answer = site.client().get(f"{site.address}/downloads/digits.txt", timeout=walk.WAIT)
    assert answer.url.endswith("/login?next=/downloads/digits.txt")


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


def all_reach(numbers: list[int], enough: list[int]) -> bool:
    """Return whether each number is at least as high as the other list's."""
    return all(now >= then for now, then in zip(numbers, enough, strict=True))


def test_a_restart_loses_no_request(site: Site) -> None:
    stopped = threading.Event()
    failures: list[str] = []
    served = [0] * 4

    def keep_asking(number: int) -> None:
        client = site.client()
        while not stopped.is_set():
            try:
                form = client.get(f"{site.address}/login", timeout=walk.WAIT)
                fields = {"csrf_token": walk.hidden_token(form.text), "email": "x", "password": "x"}
                answer = client.post(f"{site.address}/login", data=fields, timeout=walk.WAIT)
            except (requests.RequestException, IndexError) as error:
                failures.append(repr(error))
                continue
            if answer.status_code not in (422, 429):
                failures.append(str(answer.status_code))
            served[number] += 1

    threads = [threading.Thread(target=keep_asking, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            enough = [count + 2 for count in served]
            nodes.until(partial(all_reach, served, enough))
            site.service.stop()
            site.service.start()
    finally:
        stopped.set()
        for thread in threads:
            thread.join()
    assert failures == []


def test_a_signal_to_reload_keeps_code_and_templates_together(site: Site, folder: Path) -> None:
    template = folder / "app" / "web" / "templates" / "web" / "login.html"
    old = template.read_text("utf-8")
    try:
        template.write_text("{{ 'new template' }}", "utf-8")
        booted = site.service.log.count("Booting worker")
        site.service.server.send_signal(signal.SIGHUP)
        nodes.until(lambda: site.service.log.count("Booting worker") == booted + 2)
        nodes.until(lambda: site.service.log.count("Worker exiting") >= 2)
        client = site.client()
        pages = [client.get(f"{site.address}/login", timeout=walk.WAIT).text for _ in range(20)]
        assert all("csrf_token" in page for page in pages)
        assert "SIGHUP does not load new code" in site.service.log
        site.service.stop()
        site.service.start()
        assert client.get(f"{site.address}/login", timeout=walk.WAIT).text == "new template"
    finally:
        template.write_text(old, "utf-8")
        # Restarted, so that the other tests meet the old one.
        site.service.stop()
        site.service.start()


UNITS = {
    "app.socket": "{slug}.socket",
    "app.service": "{slug}.service",
    "jobs.service": "{slug}-jobs.service",
    "backup.service": "{slug}-backup.service",
    "backup.timer": "{slug}-backup.timer",
}


def test_systemd_accepts_the_units(folder: Path, programs: Path, tmp_path: Path) -> None:
    servers.need("systemd-analyze")
    slug = folder.name
    units = [tmp_path / name.format(slug=slug) for name in UNITS.values()]
    for source, unit in zip(UNITS, units, strict=True):
        text = (folder / "deploy" / source).read_text("utf-8")
        assert f"/etc/systemd/system/{unit.name}" in text
        text = text.replace(f"/srv/{slug}/.venv/bin", str(programs))
        unit.write_text(text.replace(f"User={slug}", "User=root"), "utf-8")
    result = commands.run("systemd-analyze", "verify", *units, folder=tmp_path)
    assert [line for line in result.stdout.splitlines() if slug in line] == []


def test_the_deployment_guide_names_files_that_exist(folder: Path) -> None:
    guide = (folder / "docs" / "deployment.md").read_text("utf-8")
    named = set(re.findall(r"\bdeploy/[\w.]+", guide))
    files = {path.relative_to(folder).as_posix() for path in (folder / "deploy").iterdir()}
    assert named - files == set()
    assert files - named == {"deploy/Caddyfile"}  # compose.production.yaml names it


def test_gunicorn_migrates_first_with_the_setting(folder: Path, programs: Path) -> None:
    settings = nodes.settings("sqlite:///new.db", MIGRATE_ON_START="true")
    with nodes.running(folder, programs, settings) as node:
        health = (programs / "python", "healthcheck.py", node.address)
        commands.run(*health, folder=folder)
    settings |= {"DATABASE_URL": "sqlite:////nowhere/app.db"}
    result = subprocess.run(
        [programs / "gunicorn", "--bind", "127.0.0.1:0", "wsgi:app"],
        cwd=folder,
        env=commands.environment(settings),
        capture_output=True,
        text=True,
        timeout=walk.WAIT,
    )
    assert result.returncode == 4
    assert "Error: The database that DATABASE_URL names cannot be used" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_health_check_of_a_server_that_is_not_healthy_fails(folder: Path, programs: Path) -> None:
    settings = nodes.settings("sqlite:///empty.db")
    with nodes.running(folder, programs, settings, healthy=False) as node:
        for address, says in ((node.address, "503"), ("http://127.0.0.1:9", "refused")):
            result = subprocess.run(
                [programs / "python", "healthcheck.py", address],
                cwd=folder,
                capture_output=True,
                text=True,
            )
            assert result.returncode == 1
            assert result.stderr.startswith("Not healthy: ")
            assert says in result.stderr
            assert len(result.stderr.splitlines()) == 1
