"""What errors of SQLite mean."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from sqlalchemy import event, text
from sqlalchemy.exc import OperationalError

from app import create_app
from app.database import faults, sqlite
from app.extensions import db
from tests.conftest import SETTINGS, MakeApp
from tests.failing import engine_of
from tests.programs import SECONDS
from tests.test_settings import refusal, started
from tests.test_start import PRODUCTION


def test_another_database_is_set_up_alike(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app(SQLALCHEMY_BINDS={"other": f"sqlite:///{tmp_path}/other.db"})
    with app.app_context(), db.engines["other"].connect() as connection:
        assert connection.scalar(text("PRAGMA foreign_keys")) == 1
        assert connection.scalar(text("PRAGMA journal_mode")) == "wal"


def test_a_command_leaves_all_data_in_one_file(tmp_path: Path) -> None:
    # A new interpreter, which ends as in production.
    result = subprocess.run(
        [sys.executable, "-m", "flask", "db", "upgrade"],
        cwd=Path(__file__).parents[2],
        env={
            "PATH": "",
            "FLASK_SKIP_DOTENV": "1",
            **PRODUCTION,
            "DATABASE_URL": f"sqlite:///{tmp_path}/app.db",
        },
        capture_output=True,
        timeout=SECONDS,
    )
    assert result.returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["app.db"]


def error(name: str, message: str) -> sqlite3.Error:
    """Return an error as the driver raises it."""
    raised = sqlite3.OperationalError(message)
    raised.sqlite_errorname = name
    return raised


@pytest.mark.parametrize(
    ("name", "message", "kinds"),
    [
        ("SQLITE_BUSY", "database is locked", "passing busy"),
        ("SQLITE_FULL", "database or disk is full", "passing"),
        ("SQLITE_READONLY_DBMOVED", "attempt to write a readonly database", "passing fatal"),
        ("SQLITE_IOERR_WRITE", "disk I/O error", "passing fatal"),
        ("SQLITE_CANTOPEN", "unable to open database file", "passing fatal"),
        ("SQLITE_CORRUPT", "database disk image is malformed", "passing fatal"),
        ("SQLITE_NOTADB", "file is not a database", "passing fatal"),
        ("SQLITE_LOCKED", "database table is locked", "passing busy"),
        ("SQLITE_NOMEM", "out of memory", "passing"),
        ("SQLITE_PROTOCOL", "locking protocol", "passing"),
        ("SQLITE_ERROR", "no such table: accounts", "passing"),
        ("SQLITE_ERROR", "no such column: accounts.name", "passing"),
        ("SQLITE_ERROR", 'near "SELEC": syntax error', ""),
        ("SQLITE_ERROR", "table accounts already exists", ""),
        ("SQLITE_ERROR", "duplicate column name: name", ""),
        ("SQLITE_ERROR", 'cannot drop UNIQUE column: "email"', ""),
        ("SQLITE_CONSTRAINT_UNIQUE", "UNIQUE constraint failed: accounts.email", ""),
    ],
)
def test_errors_are_classified(name: str, message: str, kinds: str) -> None:
    found = sqlite.diagnose(error(name, message))
    assert found == faults.Fault(name, message, **dict.fromkeys(kinds.split(), True))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("SQLITE_ERROR", "bad JSON path: 'ada@example.com'"),
        ("SQLITE_CONSTRAINT_TRIGGER", "ada@example.com is not welcome"),
    ],
)
def test_a_message_that_may_hold_a_value_is_left_out(name: str, message: str) -> None:
    assert sqlite.diagnose(error(name, message)) == faults.Fault(name)


def test_a_violated_constraint_has_its_name() -> None:
    message = "UNIQUE constraint failed: accounts.email"
    assert sqlite.violated_unique(error("SQLITE_CONSTRAINT_UNIQUE", message)) == "uq_accounts_email"
    message = "NOT NULL constraint failed: accounts.email"
    assert sqlite.violated_unique(error("SQLITE_CONSTRAINT_NOTNULL", message)) is None


def test_a_full_disk_is_not_healthy(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite, "MIN_FREE_BYTES", 2**63)
    assert client.get("/healthz").status_code == 503
    assert "Not healthy: the disk is full" in caplog.messages


def test_a_full_database_may_have_room_later(make_app: MakeApp) -> None:
    app = make_app()

    def fill_up(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")

    event.listen(engine_of(app), "connect", fill_up)
    with app.app_context(), pytest.raises(OperationalError) as caught:
        db.session.execute(text("CREATE TABLE large AS SELECT randomblob(1000000)"))
    with app.app_context():
        assert faults.is_passing(caught.value)
        reason = "OperationalError: SQLITE_FULL database or disk is full"
        assert faults.reason(caught.value) == reason


def test_a_backup_of_a_database_without_tables_is_refused(
    make_app: MakeApp, tmp_path: Path
) -> None:
    app = make_app(DATABASE_URL=f"sqlite:///{tmp_path / 'empty.db'}")
    result = app.test_cli_runner().invoke(args=["backup", str(tmp_path / "backups")])
    with app.app_context():
        upgrade("migrations")  # the tests empty the tables of every app
    assert result.exit_code == 1
    assert result.stderr == "Error: The database has no tables; run `flask db upgrade`.\n"
    assert not (tmp_path / "backups").exists()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///file::memory:?uri=true",
        "sqlite:///file:shop?mode=memory&uri=true",
    ],
)
def test_a_database_in_memory_is_refused_in_production(url: str) -> None:
    settings = {**SETTINGS, "TESTING": False}
    assert refusal({**settings, "DATABASE_URL": url}).startswith("DATABASE_URL is a database in m")
    assert started({**settings, "DATABASE_URL": "sqlite:///memory.db"})


def test_the_log_of_changes_shrinks_again(tmp_path: Path) -> None:
    app = create_app({**SETTINGS, "DATABASE_URL": f"sqlite:///{tmp_path / 'app.db'}"})
    with app.app_context():
        with db.engine.connect() as connection:
            limit = connection.exec_driver_sql("PRAGMA journal_size_limit").scalar()
        db.engine.dispose()
    assert limit == 32 * 1024 * 1024


def test_a_power_failure_during_a_commit_does_not_damage_the_database(app: Flask) -> None:
    with engine_of(app).connect() as connection:
        # NORMAL, which is enough beside a log of changes.
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
