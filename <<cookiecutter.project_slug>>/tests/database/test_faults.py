"""What the app does while its database fails, on a real one."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import NullPool, QueuePool, event, select, text, update
from sqlalchemy.engine.default import DefaultDialect
from sqlalchemy.exc import IntegrityError
from werkzeug.test import TestResponse

from app.accounts import registration
from app.accounts.models import Account
from app.commands import using_database
from app.database import faults
from app.extensions import db
from tests.conftest import PASSWORD, MakeApp, add_account
from tests.failing import engine_of

LINE = "The database failed at GET work: "


@pytest.fixture
def app(make_app: MakeApp) -> Flask:
    """An app that answers for its faults as in production, and waits for no longer than it must."""
    return working(
        make_app(
            TESTING=False,
            DATABASE_POOL_SIZE=1,
            DATABASE_MAX_OVERFLOW=1,
            DATABASE_POOL_TIMEOUT_SECONDS=1,
            DATABASE_LOCK_TIMEOUT_SECONDS=1,
        )
    )


def working(app: Flask) -> Flask:
    """Return the app with a page that writes to the database."""

    def work() -> str:
        db.session.execute(update(Account).values(name="Grace"))
        db.session.commit()
        return "done"

    app.add_url_rule("/work", "work", work)
    return app


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the log says about the faults, without the part that is always the same."""
    lines = [record for record in caplog.records if record.name == "app.errors"]
    assert all(line.levelno == logging.ERROR and line.exc_info is None for line in lines)
    return [line.getMessage().removeprefix(LINE) for line in lines]


def assert_unavailable(response: TestResponse) -> None:
    """Check that the client learns when to come back, and nothing else."""
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "10"
    for word in ("accounts", "database", "Error"):
        assert word not in response.text


def health(client: FlaskClient) -> int:
    """Return what a load balancer sees."""
    return client.get("/healthz").status_code


@contextmanager
def statements(app: Flask, before: str, after: str) -> Iterator[None]:
    """Change the database, and change it back."""
    with engine_of(app).begin() as connection:
        connection.execute(text(before))
    try:
        yield
    finally:
        with engine_of(app).begin() as connection:
            connection.execute(text(after))


def test_every_database_error_is_one_log_line_and_recovers(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    rename = "ALTER TABLE {} RENAME TO {}"
    with statements(app, rename.format("accounts", "x"), rename.format("x", "accounts")):
        assert_unavailable(client.get("/work"))
        assert health(client) == 503
    (reason,) = reasons(caplog)
    assert "accounts" in reason
    assert client.get("/work").text == "done"
    assert health(client) == 200


def test_an_exhausted_connection_pool_is_reported_quickly(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    engine = engine_of(app)
    with engine.connect(), engine.connect():
        assert_unavailable(client.get("/work"))
    assert reasons(caplog)[0].startswith("TimeoutError: QueuePool limit of size 1 overflow 1")
    assert client.get("/work").text == "done"


def test_a_connection_that_is_lost_at_the_end_loses_no_response(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    def last() -> str:
        db.session.execute(select(Account).with_for_update())
        connection = db.session.connection().connection.dbapi_connection
        assert connection
        connection.close()
        return "done"

    app.add_url_rule("/last", "last", last)
    assert app.test_client().get("/last").text == "done"
    (line,) = caplog.messages
    assert line.startswith("The database connection was lost at the end: ")
    for _ in range(3):  # more than the pool holds
        assert app.test_client().get("/work").text == "done"


def test_waiting_for_a_lock_times_out(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    add_account(app)
    with engine_of(app).begin() as other:
        other.execute(update(Account).values(name="Ada"))
        assert_unavailable(client.get("/work"))
    assert len(reasons(caplog)) == 1
    assert client.get("/work").text == "done"


@contextmanager
def revision(app: Flask, value: str) -> Iterator[str]:
    """Let the tables claim to be of another revision; gives their own."""
    engine = engine_of(app)
    with engine.connect() as connection:
        own = str(connection.scalar(text("SELECT version_num FROM alembic_version")))
    change = "UPDATE alembic_version SET version_num = '{}' WHERE version_num = '{}'"
    with statements(app, change.format(value, own), change.format(own, value)):
        yield own


def test_tables_of_a_newer_version_are_healthy(app: Flask, client: FlaskClient) -> None:
    with revision(app, "9999"):
        assert health(client) == 200


def test_tables_of_an_older_version_are_not_healthy(
    app: Flask,
    client: FlaskClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    with revision(app, "0000") as own:
        monkeypatch.setattr("app.health._shipped_revisions", lambda _: ({"0000", own}, {own}))
        assert health(client) == 503
    line = f"Not healthy: the tables are of revision 0000, this code needs {own}: run `flask db upgrade`"
    assert line in caplog.messages
    assert health(client) == 200


@pytest.mark.parametrize("table", ["alembic_version", *db.metadata.tables])
def test_a_database_without_one_of_the_tables_is_not_healthy(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture, table: str
) -> None:
    rename = "ALTER TABLE {} RENAME TO {}"
    with statements(app, rename.format(table, "x"), rename.format("x", table)):
        assert health(client) == 503
    assert table in caplog.text


def test_a_read_only_database_is_not_healthy(
    app: Flask, client: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    add_account(app)
    assert client.get("/work").text == "done"
    with read_only(app):
        assert_unavailable(client.get("/work"))
        assert health(client) == 503
    assert len(reasons(caplog)) == 1
    assert health(client) == 200
    assert client.get("/work").text == "done"


def test_a_command_reports_a_read_only_database_in_one_line(app: Flask) -> None:
    email = add_account(app, confirmed=False)
    with read_only(app):
        result = app.test_cli_runner().invoke(args=["accounts", "confirm", email])
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: The database that DATABASE_URL names cannot be used; ")


@contextmanager
def read_only(app: Flask) -> Iterator[None]:
    """Let the database take no writes on the connections that are opened meanwhile."""
    engine = engine_of(app)
    engine.dispose()
    listeners: dict[str, tuple[str, Callable[..., None]]] = {
        #: if cookiecutter.__backend == "sqlite"
        "sqlite": ("do_connect", read_only_file),
        #: endif
        #: if cookiecutter.__backend == "postgresql"
        "postgresql": ("connect", read_only_session),
        #: endif
        #: if cookiecutter.__backend == "mysql"
        "mysql": ("connect", read_only_transactions),
        "mariadb": ("connect", read_only_transactions),
        #: endif
    }
    kind, listener = listeners[engine.dialect.name]
    event.listen(engine, kind, listener)
    yield
    event.remove(engine, kind, listener)


#: if cookiecutter.__backend == "sqlite"
def read_only_file(_d: object, _r: object, args: list[str], options: dict[str, Any]) -> None:
    """Open a file for reading alone."""
    args[0] = f"file:{args[0]}?mode=ro"
    options["uri"] = True


#: endif
#: if cookiecutter.__backend == "postgresql"
def read_only_session(connection: Any, _record: object) -> None:
    """Let the server refuse to write."""
    connection.execute("SET default_transaction_read_only = on")
    connection.commit()


#: endif
#: if cookiecutter.__backend == "mysql"
def read_only_transactions(connection: Any, _record: object) -> None:
    """Let the server refuse to write."""
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")


#: endif
def test_other_violated_constraints_are_not_reported_as_a_taken_address(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        assert registration.create("Ada", "ada@example.com", PASSWORD) is not None
        assert registration.create("Ada", "ada@example.com", PASSWORD) is None
        handle = db.session.scalars(select(Account.user_handle)).one()
        monkeypatch.setattr("secrets.token_urlsafe", lambda _: handle)
        with pytest.raises(IntegrityError):
            registration.create("Grace", "grace@example.com", PASSWORD)


# For each database: a query, what it may give while requests are served, and for a command.
TIME_OUTS: dict[str, list[tuple[str, set[object], set[object]]]] = {
    #: if cookiecutter.__backend == "sqlite"
    "sqlite": [("PRAGMA busy_timeout", {7000}, {7000})],
    #: endif
    #: if cookiecutter.__backend == "postgresql"
    "postgresql": [
        ("SHOW lock_timeout", {"7s"}, {"7s"}),
        ("SHOW statement_timeout", {"9s"}, {"0"}),
    ],
    #: endif
    #: if cookiecutter.__backend == "mysql"
    "mysql": [
        ("SELECT @@innodb_lock_wait_timeout", {7}, {7}),
        ("SELECT @@lock_wait_timeout", {7}, {7}),
        (
            "SHOW VARIABLES WHERE Variable_name IN ('max_statement_time', 'max_execution_time')"
            " AND Value IN ('9.000000', '9000')",
            {"max_statement_time", "max_execution_time"},  # MariaDB's, MySQL's
            {None},
        ),
    ],
    #: endif
}


def test_time_outs_apply_to_the_server_but_not_to_commands(make_app: MakeApp) -> None:
    settings = {"DATABASE_LOCK_TIMEOUT_SECONDS": 7, "DATABASE_STATEMENT_TIMEOUT_SECONDS": 9}
    engine = engine_of(make_app(**settings))
    for query, serving, command in TIME_OUTS[engine.dialect.name]:
        with engine.connect() as connection:
            assert connection.scalar(text(query)) in serving
        engine.dispose()
        with using_database(), engine.connect() as connection:
            assert connection.scalar(text(query)) in command
        engine.dispose()


def test_the_owners_engine_options_are_kept(make_app: MakeApp) -> None:
    app = make_app(
        SQLALCHEMY_ENGINE_OPTIONS={"pool_recycle": 7, "pool_size": 3, "hide_parameters": False}
    )
    engine = engine_of(app)
    assert isinstance(engine.pool, QueuePool)
    assert (engine.pool.size(), engine.pool._recycle) == (3, 7)
    #: if cookiecutter.__backend != "sqlite"
    assert engine.pool._pre_ping
    #: endif
    assert engine.hide_parameters


def test_other_databases_of_the_owner_log_no_parameters(make_app: MakeApp) -> None:
    app = make_app()
    other = make_app(SQLALCHEMY_BINDS={"other": app.config["SQLALCHEMY_DATABASE_URI"]})
    with other.app_context():
        assert db.engines["other"].hide_parameters


def test_the_owners_pool_class_needs_no_size(make_app: MakeApp) -> None:
    app = make_app(SQLALCHEMY_ENGINE_OPTIONS={"poolclass": NullPool})
    assert isinstance(engine_of(app).pool, NullPool)
    assert app.test_client().get("/healthz").status_code == 200


def test_errors_of_an_unknown_kind_of_database_have_no_code(make_app: MakeApp) -> None:
    with make_app().app_context():
        assert faults._diagnose(DefaultDialect(), ValueError("ada@example.com")) == faults.Fault()


def test_echoed_statements_are_without_parameters(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(SQLALCHEMY_ECHO=True)
    add_account(app)
    engine_of(app).echo = False
    assert "INSERT INTO accounts" in caplog.text
    assert "ada@example.com" not in caplog.text
