"""What every test needs: an app of its own, a database, a mailbox and a client."""

import gc
import os
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from email.message import EmailMessage
from typing import Any

import hypothesis
import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import delete, select

from app import config, create_app, jobs
from app.accounts import changes, registration, store
from app.accounts.client import Client
from app.accounts.models import Account, Challenge, LimitCounter
from app.extensions import db
from app.mail import delivery

pytest_plugins = [
    "tests.authenticator",
    "tests.invariants",
    #: if cookiecutter.__backend != "sqlite"
    "tests.database_server",
    #: endif
    #: if cookiecutter.__backend == "sqlite"
    "tests.database_file",
    #: endif
]

# The settings of this machine are no business of the tests.
os.environ["FLASK_SKIP_DOTENV"] = "1"
for name in ("FLASK_DEBUG", *config.DEFAULTS):
    os.environ.pop(name, None)

# What is unset in tests, unless one sets it, whatever the defaults in app/config.py become.
UNSET = {
    "MAIL_DEFAULT_SENDER",
    "MAIL_USERNAME",
    "MAIL_PASSWORD",
    "SUPPORT_EMAIL",
    "TOTP_ISSUER",
    #: if cookiecutter.interface == "api"
    "CLIENT_URL",
    #: endif
    #: if cookiecutter.interface != "html"
    "API_ALLOWED_ORIGINS",
    #: endif
    #: if cookiecutter.__file_download
    "DOWNLOAD_ACCEL",
    #: endif
}
config.SETTINGS = tuple(
    replace(setting, default=type(setting.default)()) if setting.name in UNSET else setting
    for setting in config.SETTINGS
)

# Every run tries the same examples, and none fails because the machine is busy: some of
# Hypothesis's health checks measure time. `make fuzz` tries new examples.
hypothesis.settings.register_profile(
    "repeatable",
    max_examples=20,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.register_profile(
    "fuzz",
    hypothesis.settings.get_profile("repeatable"),
    max_examples=int(os.environ.get("FUZZING_EXAMPLES", "300")),
    derandomize=False,
)
hypothesis.settings.load_profile("repeatable")

PASSWORD = "correct horse battery staple"
# What tests count with, whatever the defaults in app/config.py become.
NUMBERS: dict[str, Any] = {
    "PASSWORD_MIN_LENGTH": 12,
    "PASSWORD_MAX_LENGTH": 128,
    "PASSWORD_MIN_SCORE": 3,
    #: if cookiecutter.interface != "api"
    "SESSION_IDLE_SECONDS": 12 * 60 * 60,
    "SESSION_REMEMBER_SECONDS": 30 * 24 * 60 * 60,
    "RECENT_SIGN_IN_SECONDS": 15 * 60,
    #: endif
    #: if cookiecutter.interface != "html"
    "API_SESSION_IDLE_SECONDS": 30 * 24 * 60 * 60,
    #: endif
    "SESSION_ABSOLUTE_SECONDS": 90 * 24 * 60 * 60,
    "SESSION_TOUCH_SECONDS": 60,
    "CLOCK_SKEW_SECONDS": 60,
    "SESSIONS_PER_ACCOUNT": 100,
    "DEVICE_SECONDS": 365 * 24 * 60 * 60,
    "DEVICES_PER_ACCOUNT": 20,
    "INVITATION_TOKEN_SECONDS": 3 * 24 * 60 * 60,
    "CONFIRM_TOKEN_SECONDS": 3 * 24 * 60 * 60,
    "EMAIL_CHANGE_TOKEN_SECONDS": 24 * 60 * 60,
    "RESET_TOKEN_SECONDS": 60 * 60,
    "UNCONFIRMED_ACCOUNT_SECONDS": 7 * 24 * 60 * 60,
    "TOTP_DRIFT_STEPS": 1,
    "TOTP_SETUP_SECONDS": 30 * 60,
    "CHALLENGE_SECONDS": 10 * 60,
    "RECOVERY_CODES": 8,
    "PASSKEY_CHALLENGE_SECONDS": 5 * 60,
    "PASSKEYS_PER_ACCOUNT": 50,
    "REGISTRATION": "open",
    "LIMIT_PASSWORD_BY_IP": "20 per minute",
    "LIMIT_PASSWORD_FAILURES": "10 per 15 minutes",
    "LIMIT_CODE_FAILURES": "10 per 15 minutes",
    "LIMIT_PASSKEYS_BY_IP": "20 per minute",
    "LIMIT_NEW_PASSWORDS_BY_IP": "120 per minute",
    "LIMIT_MAIL_BY_ADDRESS": "5 per hour",
    "LIMIT_MAIL_BY_IP": "30 per hour",
    "MAX_CONTENT_LENGTH": 64 * 1024,
    "BODY_SECONDS": 10,
    "JOB_LEASE_SECONDS": 5 * 60,
    "CONFIRMATION_DEADLINE_SECONDS": 24 * 60 * 60,
    "NOTICE_DEADLINE_SECONDS": 2 * 24 * 60 * 60,
    "HSTS_SECONDS": 365 * 24 * 60 * 60,
}
SETTINGS: dict[str, Any] = {
    **NUMBERS,
    "TESTING": True,
    "DEBUG": False,
    "SECRET_KEY": "only-for-tests-0123456789abcdefghijklmnopq",
    "BASE_URL": "https://localhost",
    "PREFERRED_URL_SCHEME": "https",
    "TRUSTED_PROXIES": 0,
    "RATELIMIT_STORAGE_URI": "database://",
    "JOB_PAUSES_SECONDS": [60, 5 * 60, 15 * 60, 60 * 60, 3 * 60 * 60, 6 * 60 * 60, 12 * 60 * 60],
    "MAIL_SERVER": "mail.invalid",
    "MAIL_USE_TLS": False,
    "MAIL_USE_SSL": False,
    # Tests do the jobs themselves, when they look at what was sent.
    "JOBS_IN_PROCESS": False,
    # The policy is the real one; the hash alone is made cheap.
    "PASSWORD_HASH_METHOD": "scrypt:256:1:1",
}

MakeApp = Callable[..., Flask]


def pytest_collection_finish() -> None:
    """Keep the garbage collector from what lasts for the whole run: it saves a sixth of the time."""
    gc.freeze()


@dataclass(frozen=True)
class Mail:
    """An email as its recipient sees it."""

    to: str
    subject: str
    body: str
    html: str


class Inbox:
    """The emails an app has sent, oldest first."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.sent: list[Mail] = []
        delivery.mail_sent.connect(self._receive, sender=app)

    def _receive(self, app: Flask, message: EmailMessage) -> None:
        plain, html = message.get_body(("plain",)), message.get_body(("html",))
        assert plain is not None
        assert html is not None
        self.sent.append(
            Mail(message["To"], message["Subject"], plain.get_content(), html.get_content())
        )

    def to(self, address: str) -> list[Mail]:
        """Return all emails to an address, after the jobs that are due are done without errors."""
        jobs.run_due(self.app)
        with self.app.app_context():
            broken = select(jobs.Job.last_error).where(jobs.Job.last_error.like("% in %, line %"))
            assert db.session.scalars(broken).all() == []
        return [mail for mail in self.sent if mail.to == address]

    def token(self, address: str) -> str:
        """Return the token in the newest email to an address, from its link or its line."""
        body = self.to(address)[-1].body
        found: list[str] = re.findall(
            r"^(?:https://localhost/\S*/)?([\w-]{43})$", body, re.MULTILINE
        )
        return found[-1]


@pytest.fixture(scope="session")
def migrated_url(database_url: str) -> str:
    """The URL of this worker's database, brought up to date by the shipped migrations."""
    app = create_app({**SETTINGS, "DATABASE_URL": database_url})
    with app.app_context():
        upgrade("migrations")
        db.engine.dispose()
    return database_url


@pytest.fixture(scope="session")
def create(migrated_url: str, tmp_path_factory: pytest.TempPathFactory) -> MakeApp:
    """Create apps on this worker's database. Each template is compiled once for all of them."""
    compiled = FileSystemBytecodeCache(str(tmp_path_factory.mktemp("templates")))

    def create(**settings: Any) -> Flask:
        app = create_app({**SETTINGS, "DATABASE_URL": migrated_url, **settings})
        app.config["MAIL_SUPPRESS_SEND"] = True
        app.jinja_env.bytecode_cache = compiled
        return app

    return create


@pytest.fixture
def make_app(create: MakeApp) -> Iterator[MakeApp]:
    """Create apps with other settings. Their database is emptied afterwards."""
    apps: list[Flask] = []

    def make(**settings: Any) -> Flask:
        apps.append(create(**settings))
        return apps[-1]

    yield make
    for app in apps:
        forget_all(app)
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose()


@pytest.fixture(scope="session")
def shared_app(create: MakeApp) -> Iterator[Flask]:
    """The app of all tests that need no other settings."""
    app = create()
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(shared_app: Flask) -> Iterator[Flask]:
    """An empty app with the settings of the tests."""
    yield shared_app
    forget_all(shared_app)


def forget_all(app: Flask) -> None:
    """Delete all jobs, all accounts with what belongs to them, challenges and counters."""
    app.extensions.pop("hash_methods", None)  # an app looks them up once, and these are gone
    with app.app_context(), db.engine.begin() as connection:
        for model in (jobs.Job, Account, Challenge, LimitCounter):
            connection.execute(delete(model))


@pytest.fixture
def inbox(app: Flask) -> Inbox:
    """The emails that `app` sends."""
    return Inbox(app)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of `app` with cookies of its own."""
    return app.test_client()


@pytest.fixture
def account(app: Flask) -> str:
    """The email address of a confirmed account with the password PASSWORD."""
    return add_account(app)


def add_account(
    app: Flask, email: str = "ada@example.com", name: str = "Ada", *, confirmed: bool = True
) -> str:
    """Store an account with the password PASSWORD, and return its email address."""
    with app.app_context():
        registration.create(name, email, PASSWORD, confirmed=confirmed)
    return email


def delete_meanwhile(app: Flask, email: str) -> None:
    """Delete an account, as another request would at the same moment."""

    def delete_it() -> None:
        with app.app_context():
            account = store.by_email(email)
            assert account is not None
            changes.remove(account, Client())

    with ThreadPoolExecutor(1) as pool:
        pool.submit(delete_it).result()
