"""`flask accounts work`: a process of its own that does jobs."""

import os
import signal
from threading import Event

import pytest
import time_machine
from flask import Flask
from jinja2 import Template

from app import jobs
from app.extensions import transaction
from app.jobs import commands
from app.jobs.worker import Worker
from tests import programs


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_flask_accounts_work_does_jobs_until_sigterm(app: Flask, number: signal.Signals) -> None:
    # The program has the clock of this machine.
    today = time_machine.travel(time_machine.escape_hatch.time.time())
    with today, app.app_context(), transaction():
        jobs.enqueue("account_deleted", email="ada@example.com")
    settings = ("SECRET_KEY", "DATABASE_URL", "BASE_URL", "MAIL_SERVER", "PASSWORD_HASH_METHOD")
    environment = {name: app.config[name] for name in settings}
    environment = {**os.environ, **environment, "MAIL_SERVER": "127.0.0.1", "MAIL_PORT": "9"}
    command = ["-m", "flask", "--app", "wsgi", "accounts", "work"]
    with programs.started(command, environment) as running:
        assert "Waiting for jobs" in running.stdout.readline()
        # Port 9 is closed: the job is tried, and waits again.
        assert any("(account_deleted) failed, try 1" in line for line in running.stderr)
        assert running.process.pid is not None
        os.kill(running.process.pid, number)
        assert running.ended() == 0
        assert "Traceback" not in running.stderr.read()


def test_flask_accounts_work_keeps_the_templates_of_its_code(
    app: Flask, working: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended(Event):
        def wait(self, timeout: float | None = None) -> bool:
            """Return at once, as after a signal."""
            return True

    read: list[str] = []
    get_template = app.jinja_env.get_template

    def note(name: str) -> Template:
        read.append(name)
        return get_template(name)

    monkeypatch.setattr(app.jinja_env, "get_template", note)
    monkeypatch.setattr("app.jobs.commands.signal.signal", lambda *_: None)
    monkeypatch.setattr(commands, "Event", Ended)
    result = app.test_cli_runner().invoke(args=["accounts", "work"])
    assert result.exit_code == 0, result.output
    assert {"mail/mail.txt", "mail/mail.html"} <= set(read)
