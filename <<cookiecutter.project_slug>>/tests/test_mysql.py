"""What errors of MySQL and MariaDB mean."""

from typing import Any

import pymysql
import pytest
from flask import Config
from sqlalchemy import create_engine, event

from app import faults, mysql
from app.config import DEFAULTS


@pytest.mark.parametrize(
    ("number", "fatal"),
    [
        (1021, False),  # the disk is full
        (1040, False),  # too many connections
        (1146, False),  # no such table
        (1054, False),  # no such column
        (1205, False),  # lock time-out
        (1213, False),  # deadlock
        (1969, False),  # statement time-out of MariaDB
        (3024, False),  # statement time-out of MySQL
        (2013, False),  # lost connection, which SQLAlchemy knows itself
        (1290, True),  # read-only
        (1792, True),  # read-only transaction
        (1053, True),  # shutting down
    ],
)
def test_temporary_errors_are_recognized(number: int, fatal: bool) -> None:
    found = mysql.diagnose(pymysql.OperationalError(number, "words of the server"))
    assert found == faults.Fault(str(number), "words of the server", passing=True, fatal=fatal)


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
