"""Run migrations on the app's own engine, with the metadata of its models."""

from typing import Any

from alembic import context
from click import ClickException
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from app.commands import using_database
from app.database import faults
from app.extensions import db
from migrations import rendering


def options() -> dict[str, Any]:
    """Return the options with which migrations are compared, written and run."""
    found: dict[str, Any] = {
        "target_metadata": db.metadata,
        "compare_type": True,
        "render_item": rendering.render_item,
        "process_revision_directives": rendering.complete,
    }
    #: if cookiecutter.__backend == "sqlite"
    import migrations.sqlite_tables  # noqa: F401 - it replaces some of Alembic's operations

    # SQLite changes a table by copying it.
    found["render_as_batch"] = db.engine.dialect.name == "sqlite"
    #: endif
    #: if cookiecutter.__backend == "postgresql"
    import alembic_postgresql_enum  # noqa: F401 - it adds the operations that enum types need

    #: endif
    return found


def write_sql() -> None:
    """Print the SQL instead of running it: `flask db upgrade --sql`."""
    url = db.engine.url.set(password=None)
    #: if cookiecutter.__backend == "mysql"
    if db.engine.dialect.name == "mysql":
        from migrations import mysql

        url = mysql.for_server(url, db.engine)
    #: endif
    context.configure(
        url=url,
        literal_binds=True,
        dialect_opts={"paramstyle": "named"},  # as the driver's own style, % would be doubled
        **options(),
    )
    #: if cookiecutter.__backend == "sqlite"
    if db.engine.dialect.name == "sqlite":
        context.execute("PRAGMA foreign_keys = OFF")
    #: endif
    with context.begin_transaction():
        context.run_migrations()


def migrate(connection: Connection) -> None:
    """Run what the command asks for."""
    #: if cookiecutter.__backend == "mysql"
    from migrations import mysql

    mysql.refuse_empty_dates(connection)
    #: endif
    context.configure(connection=connection, **options())
    with context.begin_transaction():
        context.run_migrations()


def changes_database() -> bool:
    """Return whether the command is upgrade, downgrade or stamp, which run one at a time."""
    try:
        context.get_revision_argument()
    except KeyError:
        return False
    return True


def migrate_alone(connection: Connection) -> None:
    """Run what the command asks for while no other process does."""
    #: if cookiecutter.__backend == "sqlite"
    if db.engine.dialect.name == "sqlite":
        from migrations import sqlite

        with sqlite.one_transaction(connection):
            migrate(connection)
        return
    #: endif
    #: if cookiecutter.__backend != "sqlite"
    from migrations import lock

    with lock.held(db.engine):
        migrate(connection)
    #: endif


def described(error: DBAPIError) -> str:
    """Return one line with the reason of an error and its statement."""
    return " ".join(f"{faults.reason(error)} [{error.statement or ''}]".split())


def run() -> None:
    """Run a `flask db` command.

    Raises:
        ClickException: One line that says what failed.
    """
    if context.is_offline_mode():
        write_sql()
        return
    with using_database():
        connection = db.engine.connect()
    with connection:
        try:
            if changes_database():
                migrate_alone(connection)
            else:
                migrate(connection)
        except DBAPIError as error:
            raise ClickException(described(error)) from None
        #: if cookiecutter.__backend == "postgresql"
        except ValueError as error:  # of alembic_postgresql_enum, about rows with an old value
            if not isinstance(error.__cause__, DBAPIError):
                raise
            hint = "Rows have a value that the new type lacks: change them first."
            raise ClickException(f"{hint} {described(error.__cause__)}") from None
        #: endif


run()
