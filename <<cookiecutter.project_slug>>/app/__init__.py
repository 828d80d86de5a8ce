"""The app: `create_app` puts it together."""

from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask_login import current_user

from app import config, database, errors, gate, health, jobs, logs, mail, rules, static_files
from app.accounts import cli, events, limits
from app.accounts.passkeys import relying_party
from app.database import backups, faults, migrating
from app.extensions import login_manager
from app.session_cookie import SessionCookie


def create_app(settings: Mapping[str, Any] | None = None) -> Flask:
    """Create an app. `settings` override those of the environment.

    Raises ConfigurationError when one is missing or wrong.
    """
    app = static_files.App(__name__)
    config.load(app, settings)
    logs.init_app(app)
    rules.warn(app)
    app.session_interface = SessionCookie()
    gate.init_app(app)
    errors.init_app(app)
    events.init_app()
    limits.init_app(app)
    relying_party.init_app(app)
    jobs.init_app(app)
    database.init_app(app)
    faults.init_app(app)
    migrating.init_app(app)
    login_manager.session_protection = None  # sessions are rows; an address may change under way
    login_manager.init_app(app, add_context_processor=False)
    # Looked up when a page asks: an error page must not ask a database that is down.
    app.jinja_env.globals["current_user"] = current_user
    app.register_blueprint(health.bp)
    mail.init_app(app)
    app.cli.add_command(cli.accounts)
    app.cli.add_command(backups.command)
    _add_features(app)
    return app


def compile_templates(app: Flask) -> None:
    """Keep the templates that belong to the code in memory.

    A process that runs during an update of the files would read the new ones with its old code.
    """
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)


def _add_features(app: Flask) -> None:
    """Add the parts of the app that serve requests."""
    #: if cookiecutter.interface != "html"
    from app import api

    api.init_app(app)
    #: endif
    #: if cookiecutter.interface == "api"
    from app.api import bare_tokens

    bare_tokens.init_app(app)
    #: endif
    #: if cookiecutter.interface != "api"
    from app import web

    web.init_app(app)
    #: endif
    #: if cookiecutter.interface == "api"
    from app.api import start

    start.init_app(app)
    #: endif
    #: if cookiecutter.__file_download
    from app import downloads

    downloads.init_app(app)
    #: endif
