"""What commands print can't control the terminal."""

import pytest
from flask import Flask
from sqlalchemy import update

from app.accounts import authentication
from app.accounts.client import Client
from app.accounts.models import Account
from app.extensions import db
from tests.accounts.cli.running import KIND, run
from tests.conftest import PASSWORD, add_account

HOSTILE = "Ada\x1b[2J\u202e\x9b31m\x7f\nroot\u2028\u2066"
HARMLESS = "Ada\\x1b[2J\\u202e\\x9b31m\\x7f\\nroot\\u2028\\u2066"


def test_names_and_user_agents_cannot_control_the_terminal(app: Flask, account: str) -> None:
    with app.app_context():
        # Past the checks of the front door: an import, or an owner's own code.
        db.session.execute(update(Account).values(name=HOSTILE))
        db.session.commit()
        authentication.sign_in(account, PASSWORD, Client("192.0.2.1", HOSTILE), KIND)
    assert f"\t{HARMLESS}\t" in run(app, "list").output
    shown = run(app, "show", account).output
    assert f"name       {HARMLESS}\n" in shown
    assert f"192.0.2.1  {HARMLESS}\n" in shown


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", HOSTILE),
        ("show", "\udcff@example.com"),
        ("create", HOSTILE, "--name", "Ada", "--password-stdin"),
        ("create", "ada@example.com", "--name", HOSTILE, "--password-stdin"),
        ("show", "ada@example.com", HOSTILE),
        ("show", f"--{HOSTILE}"),
        (HOSTILE,),
    ],
)
def test_errors_cannot_control_the_terminal(app: Flask, arguments: tuple[str, ...]) -> None:
    result = run(app, *arguments, typed=f"{PASSWORD}\n")
    assert isinstance(result.exception, SystemExit)  # no traceback
    assert result.exit_code != 0
    assert not set(result.output) & set("\x1b\x9b\x7f\u202e\u2028\u2066")


def test_a_name_of_joined_emoji_is_shown_as_it_is(app: Flask) -> None:
    add_account(app, name="👩\u200d💻 نه\u200cخیر")
    assert "\t👩\u200d💻 نه\u200cخیر\t" in run(app, "list").output
