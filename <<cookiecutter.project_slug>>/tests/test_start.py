"""How the app starts under servers and the `flask` command, and when it refuses to."""

import subprocess
import sys

import pytest
from flask.cli import run_command

from app import create_app
from tests import programs
from tests.conftest import SETTINGS
from tests.programs import Ended
from tests.test_settings import LONG_KEY, URL, refusal, started

PRODUCTION = {
    "DATABASE_URL": URL,
    "SECRET_KEY": LONG_KEY,
    "BASE_URL": "https://app.example.com",
    "MAIL_SERVER": "mail.example.com",
}


def test_debug_mode_is_refused_under_a_production_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_SOFTWARE", "gunicorn/1.0")
    assert "FLASK_DEBUG" in refusal({**SETTINGS, "DATABASE_URL": URL, "DEBUG": True})


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "app.example.com", ""])  # noqa: S104
def test_debug_mode_is_refused_where_others_could_reach_it(host: str) -> None:
    settings = {**SETTINGS, "DATABASE_URL": URL, "DEBUG": True}
    with run_command.make_context("run", ["--host", host]):
        assert "FLASK_DEBUG" in refusal(settings)
        started({**settings, "DEBUG": False})


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_debug_mode_only_serves_this_machine(host: str) -> None:
    with run_command.make_context("run", ["--host", host]):
        started({**SETTINGS, "DATABASE_URL": URL, "DEBUG": True})


def test_links_lead_to_the_port_of_the_development_server() -> None:
    with run_command.make_context("run", ["--port", "5001"]):
        settings = started({"DATABASE_URL": URL, "DEBUG": True})
    assert settings["BASE_URL"] == "http://localhost:5001"


@pytest.mark.parametrize(
    ("program", "says"),
    [
        (["-c", "import wsgi"], "FLASK_DEBUG is on"),
        (["-m", "flask", "run", "--host", "0.0.0.0"], "others could reach 0.0.0.0"),  # noqa: S104
        (["-m", "flask", "--app", "app", "run", "--host", "::"], "others could reach ::"),
    ],
)
def test_programs_refuse_debug_mode_in_one_line(program: list[str], says: str) -> None:
    result = run(program, FLASK_DEBUG="1", DATABASE_URL=URL)
    assert result.returncode != 0
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "program",
    [
        ["-m", "flask", "routes"],
        ["-m", "flask", "db", "upgrade"],
        ["-m", "flask", "run"],
        ["-m", "flask", "--app", "app", "run"],
        ["-c", "import wsgi"],
    ],
)
def test_programs_name_a_wrong_setting_in_one_line(program: list[str]) -> None:
    result = run(program, DATABASE_URL=URL)
    assert result.returncode != 0
    assert "SECRET_KEY is missing" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_debug_mode_needs_no_settings() -> None:
    app = create_app({"DATABASE_URL": URL, "DEBUG": True})
    assert app.config["BASE_URL"] == "http://localhost:5000"
    assert app.config["SECRET_KEY"]


def test_garbage_is_collected_once_the_app_has_started() -> None:
    program = "import gc, wsgi; print(gc.isenabled(), gc.get_freeze_count() > 0)"
    result = run(["-c", program], **PRODUCTION)
    assert (result.returncode, result.stdout) == (0, "True True\n")


def test_a_password_is_only_asked_for_on_a_terminal() -> None:
    command = ["flask", "accounts", "create", "ada@example.com", "--name", "Ada"]
    # In a session of its own it has no terminal, not even that of these tests.
    program = (
        f"import os, sys; os.setsid(); sys.argv = {command}; from flask.cli import main; main()"
    )
    result = run(["-c", program], **PRODUCTION)
    assert result.returncode == 1
    assert result.stderr == (
        "Error: There is no terminal to type the password in; use --password-stdin.\n"
    )


def test_a_wrong_setting_stops_gunicorn_with_one_line() -> None:
    # A new interpreter, as in production: what it prints on the way would be a second line.
    result = subprocess.run(
        [sys.executable, "-m", "gunicorn", "wsgi:app", "--bind", "127.0.0.1:0"],
        env={"PATH": "", "FLASK_SKIP_DOTENV": "1", "DATABASE_URL": URL},
        capture_output=True,
        text=True,
        timeout=programs.SECONDS,
    )
    assert result.returncode != 0
    assert result.stderr.count("Configuration error: SECRET_KEY is missing") == 1
    assert len(result.stderr.splitlines()) == 1
    assert "Traceback" not in result.stdout + result.stderr


def run(program: list[str], **settings: str) -> Ended:
    """Run Python in the project's folder with these settings and no others."""
    return programs.run(program, {"PATH": "", "FLASK_SKIP_DOTENV": "1", **settings})
