"""What the commands of the `flask` program share."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from click import ClickException, Context
from flask.cli import AppGroup
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from app.database import unlimited_statements


@contextmanager
def using_database() -> Iterator[None]:
    """Take any time, but say in one line that the database is down, missing or without tables.

    Raises ClickException.
    """
    try:
        with unlimited_statements():
            yield
    except (InterfaceError, OperationalError, ProgrammingError) as error:
        problem = " ".join(str(error.orig).split())
        raise ClickException(
            "The database that DATABASE_URL names cannot be used; check that it runs and exists,"
            f" and that `flask db upgrade` has made its tables: {problem}"
        ) from None


class DatabaseGroup(AppGroup):
    """Commands that use the database."""

    def invoke(self, ctx: Context) -> Any:
        """Run one of them. Raises ClickException where the database cannot be used."""
        with using_database():
            return super().invoke(ctx)
