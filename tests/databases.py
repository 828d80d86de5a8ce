"""Create databases for variants on the servers that the environment names."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import psycopg
import pymysql
import pytest

SERVERS = {
    "postgresql": ("POSTGRESQL_URL", "postgresql://postgres@127.0.0.1:5432/postgres"),
    "mysql": ("MARIADB_URL", "mysql://root@127.0.0.1:3306/mysql"),
}


def is_named(backend: str) -> bool:
    """Return whether the environment names a server."""
    return bool(os.environ.get(SERVERS[backend][0]))


def server_url(backend: str) -> str:
    """Return the URL of a server whose user may create databases."""
    name, default = SERVERS[backend]
    return os.environ.get(name) or default


@contextmanager
def database(backend: str, options: str = "") -> Iterator[str]:
    """Yield the URL of an empty database, created with the options of `CREATE DATABASE`.

    Without the server the test is skipped on a person's machine, and fails where CI is set.
    """
    if backend == "sqlite":
        yield "sqlite:///app.db"
        return
    name = f"template_{uuid4().hex}"
    try:
        execute(backend, f"CREATE DATABASE {name} {options}")
    except (psycopg.OperationalError, pymysql.err.OperationalError) as error:
        message = f"set {SERVERS[backend][0]} to a server that answers: {error}"
        if os.environ.get("CI"):
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    try:
        yield urlsplit(server_url(backend))._replace(path=f"/{name}").geturl()
    finally:
        execute(backend, f"DROP DATABASE {name}")


def execute(backend: str, statement: str) -> None:
    """Run one statement on the server."""
    url = server_url(backend)
    if backend == "postgresql":
        with psycopg.connect(url, autocommit=True, connect_timeout=60) as postgresql:
            postgresql.execute(statement.encode())
        return
    parts = urlsplit(url)
    with pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=unquote(parts.username or "root"),
        password=unquote(parts.password or ""),
        connect_timeout=60,
    ) as mysql:
        mysql.cursor().execute(statement)
