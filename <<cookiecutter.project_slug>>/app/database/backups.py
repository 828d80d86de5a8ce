"""`flask backup`: a consistent copy of the database while the app runs."""

import os
import re
import signal
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import click
from click import ClickException
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import inspect

from app import database
from app.commands import say, using_database
from app.extensions import db
from app.health import VERSION

# A copy that never got its name, and the seconds after which its process must have been killed.
UNFINISHED = re.compile(r"\d{8}T\d{6}Z\.\w+\.part(-journal)?")
LEFT_BEHIND = 24 * 60 * 60


@click.command("backup")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@with_appcontext
def command(folder: Path | None) -> None:
    """Copy the database into FOLDER, or into instance/backups, while the app runs.

    The copy contains everything about everyone: keep it as safe as the database. docs/operations.md
    says how to restore it.
    """
    folder = folder or Path(current_app.instance_path, "backups")
    usual = signal.signal(signal.SIGTERM, signal.default_int_handler)  # the same as Ctrl-C
    try:
        with using_database():
            file = back_up(folder)
    finally:
        signal.signal(signal.SIGTERM, usual)
    say(f"Copied the database to {file} ({file.stat().st_size:,} bytes).")


#: if cookiecutter.__backend != "sqlite"
def dump(programs: list[str], arguments: list[str], secrets: dict[str, str]) -> None:
    """Run the first of the programs that is installed; it writes the copy.

    Args:
        programs: Names for the database's own program, the preferred one first.
        arguments: Its arguments, which everyone on the machine can see.
        secrets: Environment variables for it, which they can't.

    Raises:
        ClickException: No program is installed, or it failed.
    """
    import shutil
    import subprocess

    found = [path for path in map(shutil.which, programs) if path]
    if not found:
        raise ClickException(f"Install {programs[0]}: it comes with the database's client.")
    result = subprocess.run(  # noqa: S603 - no shell
        [found[0], *arguments],
        env={**os.environ, **secrets},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    if result.returncode:
        message = " ".join(result.stderr.split())
        raise ClickException(f"{Path(found[0]).name} failed: {message}")


#: endif
def back_up(folder: Path) -> Path:
    """Write a copy of the database into a folder and return its path.

    It has its name only when it is complete. Only its owner may read it.

    Raises:
        ClickException: The database has no tables, or the copy could not be written.
        SQLAlchemyError: The database cannot be used.
    """
    if not inspect(db.engine).has_table(VERSION.name):
        raise ClickException("The database has no tables; run `flask db upgrade`.")
    backend = database.backend(db.engine.dialect)
    moment = datetime.now(UTC)
    file = folder / f"{moment:%Y%m%dT%H%M%SZ}{backend.BACKUP_SUFFIX}"
    unfinished = file.with_name(f"{file.name}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ClickException(f"Can't write to {folder}: {error.strerror}") from None
    try:
        _remove_unfinished(folder)
        backend.back_up(db.engine.url, unfinished)
        os.fsync(descriptor)
        unfinished.rename(file)
    finally:
        os.close(descriptor)
        with suppress(FileNotFoundError):
            unfinished.unlink()
    return file


def _remove_unfinished(folder: Path) -> None:
    """Remove what killed processes left behind: it has everything about everyone."""
    for file in folder.iterdir():
        with suppress(OSError):
            old = file.stat().st_mtime < time.time() - LEFT_BEHIND
            if old and UNFINISHED.fullmatch(file.name):
                file.unlink()
