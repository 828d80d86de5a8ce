"""How long a statement may take: limited while the app serves, unlimited for commands."""

from contextvars import ContextVar

from flask import Config

# Whether new connections limit how long a statement may take.
limited = ContextVar("limited", default=True)


def of_statements(config: Config) -> int | None:
    """Return the seconds a statement may take on a new connection; None for any time."""
    return config["DATABASE_STATEMENT_TIMEOUT_SECONDS"] if limited.get() else None
