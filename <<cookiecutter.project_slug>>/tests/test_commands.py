"""What every command of the `flask` program does when the database is not to be had."""

import os
import subprocess
import sys

import pytest
from sqlalchemy import make_url

from tests.conftest import SETTINGS


def failure(url: str, *arguments: str) -> str:
    """What `flask ARGUMENTS`, in a process of its own, prints before it fails."""
    settings = {name: str(SETTINGS[name]) for name in ("SECRET_KEY", "BASE_URL", "MAIL_SERVER")}
    result = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "flask", *arguments],
        env={**os.environ, **settings, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode == 1
    return result.stderr


@pytest.mark.parametrize("arguments", [("accounts", "list"), ("db", "upgrade"), ("db", "check")])
def test_a_missing_database_is_one_line(database_url: str, arguments: tuple[str, ...]) -> None:
    url = make_url(database_url)
    missing = url.set(database=f"{url.database}/missing").render_as_string(hide_password=False)
    (line,) = failure(missing, *arguments).splitlines()
    assert line.startswith("Error: The database that DATABASE_URL names cannot be used; ")
