"""What an owner's migrations do with the rows that a table has."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import databases, owner, walk
from tests.conftest import Renderer
from tests.test_owner import App
from tests.variants import Variant

LAST = "    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)\n"


@contextmanager
def filled(render: Renderer, programs: Path, backend: str, column: str, kind: str) -> Iterator[App]:
    """An app with rows in every table, and a migration that adds a column to accounts."""
    folder = render(**Variant("both", True, backend).answers)
    with databases.database(backend) as url:
        app = App(folder, programs, backend, url)
        app.run("flask db upgrade")
        app.script(owner.FILL)
        app.edit_models(with_column(column, kind))
        app.migrate("column")
        yield app


def with_column(column: str, kind: str) -> owner.Edit:
    """Add a column to accounts, of a type of SQLAlchemy."""

    def add(source: str) -> str:
        imports = "from sqlalchemy import (\n"
        source = owner.replaced(source, imports, f"{imports}    {kind},\n")
        return owner.replaced(source, LAST, f"{LAST}    {column}\n")

    return add


def refused_upgrade(app: App) -> str:
    """Return the line with which an upgrade fails."""
    failed = app.start("flask db upgrade")
    printed = failed.communicate(timeout=walk.WAIT)[0]
    assert failed.returncode == 1, printed
    (line,) = printed.splitlines()
    assert line.startswith("Error: ")
    return line


def test_existing_rows_get_an_empty_list(render: Renderer, programs: Path) -> None:
    column = "tags: Mapped[list[str]] = mapped_column(ARRAY(String(20)), default=[])"
    with filled(render, programs, "postgresql", column, "ARRAY") as app:
        app.run("flask db upgrade")
        assert [row["tags"] for row in app.rows()["accounts"]] == [[], []]


def test_existing_rows_get_no_empty_date(render: Renderer, programs: Path) -> None:
    """MariaDB would store 0000-00-00, which no program can read."""
    column = "moved_at: Mapped[datetime] = mapped_column(DateTime)"
    with filled(render, programs, "mysql", column, "DateTime") as app:
        # "Incorrect datetime value", whose text holds a value.
        assert "1292" in refused_upgrade(app)


def test_a_value_that_rows_have_is_not_taken_from_an_enum(render: Renderer, programs: Path) -> None:
    column = 'size: Mapped[str] = mapped_column(Enum("half", "whole", name="size"), default="half")'
    with filled(render, programs, "postgresql", column, "Enum") as app:
        app.run("flask db upgrade")
        app.edit_models(
            lambda source: owner.replaced(source, '"half", ', "").replace('"half"', '"whole"')
        )
        app.migrate("whole")
        assert "Rows have a value that the new type lacks" in refused_upgrade(app)
        assert {row["size"] for row in app.rows()["accounts"]} == {"half"}
