"""Run migrations in one process at a time, even if several start at the same moment."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Engine

RETRY_SECONDS = 0.5
# For each database: a statement that is true once the lock is this connection's.
ACQUIRE = {
    #: if cookiecutter.__backend == "postgresql"
    # A transaction's lock, not a session's: a pooler would leave that on a connection of its own.
    "postgresql": "SELECT pg_try_advisory_xact_lock(hashtext('migrations'))",
    #: endif
    #: if cookiecutter.__backend == "mysql"
    # Names of locks are shared by all databases of a server, and have at most 64 characters.
    "mysql": "SELECT GET_LOCK(SHA1(CONCAT('migrations of ', DATABASE())), 0)",
    "mariadb": "SELECT GET_LOCK(SHA1(CONCAT('migrations of ', DATABASE())), 0)",
    #: endif
}


@contextmanager
def held(engine: Engine) -> Iterator[None]:
    """Hold the lock, after waiting for the process that has it.

    The lock has a connection of its own, so that a migration may commit in between. It is asked
    for again and again, each time in a new transaction: a statement that waits would be ended by
    a statement timeout, and an open transaction would keep a connection from a pooler's clients.
    """
    own = Engine(engine.pool.recreate(), engine.dialect, engine.url)
    try:
        with own.connect() as connection:
            said = False
            while not connection.exec_driver_sql(ACQUIRE[engine.dialect.name]).scalar():
                connection.rollback()
                if not said:
                    click.echo("Waiting: another process is migrating this database.", err=True)
                    said = True
                time.sleep(RETRY_SECONDS)
            #: if cookiecutter.__backend == "postgresql"
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            #: endif
            yield
    finally:
        own.dispose()
