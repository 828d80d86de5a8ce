"""What errors of PostgreSQL mean."""

import psycopg
import pytest

from app import postgresql


@pytest.mark.parametrize(
    ("code", "passing", "fatal"),
    [
        ("08006", True, True),  # connection failure
        ("25006", True, True),  # read-only
        ("40001", True, False),  # could not serialize
        ("40P01", True, False),  # deadlock
        ("42P01", True, False),  # no such table
        ("42703", True, False),  # no such column
        ("53100", True, False),  # the disk is full
        ("53300", True, False),  # too many connections
        ("55P03", True, False),  # lock time-out
        ("57014", True, False),  # statement time-out
        ("57P01", True, True),  # shutting down
        ("22001", False, False),  # too long
        ("23505", False, False),  # not unique
        ("25P02", False, False),  # the transaction has failed before
        ("42601", False, False),  # syntax
    ],
)
def test_what_an_error_means(code: str, passing: bool, fatal: bool) -> None:
    found = postgresql.diagnose(psycopg.errors.lookup(code)("ada@example.com"))
    assert (found.code, found.message, found.passing, found.fatal) == (code, "", passing, fatal)


def test_without_a_code_it_is_the_connection() -> None:
    lost = "server closed the connection unexpectedly"
    assert postgresql.diagnose(psycopg.OperationalError(lost)).message == lost
    assert postgresql.diagnose(psycopg.DataError("ada@example.com")).message == ""
