"""The base class of all models, and columns that are alike on every database."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, MetaData, String, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, InstrumentedAttribute, MappedColumn, mapped_column


def now() -> datetime:
    """Return the current time in UTC, in whole seconds, which every database stores alike."""
    return datetime.now(UTC).replace(microsecond=0)


def timestamp(moment: datetime | None) -> str | None:
    """Format a time as ISO 8601 in UTC, such as 2026-01-31T12:00:00Z."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def in_words(moment: datetime) -> str:
    """Format a time as people read it on pages and in emails, such as 31 Jan 2026, 12:00 UTC."""
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%b %Y, %H:%M} UTC"


class UtcDateTime(TypeDecorator[datetime]):
    """A time, written and read as an aware `datetime` in UTC on every database."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC. Refuse a naive `datetime`, whose time zone nobody knows."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment needs its time zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC, whether the database keeps time zones or not."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def text_column(length: int, **options: Any) -> MappedColumn[Any]:
    """Return a column for text that people enter, compared exactly on every database.

    Args:
        length: The most characters that it holds.
        options: More arguments for `mapped_column`, such as `unique=True`.
    """
    #: if cookiecutter.__backend == "mysql"
    # The server's own choice may be a character set without emoji, or find é equal to e.
    kind = String(length, collation="utf8mb4_bin")
    #: endif
    #: if cookiecutter.__backend != "mysql"
    kind = String(length)
    #: endif
    return mapped_column(kind, **options)


class Base(DeclarativeBase):
    """The base class of all models. Constraints have names, so that migrations can change them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


def unchanged(column: InstrumentedAttribute[Any]) -> dict[Any, Any]:
    """Return the values of an UPDATE that locks rows by writing a column's own value.

    Columns with `onupdate` keep theirs as well, since nothing changes.
    """
    others = (each for each in column.class_.__table__.columns if each.onupdate is not None)
    return {each: each for each in (column, *others)}
