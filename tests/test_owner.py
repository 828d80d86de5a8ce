"""An owner changes the models of an app whose tables have rows, on each database."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import commands, databases, nodes, owner, servers, walk
from tests.conftest import Renderer
from tests.variants import Variant

BACKENDS = ["sqlite", "postgresql", "mysql"]
Tables = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class App:
    """A rendered app, with everything on."""

    folder: Path
    programs: Path
    backend: str
    url: str

    @property
    def settings(self) -> dict[str, str]:
        """The settings that are not in `.env`."""
        return {"DATABASE_URL": self.url}

    def run(self, command: str, *arguments: str, **settings: str) -> str:
        """Return what a program prints; it has to succeed."""
        program, *words = command.split()
        call: tuple[str | Path, ...] = (self.programs / program, *words, *arguments)
        settings = {**self.settings, **settings}
        return commands.run(*call, folder=self.folder, settings=settings).stdout

    def start(self, command: str, **settings: str) -> subprocess.Popen[str]:
        """Return a program that is running."""
        program, *words = command.split()
        return subprocess.Popen(
            [self.programs / program, *words],
            cwd=self.folder,
            env=commands.environment({**self.settings, **settings}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def script(self, source: str) -> str:
        """Return what a script in the app prints."""
        settings = nodes.settings(self.url, JOBS_IN_PROCESS="false")
        return self.run("python -c", source, **settings)

    def rows(self) -> Tables:
        """Return all rows of all tables."""
        found: Tables = json.loads(self.script(owner.READ).splitlines()[-1])
        return found

    def edit_models(self, *edits: owner.Edit) -> None:
        """Change the models, in an editor that sorts imports and formats."""
        owner.edit(self.folder / "app" / "accounts" / "models.py", *edits)
        self.run("ruff check --quiet --fix app/accounts/models.py")
        self.run("ruff format --quiet app/accounts/models.py")

    def migrate(self, message: str) -> str:
        """Write a migration, check that it can be committed, and return what is printed."""
        printed = self.run("flask db migrate -m", message)
        self.run("ruff check --no-cache migrations")
        self.run("ruff format --check --diff --no-cache migrations")
        return printed


@pytest.fixture(scope="module", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> str:
    """Each kind of database."""
    return str(request.param)


@pytest.fixture
def app(backend: str, render: Renderer, programs: Path) -> Iterator[App]:
    """An app with an empty database."""
    folder = render(**Variant("both", True, backend).answers)
    with databases.database(backend) as url:
        yield App(folder, programs, backend, url)


def lost(before: Tables, after: Tables) -> list[Any]:
    """Return the earlier rows that are missing later, or that differ in a column of both."""
    missing = []
    for table, rows in before.items():
        known = {key(row): row for row in after.get(table, [])}
        for row in rows:
            same = known.get(key(row), {})
            common = row.keys() & same.keys()
            if not same or any(row[name] != same[name] for name in common):
                missing.append((table, row, same))
    return missing


def key(row: dict[str, Any]) -> Any:
    """Return the primary key of a row, whatever its table calls it."""
    names = ("id", "name", "session_id", "account_id")
    return next(row[name] for name in names if name in row)


def test_an_owner_changes_the_models_and_nothing_is_lost(app: App, mypy_cache: Path) -> None:
    app.run("flask db upgrade")
    app.script(owner.FILL)
    first = app.rows()
    assert all(len(rows) >= 2 for rows in first.values()), first
    app.edit_models(owner.longer_name(200), owner.additions)
    app.migrate('"Notes", 100% \\ more')
    app.run("flask db upgrade")
    if app.backend != "sqlite":
        printed = app.run("flask db upgrade --sql")
        assert "it''s 100% :here" in printed
        # Servers that speak the same protocol have different types.
        assert f"public_id {app.script(owner.TYPE).split()[-1]} NOT NULL" in printed
    second = app.rows()
    assert lost(first, second) == []
    check_defaults(second["accounts"])
    app.run("flask db downgrade")
    assert app.rows().keys() == first.keys()
    assert lost(first, app.rows()) == []
    app.run("flask db upgrade")
    app.script(owner.FILL)
    filled = app.rows()
    assert len(filled["notes"]) == len(filled["labels"]) == 3
    app.run("flask db revision -m", "rename")
    (renaming,) = (app.folder / "migrations" / "versions").glob("*_rename.py")
    owner.edit(renaming, owner.rename_by_hand)
    app.run("flask db upgrade")
    app.edit_models(owner.longer_name(300), owner.second_thoughts)
    app.migrate("second thoughts")
    app.run("flask db upgrade")
    del filled["badges"]
    assert lost(filled, app.rows()) == []
    assert {row["locale"] for row in app.rows()["accounts"]} == {"en"}
    app.run("flask db downgrade", "0001")
    app.run("flask db upgrade")
    assert lost(first, app.rows()) == []
    assert "No new upgrade operations detected" in app.run("flask db check")
    assert app.script(owner.ADD_ACCOUNT).split()[-1] == "4"
    check_everything(app, mypy_cache)


@pytest.mark.parametrize("revisions", ["all", "one"])
def test_several_upgrades_at_once_wait_for_each_other(app: App, revisions: str) -> None:
    if revisions == "one":
        app.run("flask db upgrade")
    (app.folder / "migrations" / "versions" / "0002_slow.py").write_text(owner.SLOW)
    upgrade_at_once(app)


def test_several_upgrades_at_once_behind_pgbouncer(
    render: Renderer, programs: Path, tmp_path: Path
) -> None:
    folder = render(**Variant("both", True, "postgresql").answers)
    (folder / "migrations" / "versions" / "0002_slow.py").write_text(owner.SLOW)
    with (
        databases.database("postgresql") as url,
        servers.pgbouncer(url, tmp_path, connections=3) as pool,
    ):
        upgrade_at_once(App(folder, programs, "postgresql", pool))
        upgrade_at_once(App(folder, programs, "postgresql", pool))  # no lock was left behind


def test_a_migration_that_fails_prints_one_line(app: App) -> None:
    app.run("flask db upgrade")
    (app.folder / "migrations" / "versions" / "0002_slow.py").write_text(owner.FAILING)
    failed = app.start("flask db upgrade")
    printed = failed.communicate(timeout=walk.WAIT)[0]
    assert failed.returncode == 1
    (line,) = printed.splitlines()
    assert line.startswith("Error: ")
    assert "nothing" in line
    assert "0001" in app.run("flask db current")
    assert ("half" in app.rows()) == (app.backend == "mysql")


def test_a_migration_is_written_where_ruff_is_not_installed(app: App) -> None:
    app.run("flask db upgrade")
    app.edit_models(owner.additions)
    without = "import sys; sys.modules['ruff'] = None; from flask.cli import main; main()"
    app.run("python -c", without, "db", "migrate", "-m", "more")
    app.run("flask db upgrade")
    assert "No new upgrade operations detected" in app.run("flask db check")


def upgrade_at_once(app: App) -> None:
    """Bring the database up to date in four processes: each of them succeeds."""
    settings = {"DATABASE_LOCK_TIMEOUT_SECONDS": "1"}
    processes = [app.start("flask db upgrade", **settings) for _ in range(4)]
    printed = [process.communicate(timeout=walk.WAIT)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4, printed
    assert "0002 (head)" in app.run("flask db current")


def check_defaults(accounts: list[dict[str, Any]]) -> None:
    """Check that existing rows have the models' defaults."""
    assert len(accounts) == 2
    for account in accounts:
        assert account["language"] == "en"
        assert account["visits"] == 3
        assert not account["news"]
        assert account["motto"] == "it's 100% :here"
        assert account["plan"] == "FREE"
        assert float(account["owed"]) == 1.5
        assert account["seen_at"].startswith("2026-01-02 00:00:00")
        assert account["tags"] in (["a"], '["a"]')
        assert account["about"] == "100% :all"
        assert account["size"] == "50% :half"
        assert account["nickname"] is account["inviter_id"] is None


def check_everything(app: App, mypy_cache: Path) -> None:
    """Run what `make check` and `make test` run, also with other settings."""
    owner.edit(app.folder / "app" / "config.py", owner.other_settings)
    app.run("ruff check --no-cache")
    app.run("ruff format --check --diff --no-cache")
    app.run("mypy --cache-dir", str(mypy_cache))
    app.run("djlint app --lint --quiet")
    server = (
        {} if app.backend == "sqlite" else {"TEST_DATABASE_URL": databases.server_url(app.backend)}
    )
    app.run("pytest -q -p no:cacheprovider", **server)
