"""A rendered app behind nginx, with the files in its `deploy` folder. The tests act as systemd."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests
import trustme

from tests import commands, nodes, servers, walk

# Passes a listening socket on as systemd does, see sd_listen_fds(3).
PASS_ON = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1")
os.execv(sys.argv[2], sys.argv[2:])
"""
NGINX = """\
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    include /etc/nginx/mime.types;
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@dataclass
class Service:
    """The app under gunicorn, on a socket that stays open while the app restarts."""

    folder: Path
    programs: Path
    settings: dict[str, str]
    socket_file: Path
    log_file: Path

    def __post_init__(self) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.socket_file))
        self.listener.listen(1024)
        self.start()

    def start(self) -> None:
        """Start it, and wait until its workers start."""
        booted = self.log.count("Booting worker")
        listener = str(self.listener.fileno())
        with self.log_file.open("ab") as log:
            self.server = subprocess.Popen(
                [sys.executable, "-c", PASS_ON, listener, self.programs / "gunicorn", "wsgi:app"],
                cwd=self.folder,
                env=commands.environment(self.settings),
                pass_fds=[self.listener.fileno()],
                stdout=log,
                stderr=log,
            )
        nodes.until(lambda: self.log.count("Booting worker") > booted)

    def stop(self) -> None:
        """Stop it as systemd does."""
        self.server.terminate()
        assert self.server.wait(timeout=walk.WAIT) == os.EX_OK

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self.log_file.read_text("utf-8") if self.log_file.exists() else ""


@dataclass
class Site:
    """An app behind nginx: its address over TLS, and the certificate to trust."""

    service: Service
    address: str
    authority: str

    def client(self) -> requests.Session:
        """Return a client that trusts the certificate."""
        client = requests.Session()
        client.trust_env = False
        client.verify = self.authority
        return client

    def browser(self) -> requests.Session:
        """Return a browser that is signed in as Ada."""
        client = self.client()
        page = client.get(f"{self.address}/login", timeout=walk.WAIT).text
        fields = {"csrf_token": walk.hidden_token(page), **nodes.ADA}
        answer = client.post(
            f"{self.address}/login", data=fields, allow_redirects=False, timeout=walk.WAIT
        )
        assert answer.headers["Location"] == "/account"
        return client


@contextmanager
def site(folder: Path, programs: Path, place: Path, **settings: str) -> Iterator[Site]:
    """Run a rendered app and nginx with the files in its `deploy` folder; `place` is empty."""
    servers.need("nginx")
    # One test tries to sign in without end, and from the address of all others.
    settings["LIMIT_PASSWORD_BY_IP"] = "100000 per minute"
    environment = nodes.settings("sqlite:///app.db", BASE_URL="https://localhost", **settings)
    service = Service(folder, programs, environment, place / "socket", place / "log")
    authority, port = trustme.CA(), walk.free_port()
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(place / "privkey.pem")
    certificate.cert_chain_pems[0].write_to_path(place / "fullchain.pem")
    authority.cert_pem.write_to_path(place / "authority.pem")
    (place / "site.conf").write_text(local(folder, place, port), "utf-8")
    user = "user root;" if os.geteuid() == 0 else ""
    (place / "nginx.conf").write_text(NGINX.format(folder=place, user=user), "utf-8")
    command = ["nginx", "-p", str(place), "-c", str(place / "nginx.conf"), "-e", "stderr"]
    with (place / "nginx.log").open("wb") as log:
        server = subprocess.Popen(command, stderr=log)
    try:
        nodes.until(lambda: nodes.listens(port))
        yield Site(service, f"https://localhost:{port}", str(place / "authority.pem"))
    finally:
        server.terminate()
        server.wait(timeout=walk.WAIT)
        service.stop()
        service.listener.close()


def local(folder: Path, place: Path, port: int) -> str:
    """Return the app's own nginx.conf with the names and places of a test."""
    text = (folder / "deploy" / "nginx.conf").read_text("utf-8")
    slug = folder.name
    for there, here in {
        f"/run/{slug}.socket": str(place / "socket"),
        f"/srv/{slug}/": f"{folder}/",
        "/etc/letsencrypt/live/app.example.com/": f"{place}/",
        "app.example.com": "localhost",
        "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl http2;\n": "",
        "listen 80;": f"listen 127.0.0.1:{walk.free_port()};",
        "listen 443 ssl http2;": f"listen 127.0.0.1:{port} ssl http2;",
    }.items():
        assert there in text
        text = text.replace(there, here)
    return text
