"""Running the `flask accounts` commands, and what they work on."""

from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from app.accounts import authentication, sessions
from app.accounts.client import Client
from app.extensions import db
from tests.conftest import PASSWORD

CLIENT = Client("192.0.2.1", "tests")
KIND = next(iter(sessions.IDLE_SETTINGS))


def run(app: Flask, *arguments: str, typed: str | bytes = "") -> Result:
    """Return what `flask accounts ARGUMENTS` prints when `typed` is typed."""
    return app.test_cli_runner().invoke(args=["accounts", *arguments], input=typed)


def sign_in(app: Flask, email: str, password: str = PASSWORD) -> None:
    """Start a session of the account."""
    with app.app_context():
        authentication.sign_in(email, password, CLIENT, KIND)


def count(app: Flask, model: type) -> int:
    """Return the number of rows in a table."""
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(model)) or 0
