"""Every setting: its name, its default and its check.

A setting is a constant below. An environment variable of the same name overrides it
(`.env` is read in development by the `flask` command). Durations are in seconds, sizes
in bytes, limits in the notation of the `limits` package.
"""

import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Config, Flask

APP_NAME = "<<cookiecutter.__quoted_name>>"  # fmt: skip

# Signs cookies. The fallbacks are older keys that are still accepted, for a rotation.
SECRET_KEY = ""
SECRET_KEY_FALLBACKS: list[str] = []

DATABASE_URL = ""
#: if cookiecutter.__backend == "sqlite"
DATABASE_URL = "sqlite:///app.db"
#: endif
# Connections for each process: kept open, opened beyond that under load, and how long a request
# waits for a free one.
DATABASE_POOL_SIZE = 5
DATABASE_MAX_OVERFLOW = 10
DATABASE_POOL_TIMEOUT_SECONDS = 3
# How long the database may take before a request is given up.
#: if cookiecutter.__backend != "sqlite"
DATABASE_CONNECT_TIMEOUT_SECONDS = 3
DATABASE_STATEMENT_TIMEOUT_SECONDS = 8
#: endif
DATABASE_LOCK_TIMEOUT_SECONDS = 5

# Where people reach the app: the links in mails start with it and its host is the only one answered.
BASE_URL = ""
# How many reverse proxies stand before the app and set X-Forwarded-For and -Proto.
TRUSTED_PROXIES = 0
#: if cookiecutter.interface == "api"
# The client that mailed links lead to; without it a mail carries the bare token alone.
CLIENT_URL = ""
#: endif
#: if cookiecutter.interface != "html"
# Origins (scheme://host[:port], comma-separated) whose scripts may call the API: CORS.
API_ALLOWED_ORIGINS: list[str] = []
#: endif
#: if cookiecutter.__file_download
# Relative to the project's folder.
DOWNLOAD_FOLDER = "files"
#: endif

# Passwords: NIST SP 800-63B-4 on length and composition, OWASP on the cost of the hash.
PASSWORD_MIN_LENGTH = 12
PASSWORD_MAX_LENGTH = 128
PASSWORD_MIN_SCORE = 3
PASSWORD_HASH_METHOD = "scrypt:32768:8:3"

# Sessions.
#: if cookiecutter.interface != "api"
SESSION_IDLE_SECONDS = 12 * 60 * 60
SESSION_REMEMBER_SECONDS = 30 * 24 * 60 * 60
RECENT_SIGN_IN_SECONDS = 15 * 60
DEVICE_COOKIE_SECONDS = 365 * 24 * 60 * 60
#: endif
#: if cookiecutter.interface != "html"
API_SESSION_IDLE_SECONDS = 30 * 24 * 60 * 60
#: endif
SESSION_ABSOLUTE_SECONDS = 90 * 24 * 60 * 60
SESSION_TOUCH_SECONDS = 60

# Mailed tokens, and accounts that were never confirmed.
CONFIRM_TOKEN_SECONDS = 3 * 24 * 60 * 60
EMAIL_CHANGE_TOKEN_SECONDS = 24 * 60 * 60
RESET_TOKEN_SECONDS = 60 * 60
UNCONFIRMED_ACCOUNT_SECONDS = 7 * 24 * 60 * 60

# Limits.
RATELIMIT_STORAGE_URI = "memory://"
LIMIT_PASSWORD_BY_IP = "20 per minute"
LIMIT_PASSWORD_FAILURES = "10 per 15 minutes"
LIMIT_MAIL_BY_ADDRESS = "5 per hour"
LIMIT_MAIL_BY_IP = "30 per hour"
MAX_CONTENT_LENGTH = 64 * 1024

# Mail: named as Flask-Mail names them; and how often and how long an unwilling server is tried.
MAIL_SERVER = ""
MAIL_PORT = 25
MAIL_USE_TLS = False
MAIL_USE_SSL = False
MAIL_USERNAME = ""
MAIL_PASSWORD = ""
MAIL_DEFAULT_SENDER = ""
MAIL_SUPPRESS_SEND = False
MAIL_TRIES = 3
MAIL_RETRY_SECONDS = 2
MAIL_TIMEOUT_SECONDS = 10

HSTS_SECONDS = 365 * 24 * 60 * 60

DEFAULTS: Mapping[str, Any] = {name: value for name, value in globals().items() if name.isupper()}

MIN_SECRET_KEY_LENGTH = 32
# Parts of keys that stand in tutorials, templates and this file.
KNOWN_SECRET_KEYS = re.compile(
    r"secret[-_ ]?key|change[-_ ]?(me|this)|your[-_ ]|super[-_ ]?secret|dev(elopment)?[-_ ]|192b9bdd22ab9ed4",
    re.IGNORECASE,
)
DEVELOPMENT_SECRET_KEY = "development-key-refused-outside-debug-mode"


class ConfigurationError(Exception):
    """A setting is missing or wrong; the message is one line that says how to mend it."""


def load(app: Flask, overrides: Mapping[str, Any] | None = None) -> None:
    """Fill `app.config` from the defaults, the environment and `overrides`, in that order.

    Raises ConfigurationError for a value that cannot be used.
    """
    for name, default in DEFAULTS.items():
        text = os.environ.get(name)
        app.config[name] = default if text is None else _parse(name, text, default)
    app.config.update(overrides or {})
    if app.debug and os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn"):
        raise ConfigurationError(
            "FLASK_DEBUG is on; a server that others reach must run without it"
        )
    if app.debug:
        app.config["SECRET_KEY"] = app.config["SECRET_KEY"] or DEVELOPMENT_SECRET_KEY
        app.config["BASE_URL"] = app.config["BASE_URL"] or "http://localhost:5000"
    else:
        _check_production(app.config)
    _check_base_url(app.config["BASE_URL"])
    _check_passwords(app.config)
    _derive(app.config)


def _parse(name: str, text: str, default: object) -> Any:
    """`text` from the environment as the type of the setting's default."""
    if isinstance(default, bool):
        answers = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}
        if text.strip().lower() not in answers:
            raise ConfigurationError(f"{name} must be true or false, not {text!r}")
        return answers[text.strip().lower()]
    if isinstance(default, int):
        if not re.fullmatch(r"\s*\d{1,12}\s*", text):
            raise ConfigurationError(f"{name} must be a whole number, not {text!r}")
        return int(text)
    if isinstance(default, list):
        return [part.strip() for part in text.split(",") if part.strip()]
    return text


def _check_production(config: Mapping[str, Any]) -> None:
    mend = "set it to the output of: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
    key = config["SECRET_KEY"]
    if not key:
        raise ConfigurationError(f"SECRET_KEY is missing; {mend}")
    for name, value in [("SECRET_KEY", key)] + [
        ("SECRET_KEY_FALLBACKS", old) for old in config["SECRET_KEY_FALLBACKS"]
    ]:
        if len(value) < MIN_SECRET_KEY_LENGTH or len(set(value)) < 10:
            raise ConfigurationError(f"{name} is too short to be secret; {mend}")
        if KNOWN_SECRET_KEYS.search(value):
            raise ConfigurationError(f"{name} is a publicly known one; {mend}")
    if not config["BASE_URL"]:
        raise ConfigurationError(
            "BASE_URL is missing; set it to the address people use, such as https://app.example.com"
        )
    if not config["MAIL_SERVER"] or config["MAIL_SUPPRESS_SEND"]:
        raise ConfigurationError(
            "MAIL_SERVER is missing or MAIL_SUPPRESS_SEND is on, so no mail would arrive;"
            " set MAIL_SERVER to the host name of your mail server"
        )


def _check_base_url(url: str) -> None:
    try:
        base = urlsplit(url)
        valid = base.scheme in ("http", "https") and base.hostname and (base.port or 1)
    except ValueError:
        valid = False
    if not valid or base.path.strip("/") or base.query or base.fragment:
        raise ConfigurationError(
            "BASE_URL must be scheme, host and port alone, such as https://app.example.com"
        )


def _check_passwords(config: Mapping[str, Any]) -> None:
    if not re.fullmatch(r"scrypt(:\d+){3}|pbkdf2:sha\d+:\d+", config["PASSWORD_HASH_METHOD"]):
        raise ConfigurationError(
            "PASSWORD_HASH_METHOD must be method and cost, such as scrypt:32768:8:3"
        )
    if config["PASSWORD_MIN_LENGTH"] > config["PASSWORD_MAX_LENGTH"]:
        raise ConfigurationError("PASSWORD_MIN_LENGTH must be at most PASSWORD_MAX_LENGTH")
    if config["PASSWORD_MIN_SCORE"] > 4:
        raise ConfigurationError("PASSWORD_MIN_SCORE must be zxcvbn's estimate, 0 to 4")


def _derive(config: Config) -> None:
    """The settings of the extensions that follow from ours."""
    config["BASE_URL"] = config["BASE_URL"].rstrip("/")
    host = urlsplit(config["BASE_URL"]).hostname
    config["MAIL_DEFAULT_SENDER"] = config["MAIL_DEFAULT_SENDER"] or f"no-reply@{host}"
