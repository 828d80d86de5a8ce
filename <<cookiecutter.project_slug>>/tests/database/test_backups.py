"""`flask backup`, as an administrator uses it."""

import os
import signal
import time
from pathlib import Path

import pytest
import time_machine
from click import ClickException
from click.testing import Result
from flask import Flask
from sqlalchemy import URL

from app import database
from app.extensions import db


def back_up(app: Flask, *arguments: object) -> Result:
    """Run `flask backup`."""
    return app.test_cli_runner().invoke(args=["backup", *map(str, arguments)])


#: if cookiecutter.__backend == "sqlite"
def test_a_backup_is_consistent_while_others_write(
    app: Flask, account: str, tmp_path: Path
) -> None:
    import sqlite3
    from contextlib import closing

    from sqlalchemy import text

    with app.app_context(), db.engine.connect() as writer:
        writer.execute(text("UPDATE accounts SET name = 'Grace'"))
        result = back_up(app, tmp_path / "new" / "folder")
        writer.rollback()
    assert (result.exit_code, result.stderr) == (0, "")
    (file,) = (tmp_path / "new" / "folder").iterdir()
    assert file.suffix == ".sqlite3"
    assert str(file) in result.stdout
    assert file.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(file)) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("SELECT email, name FROM accounts").fetchall() == [(account, "Ada")]


#: endif
@pytest.mark.parametrize("fails", [True, False])
def test_an_incomplete_copy_is_deleted(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    def write(_url: URL, file: Path) -> None:
        file.write_text("half", "utf-8")
        if fails:
            raise ClickException("pulled the plug")

    with app.app_context():
        monkeypatch.setattr(database.backend(db.engine.dialect), "back_up", write)
    result = back_up(app, tmp_path / "backups")
    assert result.exit_code == int(fails)
    assert result.stderr == ("Error: pulled the plug\n" if fails else "")
    files = list((tmp_path / "backups").iterdir())
    assert len(files) == int(not fails)
    assert all(file.stat().st_mode & 0o777 == 0o600 for file in files)


#: if cookiecutter.__backend != "sqlite"
def test_a_program_that_fails_or_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.database import backups

    (tmp_path / "dump").write_text("#!/bin/sh\necho 'no such\ntable' >&2\nexit 3\n", "utf-8")
    (tmp_path / "dump").chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(ClickException, match=r"^dump failed: no such table$"):
        backups.dump(["missing", "dump"], [], {})
    with pytest.raises(ClickException, match=r"^Install missing"):
        backups.dump(["missing"], [], {})


#: endif
#: if cookiecutter.__backend == "postgresql"
def test_the_password_for_pg_dump_is_not_in_its_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import make_url

    from app.database import postgresql

    seen = saved_call(tmp_path, monkeypatch, "pg_dump")
    url = make_url("postgresql+psycopg://ada:pass%40phrase@db.example:5433/shop?sslmode=require")
    postgresql.back_up(url, tmp_path / "copy")
    *arguments, environment = seen.read_text("utf-8").splitlines()
    assert "--dbname=postgresql://ada@db.example:5433/shop?sslmode=require" in arguments
    assert f"--file={tmp_path / 'copy'}" in arguments
    assert not [argument for argument in arguments if "phrase" in argument]
    assert environment == "PGPASSWORD=pass@phrase"


#: endif
#: if cookiecutter.__backend == "mysql"
def test_the_password_for_mariadb_dump_is_not_in_its_arguments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sqlalchemy import make_url

    from app.database import mysql

    seen = saved_call(tmp_path, monkeypatch, "mariadb-dump")
    url = make_url("mysql+pymysql://ada:pass%40phrase@db.example:3307/shop?ssl_ca=/ca.pem")
    mysql.back_up(url, tmp_path / "copy")
    *arguments, environment = seen.read_text("utf-8").splitlines()
    options = {"--host=db.example", "--port=3307", "--user=ada", "--ssl-ca=/ca.pem"}
    assert options < set(arguments)
    assert arguments[-1] == "shop"
    assert not [argument for argument in arguments if "phrase" in argument]
    assert environment == "MYSQL_PWD=pass@phrase"


#: endif
#: if cookiecutter.__backend != "sqlite"
def saved_call(folder: Path, monkeypatch: pytest.MonkeyPatch, program: str) -> Path:
    """Install a program that only writes its arguments and its password into a file."""
    seen = folder / "seen"
    script = f'#!/bin/sh\nprintf "%s\\n" "$@" > {seen}\nenv | grep -F phrase >> {seen}\n'
    (folder / program).write_text(script, "utf-8")
    (folder / program).chmod(0o700)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return seen


#: endif
def test_a_copy_that_is_stopped_is_deleted(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_url: URL, file: Path) -> None:
        file.write_text("half", "utf-8")
        os.kill(os.getpid(), signal.SIGTERM)

    with app.app_context():
        monkeypatch.setattr(database.backend(db.engine.dialect), "back_up", stop)
    result = back_up(app, tmp_path)
    assert signal.getsignal(signal.SIGTERM) is not signal.default_int_handler
    assert (result.exit_code, result.stderr.strip()) == (1, "Aborted!")
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_behind_is_deleted_a_day_later(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        backend = database.backend(db.engine.dialect)
    monkeypatch.setattr(backend, "back_up", lambda *_: None)
    part = f"{backend.BACKUP_SUFFIX}.part"
    names = [f"20260130T000000Z{part}", f"20260131T000000Z{part}", f"another{part}"]
    for name, hours in zip(names, (25, 23, 25), strict=True):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - hours * 3600,) * 2)
    (tmp_path / f"20260129T000000Z{part}").symlink_to("nowhere")
    assert back_up(app, tmp_path).exit_code == 0
    assert [(tmp_path / name).exists() for name in names] == [False, True, True]


def test_a_folder_that_cannot_be_written_is_named(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    result = back_up(app, tmp_path / "file" / "backups")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"Error: Can't write to {tmp_path}/file/backups: Not a directory\n"


def test_a_copy_that_another_process_is_writing_is_left_alone(app: Flask, tmp_path: Path) -> None:
    with app.app_context():
        suffix = database.backend(db.engine.dialect).BACKUP_SUFFIX
    unfinished = tmp_path / f"20260131T120000Z{suffix}.part"
    unfinished.write_text("half", "utf-8")
    with time_machine.travel("2026-01-31T12:00:00Z", tick=False):
        result = back_up(app, tmp_path)
    assert result.exit_code == 1
    assert result.stderr == f"Error: Can't write to {tmp_path}: File exists\n"
    assert unfinished.read_text("utf-8") == "half"
