"""Servers that only one test uses, for what can't be done to a shared one."""

import getpass
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pymysql
import pytest

from tests import nodes, walk


def need(*programs: str) -> None:
    """Skip the test where a program is missing; fail where CI is set."""
    missing = [program for program in programs if not shutil.which(program)]
    if not missing:
        return
    message = f"needs the programs {', '.join(missing)}"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@contextmanager
def pgbouncer(url: str, folder: Path, connections: int) -> Iterator[str]:
    """Run PgBouncer in transaction mode before the server of a URL. Yields its own URL.

    `connections` is how many it opens to the server.
    """
    need("pgbouncer")
    parts = urlsplit(url)
    port = walk.free_port()
    password = f" password='{unquote(parts.password)}'" if parts.password else ""
    server = f"host={parts.hostname} port={parts.port or 5432} user={parts.username}{password}"
    settings = folder / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = {server}\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = transaction\ndefault_pool_size = {connections}\n"
        + ("user = nobody\n" if os.geteuid() == 0 else "")  # it refuses to run as root
    )
    process = subprocess.Popen(["pgbouncer", "-q", settings])
    try:
        nodes.until(lambda: nodes.listens(port))
        yield parts._replace(netloc=f"{parts.username}@127.0.0.1:{port}").geturl()
    finally:
        process.kill()
        process.wait()


class MariaDB:
    """A MariaDB with an empty database, whose user may do everything in it and nothing else."""

    PROGRAMS = ("mariadbd", "mariadb-install-db")

    def __init__(self, folder: Path, *settings: str) -> None:
        need(*self.PROGRAMS)
        self.port = walk.free_port()
        self.administrator_url = f"mysql://root@127.0.0.1:{self.port}/mysql"
        self.url = f"mysql://app@127.0.0.1:{self.port}/app"
        options = [
            "--no-defaults",
            f"--datadir={folder}",
            f"--user={getpass.getuser()}",
        ]
        subprocess.run(
            ["mariadb-install-db", *options, "--auth-root-authentication-method=normal"],
            check=True,
            capture_output=True,
        )
        self.process = subprocess.Popen(
            [
                "mariadbd",
                *options,
                *settings,
                f"--socket={folder}/socket",
                f"--port={self.port}",
                "--bind-address=127.0.0.1",
            ],
            stderr=subprocess.DEVNULL,
        )
        nodes.until(lambda: nodes.listens(self.port))
        self.execute(
            "CREATE DATABASE app",
            "CREATE USER app@127.0.0.1",
            "GRANT ALL ON app.* TO app@127.0.0.1",
        )

    def execute(self, *statements: str) -> None:
        """Run statements as the server's administrator."""
        with pymysql.connect(host="127.0.0.1", port=self.port, user="root") as connection:
            for statement in statements:
                connection.cursor().execute(statement)

    def stop(self) -> None:
        """Stop it at once."""
        self.process.kill()
        self.process.wait()
