"""A database on a server for each test process, dropped afterwards.

The server is the one that TEST_DATABASE_URL names, with a user who may create databases.
#: if cookiecutter.__backend == "mysql"
The user also needs the right PROCESS, to see which transactions wait.
#: endif
"""

import os
from collections.abc import Iterator
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from app.database.url import DRIVERS

#: if cookiecutter.__backend == "mysql"
SERVER = "mysql+pymysql://root@127.0.0.1:3306/mysql"
#: endif
#: if cookiecutter.__backend == "postgresql"
SERVER = "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
#: endif


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """The URL of an empty database."""
    url = make_url(os.environ.get("TEST_DATABASE_URL") or SERVER)
    url = url.set(drivername=DRIVERS[url.get_backend_name()])
    name = f"test_{uuid4().hex}"
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    try:
        with engine.connect() as server:
            server.execute(text(f"CREATE DATABASE {name}"))
            #: if cookiecutter.__backend == "postgresql"
            if url.get_backend_name() == "postgresql":
                # No commit waits for the disk: no test takes the power away.
                server.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
            #: endif
    except OperationalError as error:
        message = f"set TEST_DATABASE_URL to a server that answers: {error.orig}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    yield url.set(database=name).render_as_string(hide_password=False)
    with engine.connect() as server:
        server.execute(text(f"DROP DATABASE {name}"))
    engine.dispose()
