"""The URL of the database, as `DATABASE_URL` names it and as SQLAlchemy takes it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from app import kinds

# The driver that is installed for each scheme of a URL.
DRIVERS: Mapping[str, str] = {
    #: if cookiecutter.__backend == "sqlite"
    "sqlite": "sqlite+pysqlite",
    #: endif
    #: if cookiecutter.__backend == "postgresql"
    "postgres": "postgresql+psycopg",
    "postgresql": "postgresql+psycopg",
    #: endif
    #: if cookiecutter.__backend == "mysql"
    "mysql": "mysql+pymysql",
    "mariadb": "mariadb+pymysql",
    #: endif
}


def read(value: Any) -> str:
    """Read the URL of a database that this app has a driver for; a kind of setting."""
    url = kinds.text(value)
    try:
        parsed = make_url(with_driver(url))
        parsed.get_dialect()().create_connect_args(parsed)  # some options are numbers
    except KeyError:
        known = " or ".join(f"{name}://" for name in DRIVERS)
        raise ValueError(f"must start with {known}") from None
    except (ArgumentError, ValueError):
        raise ValueError("can't be read; see docs/settings.md for an example") from None
    if not 1 <= (parsed.port or 1) <= 65535:
        raise ValueError("has a port outside 1 to 65535")
    #: if cookiecutter.__backend == "postgresql"
    if parsed.get_backend_name() == "postgresql":
        from app.database import postgresql

        postgresql.check_options(parsed)
    #: endif
    #: if cookiecutter.__backend == "mysql"
    if parsed.get_backend_name() in ("mysql", "mariadb"):
        from app.database import mysql

        mysql.check_options(parsed)
        if not parsed.database:
            raise ValueError(
                "must end with the name of the database, such as mysql://user@host/name"
            )
    #: endif
    return url


#: if cookiecutter.__backend == "sqlite"
def is_in_memory(url: str) -> bool:
    """Return whether a database is in memory: each thread has its own, and it is never saved."""
    parsed = make_url(with_driver(url))
    if parsed.get_backend_name() != "sqlite":
        return False
    file = parsed.database or ":memory:"
    return ":memory:" in file or parsed.query.get("mode") == "memory"


#: endif
def with_driver(url: str) -> str:
    """Return the URL with the driver this app installs, whichever one it names.

    Raises KeyError when there is none for it.
    """
    scheme, separator, rest = url.partition("://")
    backend = scheme.partition("+")[0].lower() if separator else ""
    return f"{DRIVERS[backend]}://{rest}"
