"""The health check for load balancers, which may use an IP address as the host."""

import ast
import logging
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Flask, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection, column, delete, false, literal, select, table
from sqlalchemy.exc import SQLAlchemyError

from app import database
from app.database import faults
from app.extensions import db

logger = logging.getLogger(__name__)
bp = Blueprint("health", __name__)

# Where Alembic notes the revision of the tables.
VERSION = table("alembic_version", column("version_num"))


@bp.get("/healthz")
def healthz() -> ResponseReturnValue:
    """Check health: 200 if the database responds, has all tables and accepts writes, else 503."""
    try:
        with db.engine.connect() as connection:
            problem = _problem(connection)
    except SQLAlchemyError as error:
        problem = faults.reason(error)
    if problem:
        logger.error("Not healthy: %s", problem)
        return {"status": "unavailable"}, 503
    return {"status": "ok"}


def _problem(connection: Connection) -> str | None:
    """Return what keeps the database from being used. Raises DBAPIError."""
    known, newest = _shipped_revisions(Path(current_app.root_path).parent / "migrations")
    revisions = _revisions(connection)
    # A revision that is not known here belongs to newer code, beside which this one still serves.
    if not newest <= revisions and revisions <= known:
        return (
            f"the tables are of revision {', '.join(sorted(revisions)) or 'none'}, this code needs"
            f" {', '.join(sorted(newest))}: run `flask db upgrade`"
        )
    connection.execute(delete(VERSION).where(false()))  # refused where no write is taken
    if database.backend(connection.dialect).disk_is_full(connection):
        return "the disk is full"
    return None


def _revisions(connection: Connection) -> set[str]:
    """Return the revisions of the tables. The statement fails if one of them is missing."""
    nothing = [
        select(literal(1)).select_from(each).where(false()).scalar_subquery()
        for each in db.metadata.tables.values()
    ]
    return set(connection.scalars(select(VERSION.c.version_num, *nothing)))


def note_revisions(app: Flask) -> None:
    """Read the migrations that belong to the code, before an update of the files adds others."""
    _shipped_revisions(Path(app.root_path).parent / "migrations")


@cache
def _shipped_revisions(folder: Path) -> tuple[set[str], set[str]]:
    """Return all revisions in the folder of the migrations, and the newest.

    They are read from the files, because a server has no other use for Alembic.
    """
    known: set[str] = set()
    older: set[str] = set()
    for file in (folder / "versions").glob("*.py"):
        values = dict(_assignments(file))
        if "revision" in values:
            known.add(values["revision"])
            before = values["down_revision"]
            older.update(before if isinstance(before, tuple) else (before,))
    return known, known - older


def _assignments(file: Path) -> Iterator[tuple[str, Any]]:
    """Yield the constants of a migration, such as its revision and the one before."""
    for node in ast.parse(file.read_bytes()).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
            if isinstance(target, ast.Name) and target.id in ("revision", "down_revision"):
                yield target.id, ast.literal_eval(node.value)
