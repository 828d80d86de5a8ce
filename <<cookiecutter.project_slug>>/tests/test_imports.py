"""What the app imports when it starts."""

import subprocess
import sys

from tests.conftest import SETTINGS
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
