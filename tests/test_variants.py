"""Each variant, installed from its own lock file: checked, migrated, tested and used."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import commands, databases, walk
from tests.conftest import Installed
from tests.variants import VARIANTS


@pytest.fixture(scope="session")
def migrated(installed: Installed) -> Installed:
    """A variant whose database is up to date."""
    installed.run("flask", "db", "upgrade")
    return installed


def test_lint(installed: Installed) -> None:
    installed.run("ruff", "check", "--no-cache")


def test_format(installed: Installed) -> None:
    installed.run("ruff", "format", "--check", "--diff", "--no-cache")


def test_types(installed: Installed, mypy_cache: Path) -> None:
    installed.run("mypy", "--cache-dir", mypy_cache)


def test_pages(installed: Installed) -> None:
    installed.run("djlint", "app", "--lint", "--quiet")


def test_migrations(migrated: Installed) -> None:
    # All the way down and up again they run in the variant's own suite.
    migrated.run("flask", "db", "check")


def test_suite(
    installed: Installed, hypothesis_folder: Path, request: pytest.FixtureRequest
) -> None:
    settings = {"HYPOTHESIS_STORAGE_DIRECTORY": str(hypothesis_folder)}
    if installed.variant.backend == "mysql":
        settings["TEST_DATABASE_URL"] = request.getfixturevalue("mariadb_url")
    elif installed.variant.backend == "postgresql":
        settings["TEST_DATABASE_URL"] = databases.server_url("postgresql")
    # Each variant in a random order of its own: no test may depend on another.
    seed = f"--randomly-seed={VARIANTS.index(installed.variant)}"
    installed.run("pytest", "-q", "-p", "no:cacheprovider", seed, **settings)


def test_walk(migrated: Installed) -> None:
    variant = migrated.variant
    with walk.mail_server() as (mails, mail_port), production(migrated, mail_port) as address:
        walk.wait_until_healthy(address)
        if variant.web:
            walk.pages(address, mails, downloads=variant.downloads)
        if variant.api:
            walk.api(address, mails, downloads=variant.downloads)


@contextmanager
def production(installed: Installed, mail_port: int) -> Iterator[str]:
    """Yield the address of the app under gunicorn."""
    port = walk.free_port()
    settings = {
        "SECRET_KEY": secrets.token_hex(32),
        "DATABASE_URL": installed.database_url,
        "BASE_URL": f"https://127.0.0.1:{port}",
        "MAIL_SERVER": "127.0.0.1",
        "MAIL_PORT": str(mail_port),
        "TRUSTED_PROXIES": "1",
        "WEB_CONCURRENCY": "1",
    }
    server = subprocess.Popen(
        [installed.programs / "gunicorn", "--bind", f"127.0.0.1:{port}", "wsgi:app"],
        cwd=installed.folder,
        env=commands.environment(settings),
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        assert server.wait(timeout=walk.WAIT) == os.EX_OK
