"""The export includes tables that an owner adds."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, cast
from uuid import UUID

import pytest
import sqlalchemy as sa
from flask import Flask

from app.accounts import exports, store
from app.accounts.models import Account
from app.columns import UtcDateTime
from app.extensions import db
from tests.conftest import add_account


class Mood(Enum):
    """An enum that an owner might add."""

    GOOD = "good"


def key(target: str, **info: Any) -> sa.Column[int]:
    """Return a foreign key that is named after its target."""
    table = target.partition(".")[0]
    return sa.Column(
        info.pop("name", f"{table}_id"), sa.ForeignKey(target, ondelete="CASCADE"), info=info
    )


def accounts_in(metadata: sa.MetaData) -> sa.Table:
    """Return a copy of `accounts` without foreign keys: an owner's may lead to any table."""
    columns = (
        sa.Column(each.name, each.type, primary_key=each.primary_key, info=each.info)
        for each in cast(sa.Table, Account.__table__).columns
    )
    return sa.Table("accounts", metadata, *columns)


def make(metadata: sa.MetaData) -> dict[str, sa.Table]:
    """Return the tables of an owner, beside a copy of `accounts`."""
    text = sa.String(50)

    def table(name: str, *columns: Any, **keywords: Any) -> sa.Table:
        number = sa.Column("id", sa.Integer, primary_key=True)
        return sa.Table(f"test_{name}", metadata, *columns, number, **keywords)

    people = accounts_in(metadata)
    tables = [
        people,
        table("posts", key("accounts.id"), sa.Column("title", text)),
        table(
            "comments",
            key("test_posts.id"),
            key("accounts.id", export=True),
            sa.Column("words", text),
        ),
        table("pictures", key("test_posts.id"), sa.Column("place", text)),
        table("labels", key("test_pictures.id"), sa.Column("label", text)),
        table(
            "messages",
            key("accounts.id", name="sender_id"),
            key("accounts.id", name="recipient_id"),
            sa.Column("said", text),
        ),
        table(
            "friends",
            key("accounts.id", name="asked_by_id"),
            key("accounts.id", name="friend_id", export=True),
            sa.Column("since", text),
        ),
        table(
            "volumes",
            key("accounts.id"),
            sa.Column("number", sa.Integer),
            sa.UniqueConstraint("accounts_id", "number", name="uq_test_volumes_number"),
        ),
        table(
            "chapters",
            sa.Column("owner_id", sa.Integer),
            sa.Column("number", sa.Integer),
            sa.Column("heading", text),
            sa.ForeignKeyConstraint(
                ["owner_id", "number"], ["test_volumes.accounts_id", "test_volumes.number"]
            ),
        ),
        table("visits", key("accounts.email", name="email"), sa.Column("page", text)),
        table(
            "notes",
            key("accounts.id", name="checked_by_id", export=False),
            key("accounts.id"),
            key("test_notes.id", name="parent_id"),
            sa.Column("words", text),
            sa.Column("hidden", text, info={"export": False}),
            sa.Column("house_key", text),
            sa.Column("door_pin", text),
            sa.Column("key_of_song", text, info={"export": True}),
            sa.Column("public_id", text),
        ),
        table("scores", key("accounts.id"), sa.Column("score", text), info={"export": False}),
        table("cities", sa.Column("city", text)),
    ]
    return {each.name.removeprefix("test_"): each for each in tables}


@pytest.fixture
def tables(app: Flask) -> Iterator[dict[str, sa.Table]]:
    """The tables, in the database, still empty."""
    metadata = sa.MetaData()
    made = make(metadata)
    with app.app_context():
        own = [table for name, table in made.items() if name != "accounts"]
        metadata.create_all(db.engine, tables=own)
        try:
            yield made
        finally:
            db.session.rollback()
            # One by one: all at once would drop the types of the owner's columns of accounts.
            for table in reversed(own):
                table.drop(db.engine)


def people(app: Flask) -> list[Account]:
    """Return Ada and Eve."""
    for email in ("ada@example.com", "eve@example.com"):
        add_account(app, email)
    found = [store.by_email(email) for email in ("ada@example.com", "eve@example.com")]
    return [account for account in found if account is not None]


def add(table: sa.Table, **values: Any) -> None:
    """Add a row."""
    db.session.execute(table.insert().values(**values))


def test_rows_are_exported_for_the_account_they_belong_to(
    app: Flask, tables: dict[str, sa.Table]
) -> None:
    ada, eve = people(app)
    for number, owner, other in ((1, ada, eve), (2, eve, ada)):
        name = owner.email.partition("@")[0]
        add(tables["posts"], id=number, accounts_id=owner.id, title=f"post of {name}")
        add(tables["pictures"], id=number, test_posts_id=number, place=f"picture of {name}")
        add(tables["labels"], id=number, test_pictures_id=number, label=f"label of {name}")
        add(
            tables["comments"],
            test_posts_id=1,
            accounts_id=owner.id,
            words=f"comment of {name}",
        )
        add(
            tables["messages"],
            sender_id=owner.id,
            recipient_id=other.id,
            said=f"message of {name}",
        )
        add(tables["volumes"], accounts_id=owner.id, number=1)
        add(tables["chapters"], owner_id=owner.id, number=1, heading=f"chapter of {name}")
        add(tables["visits"], email=owner.email, page=f"visit of {name}")
        add(tables["scores"], accounts_id=owner.id, score=f"score of {name}")
    add(tables["cities"], city="city of ada")
    add(tables["friends"], asked_by_id=eve.id, friend_id=ada.id, since="friends with ada")
    exported = exports.collect(ada, tables["accounts"])
    text = json.dumps(exported)
    assert "of eve" not in text
    assert "eve@" not in text
    for what in ("post", "picture", "label", "comment", "message", "chapter", "visit"):
        assert f"{what} of ada" in text
    assert "friends with ada" in text
    assert "score of" not in text
    assert "city of" not in text
    assert exported["test_posts"] == [{"id": 1, "title": "post of ada"}]
    assert exported["test_pictures"] == [{"id": 1, "test_posts_id": 1, "place": "picture of ada"}]
    assert "test_friends" in exports.collect(eve, tables["accounts"])
    assert "test_notes" not in exported  # there are none


def test_a_table_named_like_a_part_of_the_export_is_beside_it(app: Flask, account: str) -> None:
    metadata = sa.MetaData()
    people = accounts_in(metadata)
    number = sa.Column("id", sa.Integer, primary_key=True)
    own = sa.Table("account", metadata, number, key("accounts.id"))
    with app.app_context():
        own.create(db.engine)
        try:
            ada = store.by_email(account)
            assert ada is not None
            add(own, id=7, accounts_id=ada.id)
            exported = exports.collect(ada, people)
        finally:
            db.session.rollback()
            own.drop(db.engine)
    assert exported["account"]["email"] == account
    assert exported["table account"] == [{"id": 7}]


def test_secret_and_marked_columns_are_not_exported(
    app: Flask, tables: dict[str, sa.Table]
) -> None:
    ada, eve = people(app)
    add(
        tables["notes"],
        id=1,
        accounts_id=ada.id,
        checked_by_id=eve.id,
        words="mine",
        hidden="x",
        house_key="x",
        door_pin="x",
        key_of_song="C",
        public_id="x7",
    )
    add(tables["notes"], id=2, accounts_id=eve.id, checked_by_id=ada.id, parent_id=1)
    exported = exports.collect(ada, tables["accounts"])
    assert exported["test_notes"] == [
        {"parent_id": None, "words": "mine", "key_of_song": "C", "id": "x7"}
    ]


def test_an_account_is_exported_without_its_password(app: Flask) -> None:
    with app.app_context():
        ada, _ = people(app)
        exported = exports.collect(ada)["account"]
    assert {"id", "name", "email", "created_at", "confirmed_at"} <= exported.keys()
    assert "password_hash" not in exported


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (None, None),
        (True, True),
        ("text", "text"),
        (1.5, 1.5),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
        (Decimal("1.10"), "1.10"),
        (datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01-31T12:00:00Z"),
        (datetime(2026, 1, 31, 12), "2026-01-31T12:00:00"),
        (date(2026, 1, 31), "2026-01-31"),
        (time(12, 30), "12:30:00"),
        (timedelta(minutes=1.5), 90.0),
        (UUID(int=7), "00000000-0000-0000-0000-000000000007"),
        (b"\xff\x00", "/wA="),
        (Mood.GOOD, "good"),
        ({"a": [Decimal(1), {2: b"x"}]}, {"a": ["1", {"2": "eA=="}]}),
        ((1, None), [1, None]),
        ({Mood.GOOD}, ["good"]),
        (3j, "3j"),
    ],
)
def test_a_value_of_any_type_becomes_json(value: Any, plain: Any) -> None:
    assert exports.plain(value) == plain
    json.dumps(exports.plain(value), allow_nan=False)


def test_a_column_of_any_type_is_exported(app: Flask) -> None:
    metadata = sa.MetaData()
    accounts = accounts_in(metadata)
    values: dict[str, tuple[Any, Any]] = {
        "price": (sa.Numeric(10, 2), Decimal("9.90")),
        "born": (sa.Date, date(1815, 12, 10)),
        "wakes": (sa.Time, time(7)),
        "seen": (UtcDateTime, datetime(2026, 1, 31, tzinfo=UTC)),
        "lasts": (sa.Interval, timedelta(hours=1)),
        "uuid": (sa.Uuid, UUID(int=7)),
        "data": (sa.JSON, {"a": [1, None]}),
        "blob": (sa.LargeBinary, b"\xff"),
        "mood": (sa.Enum(Mood, native_enum=False), Mood.GOOD),
        "ratio": (sa.Float, 0.5),
        "large": (sa.BigInteger, 2**62),
        "news": (sa.Boolean, True),
    }
    columns = [sa.Column(name, kind) for name, (kind, _) in values.items()]
    table = sa.Table(
        "test_values",
        metadata,
        sa.Column("accounts_id", sa.ForeignKey("accounts.id"), primary_key=True),
        *columns,
    )
    with app.app_context():
        metadata.create_all(db.engine, tables=[table])
        try:
            ada, _ = people(app)
            row = {name: value for name, (_, value) in values.items()}
            add(table, accounts_id=ada.id, **row)
            exported = exports.collect(ada, accounts)["test_values"][0]
        finally:
            db.session.rollback()
            table.drop(db.engine)
    assert exported.keys() == values.keys()
    assert exported["price"] == "9.90"
    assert exported["large"] == 2**62
    json.dumps(exported, allow_nan=False)


@pytest.mark.parametrize("word", ["hash", "digest", "salt", "tokens", "secret", "password", "pin"])
def test_a_column_with_a_secret_name_is_not_exported(word: str) -> None:
    for name in (word, f"old_{word}", f"{word}_of_door"):
        assert exports.SECRET.search(name), name
    assert not exports.SECRET.search(f"x{word}x")
