"""Columns that are alike on every database."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.accounts.models import Account
from app.columns import timestamp
from app.extensions import db, transaction


@pytest.fixture
def far_east(monkeypatch: pytest.MonkeyPatch) -> Iterator[timezone]:
    """The time zone of the server."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield timezone(timedelta(hours=9))
    time.tzset()


def test_times_are_in_utc_whatever_the_time_zone_of_the_server(
    app: Flask, account: str, far_east: timezone
) -> None:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    with app.app_context():
        with transaction():
            db.session.execute(update(Account).values(created_at=noon.astimezone(far_east)))
        stored = db.session.scalar(select(Account.created_at))
    assert stored is not None
    assert (stored, stored.utcoffset()) == (noon, timedelta())
    assert timestamp(noon.astimezone(far_east)) == timestamp(stored) == "2026-01-31T12:00:00Z"
