"""Migrations that copy a table, as SQLite needs for most changes, on a database with rows."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations

from app import create_app
from app.extensions import db
from migrations import sqlite, sqlite_tables
from tests.conftest import SETTINGS

# Three people, with rows that go with them. The names are no table's of the app's.
ROWS = """
CREATE TABLE people (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, name VARCHAR(100) COLLATE NOCASE,
    email VARCHAR(100) NOT NULL, CONSTRAINT uq_people_email UNIQUE (email),
    CONSTRAINT ck_people_email CHECK (email = lower(email))
);
CREATE TABLE keys (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    people_id INTEGER NOT NULL REFERENCES people (id) ON DELETE CASCADE, name VARCHAR(20)
);
CREATE TABLE notes (
    id INTEGER PRIMARY KEY, people_id INTEGER REFERENCES people (id) ON DELETE CASCADE,
    title TEXT COLLATE NOCASE DEFAULT '100% :untitled', pages INTEGER CHECK (pages > 0),
    sheets INTEGER GENERATED ALWAYS AS (pages * 2) VIRTUAL
);
CREATE UNIQUE INDEX notes_first ON notes (title COLLATE NOCASE, pages DESC);
CREATE INDEX notes_lower ON notes (lower(title));
CREATE INDEX notes_long ON notes (pages) WHERE pages > 100;
CREATE TABLE log (title TEXT);
CREATE TRIGGER noted AFTER INSERT ON notes BEGIN INSERT INTO log VALUES (new.title); END;
CREATE VIEW titles AS SELECT title FROM notes;
INSERT INTO people (name, email) VALUES ('Ada', 'ada@x'), ('Eve', 'eve@x'), ('Joan', 'joan@x');
INSERT INTO keys (people_id, name) SELECT id, name FROM people;
INSERT INTO notes (people_id, title, pages) SELECT id, name, id FROM people;
"""
TABLES = ("people", "keys", "notes")

Change = Callable[[Any], object]


@pytest.fixture(autouse=True)
def filled(tmp_path: Path) -> Iterator[None]:
    """A database whose tables all have rows, in an app's context."""
    app = create_app({**SETTINGS, "DATABASE_URL": f"sqlite:///{tmp_path / 'app.db'}"})
    with app.app_context():
        with db.engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            driver.executescript(ROWS)
        yield
        db.engine.dispose()


def query(sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query, or of a statement that is committed."""
    with db.engine.begin() as connection:
        result = connection.exec_driver_sql(sql)
        return [tuple(row) for row in result.fetchall()] if result.returns_rows else []


def migrate(*changes: Change) -> None:
    """Run migrations as `flask db upgrade` does."""
    with db.engine.connect() as connection, sqlite.one_transaction(connection):
        operations = Operations(MigrationContext.configure(connection))
        for change in changes:
            change(operations)


def batch_of(op: Operations, table: str, change: Change) -> None:
    """Make a change that copies a table."""
    with op.batch_alter_table(table) as batch:
        change(batch)


def widen(op: Operations, table: str = "people", column: str = "name") -> None:
    """Change a column in a way that copies the table."""
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column, type_=sa.String(300))


def test_every_row_is_kept() -> None:
    before = {table: query(f"SELECT * FROM {table}") for table in TABLES}  # noqa: S608
    migrate(widen, lambda op: widen(op, "keys"), lambda op: widen(op, "notes", "title"), widen)
    assert {table: query(f"SELECT * FROM {table}") for table in TABLES} == before  # noqa: S608
    assert all(len(rows) == 3 for rows in before.values())


def test_foreign_keys_are_enforced_again_after_it() -> None:
    migrate(widen)
    query("DELETE FROM people WHERE name = 'Ada'")
    assert [len(query(f"SELECT * FROM {table}")) for table in TABLES] == [2, 2, 2]  # noqa: S608


def test_a_foreign_key_of_a_table_to_itself_deletes_nothing() -> None:
    def add(op: Operations) -> None:
        with op.batch_alter_table("people") as batch:
            batch.add_column(sa.Column("invited_by", sa.Integer()))
            batch.create_foreign_key(
                "fk_invited_by", "people", ["invited_by"], ["id"], ondelete="CASCADE"
            )

    migrate(add)
    assert [len(query(f"SELECT * FROM {table}")) for table in TABLES] == [3, 3, 3]  # noqa: S608
    query("UPDATE people SET invited_by = 1 WHERE id = 2")
    query("DELETE FROM people WHERE id = 1")
    assert query("SELECT id FROM people") == [(3,)]


@pytest.mark.parametrize("table", ["people", "keys"])
def test_the_id_of_a_deleted_row_is_not_reused(table: str) -> None:
    query(f"DELETE FROM {table}")  # noqa: S608
    migrate(lambda op: widen(op, table), lambda op: widen(op, table))
    query("INSERT OR IGNORE INTO people (name, email) VALUES ('Kim', 'kim@x')")
    query("INSERT INTO keys (people_id, name) SELECT max(id), 'new' FROM people")
    assert query(f"SELECT max(id) FROM {table}") == [(4,)]  # noqa: S608


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_a_missing_autoincrement_is_found_and_can_be_restored() -> None:
    models = sa.MetaData()
    number = sa.Column("id", sa.Integer, primary_key=True)
    sa.Table("people", models, number, sqlite_autoincrement=True)

    def switch(op: Operations, on: bool) -> None:
        keywords = {"sqlite_autoincrement": on}
        with op.batch_alter_table("people", recreate="always", table_kwargs=keywords):
            pass

    def missing() -> bool:
        with db.engine.connect() as connection:
            context = MigrationContext.configure(connection)
            return ("autoincrement", "people", True) in compare_metadata(context, models)

    assert not missing()
    migrate(lambda op: switch(op, False))
    assert missing()
    migrate(lambda op: switch(op, True))
    assert not missing()


def test_the_word_alone_does_not_count_as_autoincrement() -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT DEFAULT 'autoincrement'"
            ' /* AUTOINCREMENT */, "autoincrement" TEXT)'
        )
        assert not sqlite_tables.has_autoincrement(connection, "words")
        connection.invalidate()


def test_a_copy_is_like_its_original() -> None:
    def objects() -> set[tuple[Any, ...]]:
        rows = query("SELECT type, name, sql FROM sqlite_master WHERE type <> 'table'")
        return {row for row in rows if not row[1].startswith("sqlite_autoindex")}

    before = objects()
    migrate(lambda op: widen(op, "notes", "title"), widen)
    assert objects() == before
    query("INSERT INTO notes (people_id, pages) VALUES (1, 7)")
    assert query("SELECT title FROM titles WHERE title = '100% :UNTITLED'") == [("100% :untitled",)]
    assert query("SELECT title FROM log WHERE title LIKE '%untitled'") == [("100% :untitled",)]
    for wrong in (
        "INSERT INTO notes (people_id, pages) VALUES (1, 0)",
        "INSERT INTO notes (people_id, title, pages) VALUES (1, 'ADA', 1)",
        "UPDATE people SET email = 'Ada@x' WHERE id = 1",
        "UPDATE people SET email = 'ada@x' WHERE id = 2",
    ):
        with pytest.raises(sa.exc.IntegrityError):
            query(wrong)


def test_an_index_that_a_change_drops_stays_dropped() -> None:
    def drop(op: Operations) -> None:
        with op.batch_alter_table("notes") as batch:
            batch.drop_index("notes_long")
            batch.alter_column("title", type_=sa.String(50))

    migrate(drop)
    names = {name for (name,) in query("SELECT name FROM sqlite_master WHERE tbl_name = 'notes'")}
    assert {"notes_first", "notes_lower", "noted"} <= names
    assert "notes_long" not in names


def test_an_index_that_does_not_fit_the_changed_table_is_named() -> None:
    def rename(op: Operations) -> None:
        with op.batch_alter_table("notes") as batch:
            batch.alter_column("title", new_column_name="heading")

    with pytest.raises(click.ClickException, match=r"notes_\w+ does not fit .* no such column"):
        migrate(rename)
    assert query("SELECT title FROM notes WHERE id = 1") == [("Ada",)]


@pytest.mark.parametrize(
    "change",
    [
        lambda batch: batch.alter_column("title", new_column_name="heading"),
        lambda batch: batch.drop_column("title"),
    ],
)
def test_a_view_of_the_changed_table_that_would_break_is_named(change: Change) -> None:
    query("DROP TRIGGER noted")
    query("DROP INDEX notes_first")
    query("DROP INDEX notes_lower")
    with pytest.raises(click.ClickException, match="view titles"):
        migrate(lambda op: batch_of(op, "notes", change))
    assert query("SELECT title FROM titles") == [("Ada",), ("Eve",), ("Joan",)]


def test_a_trigger_of_another_table_that_would_break_is_named() -> None:
    query("CREATE TRIGGER t AFTER DELETE ON people BEGIN DELETE FROM keys WHERE name = 'x'; END")
    with pytest.raises(click.ClickException, match="trigger t: no such column: name"):
        migrate(lambda op: batch_of(op, "keys", lambda batch: batch.drop_column("name")))


def test_a_view_that_was_broken_before_stops_no_migration() -> None:
    query("CREATE VIEW old AS SELECT missing FROM people")
    migrate(widen)
    assert len(query("SELECT * FROM people")) == 3


def test_rows_that_would_break_a_foreign_key_are_named_and_nothing_changes() -> None:
    with pytest.raises(click.ClickException) as caught:
        migrate(widen, lambda op: op.execute("DELETE FROM people WHERE id = 2"))
    assert "keys rowid 2 -> people" in caught.value.message
    assert "notes rowid 2 -> people" in caught.value.message
    assert "\n" not in caught.value.message
    assert len(query("SELECT * FROM people")) == 3
    assert "VARCHAR(300)" not in query("SELECT sql FROM sqlite_master WHERE name = 'people'")[0]
    query("DELETE FROM people WHERE id = 1")  # foreign keys are enforced again
    assert len(query("SELECT * FROM keys")) == 2


def test_rows_with_a_broken_foreign_key_from_before_are_named() -> None:
    with db.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.executescript("PRAGMA foreign_keys = OFF; DELETE FROM people WHERE id = 2")
        connection.invalidate()
    with pytest.raises(click.ClickException, match=r"rowid 2 -> people.* before the migration"):
        migrate(widen)
    migrate(
        widen,
        *(
            lambda op, table=table: op.execute(f"DELETE FROM {table} WHERE people_id = 2")  # noqa: S608
            for table in TABLES[1:]
        ),
    )
    assert len(query("SELECT * FROM keys")) == 2


def test_a_migration_that_fails_leaves_nothing_half_done() -> None:
    def fail(op: Operations) -> None:
        op.create_table("halves", sa.Column("id", sa.Integer(), primary_key=True))
        op.execute("UPDATE people SET name = 'nobody'")
        raise LookupError

    with pytest.raises(LookupError):
        migrate(widen, fail)
    assert query("SELECT name FROM sqlite_master WHERE name = 'halves'") == []
    assert query("SELECT name FROM people WHERE id = 1") == [("Ada",)]
    assert query("PRAGMA foreign_keys") == [(1,)]


def convert(kind: Any) -> None:
    """Give the titles of the notes another type."""
    migrate(lambda op: batch_of(op, "notes", lambda batch: batch.alter_column("title", type_=kind)))


def test_dates_become_times_and_dates_again() -> None:
    for statement in ("DROP TRIGGER noted", "DROP VIEW titles", "DROP INDEX notes_first"):
        query(statement)
    with pytest.raises(click.ClickException, match=r"3 values of notes\.title do not fit"):
        convert(sa.Date())
    query("UPDATE notes SET title = '2026-01-0' || id")
    query("UPDATE notes SET title = NULL WHERE id = 3")
    convert(sa.Date())
    convert(sa.DateTime())
    assert query("SELECT title, typeof(title) FROM notes WHERE id = 1") == [
        ("2026-01-01 00:00:00.000000", "text")
    ]
    convert(sa.Date())
    assert query("SELECT title FROM notes") == [("2026-01-01",), ("2026-01-02",), (None,)]


def test_a_type_that_cannot_hold_what_is_stored_is_refused() -> None:
    before = query("SELECT * FROM notes")
    with pytest.raises(click.ClickException, match=r"3 values of notes\.title do not fit"):
        convert(sa.Integer())
    assert query("SELECT * FROM notes") == before
    query("UPDATE notes SET title = id || ''")
    convert(sa.Integer())
    assert query("SELECT title, typeof(title) FROM notes WHERE id = 2") == [(2, "integer")]
    convert(sa.String(20))
    assert query("SELECT title, typeof(title) FROM notes WHERE id = 2") == [("2", "text")]


def test_a_table_name_in_another_case_is_refused() -> None:
    with pytest.raises(click.ClickException, match="No table is called People"):
        migrate(lambda op: widen(op, "People"))


def test_an_open_transaction_is_refused() -> None:
    with db.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.execute("DELETE FROM notes")
        with (
            pytest.raises(click.ClickException, match="in a transaction"),
            sqlite.one_transaction(connection),
        ):
            pass
