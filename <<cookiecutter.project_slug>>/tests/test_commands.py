"""What every command of the `flask` program does when its database is unavailable."""

import pytest
from click.testing import CliRunner
from flask.cli import FlaskGroup
from sqlalchemy import make_url

from app import create_app
from app.extensions import db
from tests.conftest import SETTINGS


def failure(url: str, *arguments: str) -> str:
    """Run `flask ARGUMENTS`, which has to fail, and return what it writes to standard error."""
    app = create_app({**SETTINGS, "DATABASE_URL": url})
    result = CliRunner().invoke(FlaskGroup(create_app=lambda: app), arguments)
    with app.app_context():
        db.engine.dispose()
    assert result.exit_code == 1
    return result.stderr


@pytest.mark.parametrize("arguments", [("accounts", "list"), ("db", "upgrade"), ("db", "check")])
def test_a_missing_database_is_reported_in_one_line(
    database_url: str, arguments: tuple[str, ...]
) -> None:
    url = make_url(database_url)
    missing = url.set(database=f"{url.database}/missing").render_as_string(hide_password=False)
    (line,) = failure(missing, *arguments).splitlines()
    assert line.startswith("Error: The database that DATABASE_URL names cannot be used; ")
