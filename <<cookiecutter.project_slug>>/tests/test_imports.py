"""What the app does when it starts, and what only later."""

import subprocess
import sys
from typing import Any

import pytest
from werkzeug.routing import Rule

from tests.conftest import SETTINGS, MakeApp
from tests.test_settings import URL


def test_the_app_starts_without_what_only_some_requests_need() -> None:
    late = {"alembic", "email_validator", "fido2", "zxcvbn"}
    #: if cookiecutter.__backend != "mysql"
    late |= {"cryptography"}
    #: endif
    #: if cookiecutter.interface != "api"
    late |= {"segno", "ua_parser"}
    #: endif
    # A new interpreter: this one has imported more than the app.
    imported = subprocess.run(
        [sys.executable, "-c", "import sys, app; app.create_app(); print(*sys.modules)"],
        env={
            "PATH": "",
            "FLASK_SKIP_DOTENV": "1",
            "DATABASE_URL": URL,
            "SECRET_KEY": str(SETTINGS["SECRET_KEY"]),
            "BASE_URL": "https://localhost",
            "MAIL_SERVER": "mail.invalid",
        },
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert "app.accounts.registration" in imported
    assert not late & set(imported)


def test_no_url_is_prepared_before_it_is_needed(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled = []
    original = Rule._compile_builder

    def count(rule: Rule, *arguments: Any) -> Any:
        compiled.append(rule.rule)
        return original(rule, *arguments)

    monkeypatch.setattr(Rule, "_compile_builder", count)
    app = make_app()
    assert not compiled
    with app.test_request_context():
        assert [app.url_for("health.healthz") for _ in range(2)] == ["/healthz"] * 2
        assert compiled == ["/healthz"]
        assert app.url_for("health.healthz", rule="1", build="2") == "/healthz?rule=1&build=2"
