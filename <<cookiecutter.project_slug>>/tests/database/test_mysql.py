"""What errors of MySQL and MariaDB mean, and what becomes of a deadlock."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pymysql
import pytest
from flask import Config, Flask
from sqlalchemy import create_engine, event, func, insert, select, text
from sqlalchemy.exc import DBAPIError, OperationalError

from app.accounts.models import Account, LimitCounter
from app.columns import now
from app.config import DEFAULTS
from app.database import faults, mysql
from app.extensions import db, transaction
from tests.conftest import MakeApp, add_account

WAITING = """
    SELECT count(*) FROM information_schema.innodb_trx
    JOIN information_schema.processlist ON id = trx_mysql_thread_id
    WHERE trx_state = 'LOCK WAIT' AND db = database()
"""


@pytest.mark.parametrize(
    ("number", "kinds"),
    [
        (1021, ""),  # the disk is full
        (1040, ""),  # too many connections
        (1146, ""),  # no such table
        (1054, ""),  # no such column
        (1205, "busy"),  # lock time-out
        (1213, "busy"),  # deadlock
        (1969, ""),  # statement time-out of MariaDB
        (3024, ""),  # statement time-out of MySQL
        (2013, ""),  # lost connection, which SQLAlchemy knows itself
        (1290, "fatal"),  # read-only
        (1792, "fatal"),  # read-only transaction
        (1053, "fatal"),  # shutting down
    ],
)
def test_temporary_errors_are_recognized(number: int, kinds: str) -> None:
    found = mysql.diagnose(pymysql.OperationalError(number, "words of the server"))
    flags = dict.fromkeys(["passing", *kinds.split()], True)
    assert found == faults.Fault(str(number), "words of the server", **flags)


@pytest.mark.parametrize(
    ("number", "message", "left"),
    [
        (1062, "Duplicate entry 'ada@example.com' for key 'uq_x'", "for key 'uq_x'"),
        (1062, "Duplicate entry 'for key 'y'' for key 'accounts.uq_x'", "for key 'uq_x'"),
        (1064, "You have an error in your SQL syntax near 'ada@example.com'", ""),
        (1366, "Incorrect string value: 'ada' for column `name`", ""),
        (1644, "ada@example.com is not welcome", ""),
        (1553, "Cannot drop index 'ix_x': needed", "Cannot drop index 'ix_x': needed"),
        (
            1406,
            "Data too long for column 'name' at row 1",
            "Data too long for column 'name' at row 1",
        ),
    ],
)
def test_a_message_that_may_hold_a_value_is_left_out(number: int, message: str, left: str) -> None:
    found = mysql.diagnose(pymysql.IntegrityError(number, message))
    assert found == faults.Fault(str(number), left)


def test_a_violated_constraint_has_its_name() -> None:
    error = pymysql.IntegrityError(1062, "Duplicate entry 'a' for key 'accounts.uq_accounts_email'")
    assert mysql.violated_unique(error) == "uq_accounts_email"
    assert mysql.violated_unique(pymysql.IntegrityError(1048, "Column cannot be null")) is None


def test_every_name_can_be_stored_whatever_character_set_the_url_asks_for() -> None:
    engine = create_engine("mysql+pymysql://me@127.0.0.1/shop?charset=latin1")
    mysql.set_up(engine, Config("", {**DEFAULTS}))
    used: dict[str, Any] = {}

    @event.listens_for(engine, "do_connect")
    def look(_dialect: object, _record: object, _args: object, options: dict[str, Any]) -> None:
        used.update(options)
        raise LookupError

    with pytest.raises(LookupError):
        engine.connect()
    assert used["charset"] == "utf8mb4"


def test_each_transaction_reads_what_others_have_committed(
    make_app: MakeApp, database_url: str
) -> None:
    needs_server(database_url)
    levels = []
    with make_app().app_context():
        for own in ("READ COMMITTED", "SERIALIZABLE", "READ COMMITTED"):
            with db.engine.connect() as connection:
                levels.append(connection.get_isolation_level())
                connection.execution_options(isolation_level=own)
    assert levels == ["READ COMMITTED"] * 3


def test_the_owner_can_choose_another_isolation_level(make_app: MakeApp, database_url: str) -> None:
    needs_server(database_url)
    app = make_app(SQLALCHEMY_ENGINE_OPTIONS={"isolation_level": "SERIALIZABLE"})
    with app.app_context(), db.engine.connect() as connection:
        assert connection.get_isolation_level() == "SERIALIZABLE"


@pytest.mark.parametrize(
    ("earlier", "repeated"),
    [
        ("SELECT id FROM accounts", True),
        ("SELECT id FROM accounts -- SERIALIZABLE", False),
        ("SELECT id FROM jobs FOR UPDATE", False),
        ("UPDATE limit_counters SET attempts = 2 WHERE name = 'earlier'", False),
        ("INSERT INTO limit_counters VALUES (:name, :attempts, :expires_at)", False),
    ],
)
def test_an_insert_that_meets_a_deadlock_is_repeated_if_nothing_is_lost(
    app: Flask, database_url: str, earlier: str, repeated: bool
) -> None:
    needs_server(database_url)
    with app.app_context(), transaction():
        db.session.execute(insert(LimitCounter).values(counter("earlier")))

    def register() -> None:
        with app.app_context(), transaction():
            if "SERIALIZABLE" in earlier:
                db.session.connection(execution_options={"isolation_level": "SERIALIZABLE"})
            many = [counter("one"), counter("another")] if ":name" in earlier else None
            db.session.execute(text(earlier), many)
            db.session.add(Account(name="Ada", email="ada@example.com", password_hash=""))

    with ThreadPoolExecutor() as pool:
        with app.app_context(), db.engine.connect() as other:
            other.execution_options(isolation_level="SERIALIZABLE")
            # Of two transactions the server rolls back the one with fewer changed rows and locks:
            # with a hundred rows there is no doubt which that is.
            other.execute(insert(LimitCounter), [counter(f"other {n}") for n in range(100)])
            by_email = "SELECT id FROM accounts WHERE email = 'ada@example.com' FOR UPDATE"
            other.execute(text(by_email))
            registration = pool.submit(register)
            wait_until_one_waits()
            other.execute(text("SELECT id FROM accounts FORCE INDEX (PRIMARY) FOR UPDATE"))
            other.commit()
        if repeated:
            registration.result()
        else:
            with pytest.raises(OperationalError, match="1213"):
                registration.result()
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Account)) == repeated
        mine = LimitCounter.name.in_(["earlier", "one", "another"])
        assert db.session.scalars(select(LimitCounter.attempts).where(mine)).all() == [1]


def test_a_statement_that_waited_in_vain_for_a_lock_is_not_repeated(
    make_app: MakeApp, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs_server(database_url)
    app = make_app(DATABASE_LOCK_TIMEOUT_SECONDS=1)
    add_account(app)
    pauses: list[float] = []
    monkeypatch.setattr(mysql, "time", SimpleNamespace(sleep=pauses.append))
    with app.app_context(), db.engine.connect() as other, db.engine.connect() as connection:
        other.execute(text("UPDATE accounts SET name = 'Grace'"))
        with pytest.raises(OperationalError, match="1205"):
            connection.execute(text("UPDATE accounts SET name = 'Joan'"))
    assert pauses == []


def needs_server(url: str) -> None:
    """Skip a test that runs on another kind of database."""
    if not url.startswith(("mysql", "mariadb")):
        pytest.skip("this is neither MySQL nor MariaDB")


def wait_until_one_waits() -> None:
    """Wait until a transaction in the tests' database waits for a lock."""
    found = 0
    while not found:
        # Before the server fills this table again, nobody may read it for a tenth of a second.
        db.session.execute(text("DO SLEEP(0.2)"))
        found = db.session.scalar(text(WAITING))


def counter(name: str) -> dict[str, Any]:
    """Return the values of a counter."""
    return {"name": name, "attempts": 1, "expires_at": now()}


@pytest.mark.parametrize("number", [1021, 1114])
def test_the_app_is_unhealthy_after_a_write_found_the_disk_full(
    app: Flask, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setattr(mysql, "_full_at", [float("-inf")])
    client = app.test_client()
    with app.app_context(), db.engine.connect() as connection:
        if connection.dialect.name not in ("mysql", "mariadb"):
            pytest.skip("this is not MySQL")
        assert client.get("/healthz").status_code == 200
        with pytest.raises(DBAPIError):
            connection.exec_driver_sql(f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}")
    assert client.get("/healthz").status_code == 503
    monkeypatch.setattr(mysql, "FULL_SECONDS", 0)
    assert client.get("/healthz").status_code == 200
