"""The shipped migrations, as `flask db` runs them."""

import os

from flask import Flask
from sqlalchemy import make_url, select

from app.accounts.models import Account
from app.extensions import db
from tests import programs
from tests.conftest import SETTINGS, add_account


def flask_db(url: str, *arguments: str, code: int = 0) -> str:
    """Return what `flask db ARGUMENTS` prints, in a process of its own that exits with `code`."""
    settings = {name: str(SETTINGS[name]) for name in ("SECRET_KEY", "BASE_URL", "MAIL_SERVER")}
    environment = {**os.environ, **settings, "DATABASE_URL": url}
    result = programs.run(["-m", "flask", "db", *arguments], environment)
    assert result.returncode == code, result.stderr
    return result.stdout + result.stderr


def test_migrations_run_up_down_and_up_and_match_the_models(migrated_url: str, app: Flask) -> None:
    flask_db(migrated_url, "downgrade", "base")
    flask_db(migrated_url, "upgrade")
    with app.app_context():
        assert db.session.scalar(select(Account)) is None
    assert "No new upgrade operations detected" in flask_db(migrated_url, "check")


def test_a_downgrade_deletes_accounts_only_if_asked(migrated_url: str, app: Flask) -> None:
    add_account(app)
    try:
        refused = flask_db(migrated_url, "downgrade", "-x", "delete=no", "base", code=1)
        assert refused.endswith("delete all accounts. If you want that, add -x delete=all\n")
        with app.app_context():
            assert db.session.scalar(select(Account.name)) == "Ada"
        flask_db(migrated_url, "downgrade", "-x", "delete=all", "base")
    finally:
        flask_db(migrated_url, "upgrade")
    with app.app_context():
        assert db.session.scalar(select(Account)) is None


def test_the_sql_can_be_printed_instead_and_shows_no_password(migrated_url: str) -> None:
    url = make_url(migrated_url)
    if url.host:
        url = url.set(password="only-for-this-test")
    printed = flask_db(url.render_as_string(hide_password=False), "upgrade", "0001", "--sql")
    assert "CREATE TABLE accounts" in printed
    assert "INSERT INTO alembic_version" in printed
    assert "only-for-this-test" not in printed
    assert "DROP TABLE accounts" in flask_db(migrated_url, "downgrade", "0001:base", "--sql")
