"""What errors of PostgreSQL mean, and which connections are used."""

import re
from select import select as wait
from typing import Any

import psycopg
import pytest
from flask import Config, Flask
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, func, make_url, select, text
from sqlalchemy.exc import DataError, DBAPIError

from app.accounts import registration, sessions
from app.accounts.client import Client
from app.accounts.models import NAME_LENGTH, Account
from app.config import DEFAULTS
from app.database import faults, postgresql
from app.extensions import db, transaction
from tests.conftest import PASSWORD, MakeApp, add_account
from tests.programs import SECONDS


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        ("08006", "passing fatal"),  # connection failure
        ("25006", "passing fatal"),  # read-only
        ("40001", "passing busy"),  # could not serialize
        ("40P01", "passing busy"),  # deadlock
        ("42P01", "passing"),  # no such table
        ("42703", "passing"),  # no such column
        ("53100", "passing"),  # the disk is full
        ("53300", "passing"),  # too many connections
        ("55P03", "passing busy"),  # lock time-out
        ("57014", "passing"),  # statement time-out
        ("57P01", "passing fatal"),  # shutting down
        ("42501", "passing"),  # no privilege
        ("XX001", "passing"),  # a damaged page
        ("22001", ""),  # too long
        ("23505", ""),  # not unique
        ("25P02", ""),  # the transaction has failed before
        ("42601", ""),  # syntax
    ],
)
def test_errors_are_classified(code: str, kinds: str) -> None:
    found = postgresql.diagnose(psycopg.errors.lookup(code)("ada@example.com"))
    assert found == faults.Fault(code, "", **dict.fromkeys(kinds.split(), True))


def test_the_words_of_the_server_are_kept_that_hold_no_value(app: Flask) -> None:
    with app.app_context():
        if db.engine.dialect.name != "postgresql":
            pytest.skip("this is not PostgreSQL")
        with pytest.raises(DataError) as caught:
            add_account(app, name="A" * (NAME_LENGTH + 1))
    words = f"value too long for type character varying({NAME_LENGTH})"
    assert faults.reason(caught.value) == f"StringDataRightTruncation: 22001 {words}"


@pytest.mark.parametrize("function", ["to_tsquery(:text)", "set_config(:text, 'x', true)"])
def test_the_words_of_the_server_are_left_out_that_may_hold_a_value(
    app: Flask, function: str
) -> None:
    with app.app_context():
        if db.engine.dialect.name != "postgresql":
            pytest.skip("this is not PostgreSQL")
        with db.engine.connect() as connection, pytest.raises(DBAPIError) as caught:
            connection.execute(text(f"SELECT {function}"), {"text": "ada & & lovelace"})
    assert re.fullmatch(r"\w+: 42\d{3}", faults.reason(caught.value))


def test_an_error_without_a_code_is_a_connection_error() -> None:
    lost = "server closed the connection unexpectedly"
    assert postgresql.diagnose(psycopg.OperationalError(lost)).message == lost
    assert postgresql.diagnose(psycopg.DataError("ada@example.com")).message == ""


def test_every_name_can_be_stored_whatever_encoding_the_url_asks_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    used: dict[str, Any] = {}

    def look(**options: Any) -> None:
        used.update(options)
        raise LookupError

    monkeypatch.setattr(postgresql.Connection, "connect", look)
    with pytest.raises(LookupError):
        postgresql.Connector(Config("", {**DEFAULTS})).open(client_encoding="latin1")
    assert used["client_encoding"] == "utf8"


def test_other_defaults_of_the_database_change_nothing(
    make_app: MakeApp, database_url: str
) -> None:
    database = f'ALTER DATABASE "{make_url(database_url).database}"'
    with make_app().app_context(), db.engine.connect() as connection:
        raw(connection)
        try:
            connection.execute(text(f"{database} SET datestyle = 'SQL, DMY'"))
            connection.execute(text(f"{database} SET default_transaction_isolation = serializable"))
            connection.commit()
            with make_app().app_context():
                registration.create("Ada", "ada@example.com", PASSWORD, confirmed=True)
                assert db.session.scalars(select(Account.created_at)).one()
                level = db.session.scalar(text("SHOW transaction_isolation"))
                assert level == "read committed"
        finally:
            connection.execute(text(f"{database} RESET ALL"))
            connection.commit()


def raw(connection: Connection) -> postgresql.Connection:
    """Return the driver's connection."""
    found: Any = connection.connection.dbapi_connection
    if not isinstance(found, postgresql.Connection):
        pytest.skip("this is not PostgreSQL")
    return found


def in_transaction(connection: postgresql.Connection) -> bool:
    """Return whether the server has begun a transaction."""
    return connection.info.transaction_status == TransactionStatus.INTRANS


def test_a_recently_used_connection_is_not_checked(
    app: Flask,
) -> None:
    with app.app_context(), db.engine.connect() as own, db.engine.connect() as other:
        connection = raw(own)
        own.execute(select(1))
        assert connection.is_quiet()
        connection.used_at -= postgresql.TRUSTED_SECONDS + SECONDS
        assert not connection.is_quiet()
        own.execute(select(1))
        assert connection.is_quiet()
        other.execute(select(func.pg_terminate_backend(connection.info.backend_pid)))
        assert wait([connection.pgconn.socket], [], [], SECONDS)[0]
        assert not connection.is_quiet()
        own.invalidate()


def test_a_connection_that_ended_after_its_use_fails_no_request(app: Flask) -> None:
    client = app.test_client()
    with app.app_context(), db.engine.connect() as other:
        with db.engine.connect() as idle:
            connection = raw(idle)
            idle.execute(select(1))
        assert connection.is_quiet()
        other.execute(select(func.pg_terminate_backend(connection.info.backend_pid)))
        assert wait([connection.pgconn.socket], [], [], SECONDS)[0]
        assert client.get("/healthz").status_code == 200


def test_who_is_signed_in_is_found_outside_of_a_transaction(app: Flask, account: str) -> None:
    with app.app_context():
        ada = db.session.scalars(select(Account)).one()
        with transaction():
            kind = next(iter(sessions.IDLE_SETTINGS))
            _, token = sessions.start(
                ada, kind, Client("192.0.2.1", "", (), None), factor_verified=False
            )
        db.session.remove()
        connection = raw(db.session.connection())
        found = sessions.find(token, kind)
        assert found is not None
        assert found.account.email == account
        assert not in_transaction(connection)
        found.account.name = "Grace"
        db.session.flush()
        assert in_transaction(connection)
        db.session.rollback()
        assert found.account.name != "Grace"


def test_a_statement_that_fails_alone_leaves_the_next_one_a_transaction(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as own:
        connection = raw(own)
        with pytest.raises(DBAPIError):
            own.execute(text("SELECT 1 / 0").execution_options(alone=True))
        own.execute(select(1))
        assert in_transaction(connection)
        # Inside of a transaction it is one of its statements.
        own.execute(select(1).execution_options(alone=True))
        assert in_transaction(connection)


def test_the_app_is_unhealthy_after_a_write_found_the_disk_full(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_full_at", [float("-inf")])
    client = app.test_client()
    with app.app_context(), db.engine.connect() as connection:
        raw(connection)
        assert client.get("/healthz").status_code == 200
        with pytest.raises(DBAPIError):
            connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE='53100'; END $$")
    assert client.get("/healthz").status_code == 503
    monkeypatch.setattr(postgresql, "FULL_SECONDS", 0)
    assert client.get("/healthz").status_code == 200
