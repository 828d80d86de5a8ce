"""Every setting: its name, its kind, its default.

An environment variable of the same name overrides the default (in development the `flask` command
also reads `.env`), and `create_app({...})` overrides both. All three are checked alike, and a
blank value means that the setting is not set. `docs/settings.md` explains each setting.
"""

import os
from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any

import click
from flask import Flask

from app import kinds, rules
from app.database import url as database_url

APP_NAME = "<<cookiecutter.__quoted_name>>"  # fmt: skip
APP_DESCRIPTION = "<<cookiecutter.__quoted_description>>"  # fmt: skip
MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR
# Code points. The time that Unicode normalization takes grows with the square of the length.
LONGEST_PASSWORD = 1000


@dataclass(frozen=True)
class Setting:
    """One setting. `kind` reads and checks its value; a blank one is `default`."""

    name: str
    kind: kinds.Kind
    default: Any
    # For a setting without which the app can't start outside debug mode: what to do.
    needed: str = ""
    #: if cookiecutter.__backend != "sqlite"
    needed_in_debug: bool = False
    #: endif

    def read(self, given: Any) -> Any:
        """Return the value to use. Raises ValueError with the rest of the sentence."""
        value = None if kinds.is_blank(given) else self.kind(given)
        return copy(self.default) if value in (None, []) else value


SETTINGS: tuple[Setting, ...] = (
    Setting("APP_NAME", kinds.text, APP_NAME),
    Setting("APP_DESCRIPTION", kinds.text, APP_DESCRIPTION),
    # Signs cookies. The fallbacks are older keys, still accepted after a rotation.
    Setting(
        "SECRET_KEY",
        kinds.secret,
        "",
        needed=rules.NEW_SECRET_KEY,
    ),
    Setting("SECRET_KEY_FALLBACKS", kinds.listed(kinds.secret), []),
    #: if cookiecutter.__backend == "sqlite"
    Setting("DATABASE_URL", database_url.read, "sqlite:///app.db"),
    #: endif
    #: if cookiecutter.__backend == "postgresql"
    Setting(
        "DATABASE_URL",
        database_url.read,
        "",
        needed="set it to postgresql://user:password@host/name",
        needed_in_debug=True,
    ),
    #: endif
    #: if cookiecutter.__backend == "mysql"
    Setting(
        "DATABASE_URL",
        database_url.read,
        "",
        needed="set it to mysql://user:password@host/name",
        needed_in_debug=True,
    ),
    #: endif
    # Connections of each process: kept open, opened beyond that under load, and how long a
    # request waits for a free one.
    Setting("DATABASE_POOL_SIZE", kinds.whole(1, 1000), 5),
    Setting("DATABASE_MAX_OVERFLOW", kinds.whole(0, 1000), 10),
    Setting("DATABASE_POOL_TIMEOUT_SECONDS", kinds.whole(1, HOUR), 3),
    # Whether gunicorn runs `flask db upgrade` before it starts.
    Setting("MIGRATE_ON_START", kinds.yes_no, False),
    # How long the database may take before a request is given up.
    #: if cookiecutter.__backend != "sqlite"
    Setting("DATABASE_CONNECT_TIMEOUT_SECONDS", kinds.whole(1, HOUR), 3),
    Setting("DATABASE_STATEMENT_TIMEOUT_SECONDS", kinds.whole(1, HOUR), 8),
    #: endif
    Setting("DATABASE_LOCK_TIMEOUT_SECONDS", kinds.whole(1, HOUR), 5),
    # Links in emails start with it, and the app responds to no other host.
    Setting(
        "BASE_URL",
        kinds.base_url,
        "",
        needed="set it to the address people use, such as https://app.example.com",
    ),
    # How many reverse proxies in front of the app set X-Forwarded-For and X-Forwarded-Proto.
    Setting("TRUSTED_PROXIES", kinds.whole(0, 16), 0),
    #: if cookiecutter.interface == "api"
    # The client that links in emails lead to; without it an email carries only the token.
    Setting("CLIENT_URL", kinds.base_url, ""),
    #: endif
    #: if cookiecutter.interface != "html"
    # Origins whose scripts may call the API: CORS.
    Setting("API_ALLOWED_ORIGINS", kinds.listed(kinds.origin), []),
    #: endif
    #: if cookiecutter.__file_download
    # Relative to the project's folder.
    Setting("DOWNLOAD_FOLDER", kinds.folder, "files"),
    # The web server that sends the files for the app. Without one, each process sends this many at
    # a time, which has to be fewer than its threads.
    Setting("DOWNLOAD_ACCEL", kinds.choice("nginx", "apache"), ""),
    Setting("DOWNLOADS_AT_ONCE", kinds.whole(1, 1000), 4),
    #: endif
    # Whether people can create accounts themselves, or only `flask accounts invite` and `create` can.
    Setting("REGISTRATION", kinds.choice("open", "closed"), "open"),
    # Passwords: NIST SP 800-63B-4 on length and composition, OWASP on the cost of the hash.
    Setting("PASSWORD_MIN_LENGTH", kinds.whole(8, 1000), 12),
    Setting("PASSWORD_MAX_LENGTH", kinds.whole(64, LONGEST_PASSWORD), 128),
    Setting("PASSWORD_MIN_SCORE", kinds.whole(0, 4), 3),
    Setting("PASSWORD_HASH_METHOD", kinds.hash_method, "scrypt:32768:8:3"),
    #: if cookiecutter.interface != "api"
    Setting("SESSION_IDLE_SECONDS", kinds.seconds(), 12 * HOUR),
    Setting("SESSION_REMEMBER_SECONDS", kinds.seconds(), 30 * DAY),
    Setting("RECENT_SIGN_IN_SECONDS", kinds.seconds(), 15 * MINUTE),
    #: endif
    #: if cookiecutter.interface != "html"
    Setting("API_SESSION_IDLE_SECONDS", kinds.seconds(), 30 * DAY),
    #: endif
    Setting("SESSION_ABSOLUTE_SECONDS", kinds.seconds(), 90 * DAY),
    Setting("SESSION_TOUCH_SECONDS", kinds.seconds(0), MINUTE),
    # How far the clocks of servers may differ.
    Setting("CLOCK_SKEW_SECONDS", kinds.seconds(0, HOUR), MINUTE),
    Setting("SESSIONS_PER_ACCOUNT", kinds.whole(1, 10_000), 100),
    # Browsers and clients that signed in before, each counted separately from strangers.
    Setting("DEVICE_SECONDS", kinds.seconds(), 365 * DAY),
    Setting("DEVICES_PER_ACCOUNT", kinds.whole(1, 1000), 20),
    # Tokens in emails, and accounts that were never confirmed.
    Setting("INVITATION_TOKEN_SECONDS", kinds.seconds(), 3 * DAY),
    Setting("CONFIRM_TOKEN_SECONDS", kinds.seconds(), 3 * DAY),
    Setting("EMAIL_CHANGE_TOKEN_SECONDS", kinds.seconds(), DAY),
    Setting("RESET_TOKEN_SECONDS", kinds.seconds(), HOUR),
    Setting("UNCONFIRMED_ACCOUNT_SECONDS", kinds.seconds(), 7 * DAY),
    # Two-factor authentication: RFC 6238 on drift, in steps of 30 seconds each way.
    Setting("TOTP_ISSUER", kinds.text, ""),
    Setting("TOTP_DRIFT_STEPS", kinds.whole(0, 10), 1),
    Setting("TOTP_SETUP_SECONDS", kinds.seconds(), 30 * MINUTE),
    Setting("CHALLENGE_SECONDS", kinds.seconds(), 10 * MINUTE),
    Setting("RECOVERY_CODES", kinds.whole(1, 100), 8),
    Setting("PASSKEY_CHALLENGE_SECONDS", kinds.seconds(), 5 * MINUTE),
    Setting("PASSKEYS_PER_ACCOUNT", kinds.whole(1, 1000), 50),
    # Rate limits, in the notation of the `limits` package.
    Setting("RATELIMIT_STORAGE_URI", kinds.text, "database://"),
    Setting("LIMIT_PASSWORD_BY_IP", kinds.limit, "20 per minute"),
    Setting("LIMIT_PASSWORD_FAILURES", kinds.limit, "10 per 15 minutes"),
    Setting("LIMIT_CODE_FAILURES", kinds.limit, "10 per 15 minutes"),
    Setting("LIMIT_PASSKEYS_BY_IP", kinds.limit, "20 per minute"),
    Setting("LIMIT_NEW_PASSWORDS_BY_IP", kinds.limit, "120 per minute"),
    Setting("LIMIT_MAIL_BY_ADDRESS", kinds.limit, "5 per hour"),
    Setting("LIMIT_MAIL_BY_IP", kinds.limit, "30 per hour"),
    # Bytes.
    Setting("MAX_CONTENT_LENGTH", kinds.whole(1024, 16 * 1024 * 1024), 64 * 1024),
    # How long the body of a request may take to arrive.
    Setting("BODY_SECONDS", kinds.seconds(1, HOUR), 10),
    # Email, named as Flask-Mail names them.
    Setting("MAIL_SERVER", kinds.host, "", needed="set it to the host name of your mail server"),
    Setting("MAIL_PORT", kinds.whole(1, 65535), 25),
    Setting("MAIL_USE_TLS", kinds.yes_no, False),
    Setting("MAIL_USE_SSL", kinds.yes_no, False),
    Setting("MAIL_USERNAME", kinds.ascii_secret, ""),
    Setting("MAIL_PASSWORD", kinds.ascii_secret, ""),
    Setting("MAIL_DEFAULT_SENDER", kinds.sender, ""),
    Setting("MAIL_SUPPRESS_SEND", kinds.yes_no, False),
    Setting("MAIL_TIMEOUT_SECONDS", kinds.seconds(1, HOUR), 10),
    # Where replies go, for the emails that ask for one.
    Setting("SUPPORT_EMAIL", kinds.email_address, ""),
    # Background jobs: whether web servers do them, how long one may take, the pause after each
    # failure, and how long emails are tried (a link to reset a password: while it is valid).
    Setting("JOBS_IN_PROCESS", kinds.yes_no, True),
    Setting("JOB_LEASE_SECONDS", kinds.seconds(1, HOUR), 5 * MINUTE),
    Setting(
        "JOB_PAUSES_SECONDS",
        kinds.listed(kinds.whole(1, DAY)),
        [MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, 12 * HOUR],
    ),
    Setting("CONFIRMATION_DEADLINE_SECONDS", kinds.seconds(MINUTE, 30 * DAY), DAY),
    Setting("NOTICE_DEADLINE_SECONDS", kinds.seconds(MINUTE, 30 * DAY), 2 * DAY),
    Setting("HSTS_SECONDS", kinds.seconds(0), 365 * DAY),
)
DEFAULTS: Mapping[str, Any] = {setting.name: setting.default for setting in SETTINGS}


class ConfigurationError(click.ClickException):
    """A setting is missing or wrong; the message is one line that says how to correct it.

    The `flask` command shows the message alone.
    """


def load(app: Flask, overrides: Mapping[str, Any] | None = None) -> None:
    """Fill `app.config` from the defaults, the environment and `overrides`, in that order.

    Raises ConfigurationError, which explains the first problem and names the other settings.
    """
    overrides = overrides or {}
    app.config.update(overrides)  # Flask's own settings too, such as DEBUG
    problems: dict[str, str] = rules.check_server(app, overrides)
    for setting in SETTINGS:
        given = overrides.get(setting.name)
        if kinds.is_blank(given):
            given = os.environ.get(setting.name)
        try:
            app.config[setting.name] = setting.read(given)
        except ValueError as error:
            problems[setting.name] = f"{setting.name} {error}"
            continue
        needed = bool(setting.needed) and not app.debug
        #: if cookiecutter.__backend != "sqlite"
        needed |= setting.needed_in_debug
        #: endif
        if needed and kinds.is_blank(app.config[setting.name]):
            problems[setting.name] = f"{setting.name} is missing; {setting.needed}"
    if not problems:
        problems = rules.check_together(app, {each.name: each.kind for each in SETTINGS})
    if problems:
        first, *others = problems
        also = f" (also wrong: {', '.join(others)})" if others else ""
        raise ConfigurationError(problems[first] + also)
    rules.derive(app)
