"""Backups of each database while it is written to, and the app on what was restored."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests import commands, databases, nodes, servers, walk
from tests.conftest import Renderer
from tests.variants import Variant

# Fills a table, then commits pairs of rows in two tables and prints a line for each, until its
# input ends. The filling makes a dump long enough to see a pair come in between the tables.
WRITER = """
import sys, threading
from datetime import UTC, datetime
from sqlalchemy import insert
from app.accounts.models import Account, LimitCounter
from app.extensions import db, transaction
from wsgi import app

def account(name):
    return {"name": "x" * 100, "email": f"{name}@example.com", "password_hash": "x"}

ended = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
number = 0
with app.app_context():
    with transaction():
        db.session.execute(insert(Account), [account(f"filler{n}") for n in range(10_000)])
    while not ended.is_set():
        with transaction():
            db.session.execute(insert(Account), [account(f"pair{number}")])
            counter = {"name": f"pair{number}", "attempts": 1, "expires_at": datetime.now(UTC)}
            db.session.execute(insert(LimitCounter), [counter])
        number += 1
        print(number, flush=True)
"""
# Prints how many pairs a database holds, and fails where one is not whole.
READER = """
from sqlalchemy import select
from app.accounts.models import Account, LimitCounter
from app.extensions import db
from wsgi import app

with app.app_context():
    emails = db.session.scalars(select(Account.email).where(Account.email.startswith("pair")))
    accounts = {email.partition("@")[0] for email in emails}
    names = select(LimitCounter.name).where(LimitCounter.name.startswith("pair"))
    assert accounts == set(db.session.scalars(names))
    print(len(accounts))
"""
PROGRAMS = {
    "sqlite": [],
    "postgresql": ["pg_dump", "pg_restore"],
    "mysql": ["mariadb-dump", "mariadb"],
}


@pytest.mark.parametrize("backend", PROGRAMS)
def test_a_backup_is_consistent_and_can_be_restored(
    render: Renderer, programs: Path, tmp_path: Path, backend: str
) -> None:
    servers.need(*PROGRAMS[backend])
    if backend == "postgresql":
        need_a_pg_dump_for_the_server()
    folder = render(**Variant("api", False, backend).answers)
    with databases.database(backend) as url, databases.database(backend) as empty:
        settings = nodes.settings(url)
        nodes.prepare(folder, programs, settings)
        with writing(folder, programs, settings) as counted:
            before = number(counted)
            commands.run(
                programs / "flask", "backup", tmp_path / "backups", folder=folder, settings=settings
            )
            after = number(counted)
            assert after > before
        (backup,) = (tmp_path / "backups").iterdir()
        restored = restore(backend, backup, folder, empty)
        settings = {**settings, "DATABASE_URL": restored}
        read = commands.run(programs / "python", "-c", READER, folder=folder, settings=settings)
        assert before <= int(read.stdout.split()[-1]) <= after + 1
        commands.run(programs / "flask", "db", "check", folder=folder, settings=settings)
        with nodes.running(folder, programs, settings) as node:
            node.sign_in()


def need_a_pg_dump_for_the_server() -> None:
    """Skip the test where pg_dump is older than the server, which it refuses to copy then."""
    version = commands.run("pg_dump", "--version", folder=Path.cwd()).stdout
    client = int(re.findall(r"\d+", version)[0])
    with psycopg.connect(databases.server_url("postgresql")) as connection:
        server = connection.info.server_version // 10_000
    if client < server:
        pytest.skip(f"pg_dump is of version {client}, the server of version {server}")


@contextmanager
def writing(folder: Path, programs: Path, settings: dict[str, str]) -> Iterator[Path]:
    """Write to the database all the time; gives the file in which the writer counts."""
    counted = folder / "counted"
    with (
        counted.open("wb") as output,
        subprocess.Popen(
            [programs / "python", "-c", WRITER],
            cwd=folder,
            env=commands.environment(settings),
            stdin=subprocess.PIPE,
            stdout=output,
        ) as process,
    ):
        try:
            nodes.until(lambda: number(counted) >= 20)
            yield counted
        finally:
            process.communicate(timeout=walk.WAIT)
    assert process.returncode == os.EX_OK


def number(counted: Path) -> int:
    """Return how many pairs the writer has committed."""
    return counted.read_bytes().count(b"\n")


def restore(backend: str, backup: Path, folder: Path, empty: str) -> str:
    """Restore a backup as docs/operations.md says, and return the URL of the database."""
    if backend == "sqlite":
        shutil.copy(backup, folder / "instance" / "restored.db")
        return "sqlite:///restored.db"
    parts = urlsplit(empty)
    if backend == "postgresql":
        command = ("pg_restore", "--no-owner", "--exit-on-error", f"--dbname={empty}")
        commands.run(*command, backup, folder=folder)
        return empty
    options = [
        f"--host={parts.hostname}",
        f"--port={parts.port or 3306}",
        f"--user={parts.username}",
    ]
    with backup.open("rb") as file:
        subprocess.run(
            ["mariadb", *options, parts.path.removeprefix("/")],
            env=commands.environment({"MYSQL_PWD": parts.password or ""}),
            stdin=file,
            check=True,
        )
    return empty
