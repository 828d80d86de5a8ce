"""Runs migrations on the app's own engine, with the metadata of its models."""

from typing import Any

from alembic import context

from app.commands import using_database
from app.extensions import db


def run() -> None:
    """Migrate the database, or write the SQL out with `flask db upgrade --sql`."""
    options: dict[str, Any] = {
        "target_metadata": db.metadata,
        "compare_type": True,
        #: if cookiecutter.__backend == "sqlite"
        # SQLite changes a table by copying it.
        "render_as_batch": db.engine.dialect.name == "sqlite",
        #: endif
    }
    if context.is_offline_mode():
        url = db.engine.url.render_as_string(hide_password=False)
        context.configure(url=url, literal_binds=True, **options)
        with context.begin_transaction():
            context.run_migrations()
        return
    with using_database():
        connection = db.engine.connect()
    with connection:
        context.configure(connection=connection, **options)
        with context.begin_transaction():
            context.run_migrations()


run()
