"""What MySQL and MariaDB need on every connection: time-outs."""

from typing import Any

from flask import Config
from sqlalchemy import Engine, event

from app import database

# How much longer the app waits than the server should take, in seconds.
MARGIN_SECONDS = 1


def set_up(engine: Engine, config: Config) -> None:
    """Prepare every new connection of the engine."""

    @event.listens_for(engine, "do_connect")
    def limit_waiting(
        _dialect: object, _record: object, _args: object, options: dict[str, Any]
    ) -> None:
        """Wait only so long for the server. What the URL or the owner's options say wins."""
        options.setdefault("connect_timeout", config["DATABASE_CONNECT_TIMEOUT_SECONDS"])
        seconds = database.statement_timeout(config)
        if seconds is not None:
            options.setdefault("read_timeout", seconds + MARGIN_SECONDS)
            options.setdefault("write_timeout", seconds + MARGIN_SECONDS)

    @event.listens_for(engine, "connect")
    def limit_server(connection: Any, _record: object) -> None:
        """Set the server's time-outs. Each server reads the comments that are for it."""
        lock_seconds = config["DATABASE_LOCK_TIMEOUT_SECONDS"]
        seconds = database.statement_timeout(config) or 0
        with connection.cursor() as cursor:
            cursor.execute(
                f"SET innodb_lock_wait_timeout = {lock_seconds}, lock_wait_timeout = {lock_seconds}"
                f" /*M! , max_statement_time = {seconds} */"
                f" /*!80000 , max_execution_time = {seconds * 1000} */"
            )
