"""Columns that are alike on every database."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from app.accounts.models import Account
from app.columns import in_words, now, timestamp, unchanged
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
    assert in_words(noon.astimezone(far_east)) == "31 Jan 2026, 12:00 UTC"


def test_nothing_keeps_an_account_from_being_deleted() -> None:
    """A foreign key without `ondelete` would, to accounts or to what is deleted with them."""
    deleted = {Account.__tablename__}
    while True:
        keys = [
            key
            for table in db.metadata.tables.values()
            for key in table.foreign_key_constraints
            if key.referred_table.name in deleted
        ]
        for key in keys:
            assert key.ondelete in ("CASCADE", "SET NULL"), f"{key.table.name}: {key.column_keys}"
        with_them = {key.table.name for key in keys if key.ondelete == "CASCADE"}
        if with_them <= deleted:
            break
        deleted |= with_them


def test_a_lock_leaves_columns_that_note_changes_as_they_are() -> None:
    class Other(DeclarativeBase):
        """The base of a table that belongs to no app."""

    class Page(Other):
        """A row that knows when it was changed."""

        __tablename__ = "pages"

        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]
        changed_at: Mapped[datetime] = mapped_column(onupdate=now)

    lock = str(update(Page).values(unchanged(Page.name)))
    assert lock == "UPDATE pages SET name=pages.name, changed_at=pages.changed_at"
