"""Rules over several settings, and the settings of the extensions that follow from ours."""

import logging
import math
import os
import re
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
from flask import Flask
from flask.cli import run_command

from app import kinds

logger = logging.getLogger(__name__)

NEW_SECRET_KEY = (
    "set it to the output of: python3 -c 'import secrets; print(secrets.token_urlsafe(48))'"
)
MIN_SECRET_KEY_LENGTH = 32
MIN_SECRET_KEY_CHARACTERS = 8
# From tutorials, templates and this file. Long enough that no random key contains one.
KNOWN_SECRET_KEYS = re.compile(
    r"secret[-_ ]?key|change[-_ ]?(me|this)|super[-_ ]?secret|your[-_ ]?secret|not[-_ ]?secret"
    r"|development[-_ ]?key|192b9bdd22ab9ed4d12e236c78afcb9a",
    re.IGNORECASE,
)
DEVELOPMENT_SECRET_KEY = "development-key-refused-outside-debug-mode"
# What OWASP's Password Storage Cheat Sheet asks for at least: for scrypt N times r times p.
OWASP_COSTS = {"scrypt": 655_360, "sha1": 1_300_000, "sha256": 600_000, "sha512": 210_000}

Problems = Iterator[tuple[str, str]]


def check_server(app: Flask, overrides: Mapping[str, Any]) -> dict[str, str]:
    """Return the problem with debug mode on a server that others can reach, by setting.

    Debug mode shows every email, and a traceback with a console. Where it comes from the
    environment, only the `flask` command may use it, and its server only on this machine.
    """
    by_flask = os.environ.get("FLASK_RUN_FROM_CLI") == "true" or "DEBUG" in overrides
    by_gunicorn = os.environ.get("SERVER_SOFTWARE", "").startswith("gunicorn")
    if app.debug and (by_gunicorn or not by_flask):
        return {
            "FLASK_DEBUG": "FLASK_DEBUG is on, and debug mode is only for the `flask` command on"
            " your own machine; unset FLASK_DEBUG"
        }
    host = development_server().get("host", "localhost")
    if app.debug and not is_loopback(host):
        return {
            "FLASK_DEBUG": f"FLASK_DEBUG is on, and others could reach {host}; unset FLASK_DEBUG,"
            " or run without --host"
        }
    return {}


def check_together(app: Flask, named: Mapping[str, kinds.Kind]) -> dict[str, str]:
    """Return what is wrong with values that are right by themselves, by setting.

    `named` has the kind of every setting.
    """
    config = app.config
    folders = [name for name, kind in named.items() if kind is kinds.folder]
    checks = [_email(config), _passwords(config), _folders(app, folders)]
    if not app.debug:
        urls = [name for name, kind in named.items() if kind is kinds.base_url]
        checks = [_secret_keys(config), _production(config, urls), *checks]
    return {name: f"{name} {problem}" for check in checks for name, problem in check}


def derive(app: Flask) -> None:
    """Set what follows from other settings."""
    config = app.config
    if app.debug:
        config["SECRET_KEY"] = config["SECRET_KEY"] or DEVELOPMENT_SECRET_KEY
        port = development_server().get("port", 5000)
        config["BASE_URL"] = config["BASE_URL"] or f"http://localhost:{port}"
    host = urlsplit(config["BASE_URL"]).hostname or ""
    if ":" in host:
        host = f"[IPv6:{host}]"  # RFC 5321, section 4.1.3
    elif host.replace(".", "").isdigit():
        host = f"[{host}]"
    config["MAIL_DEFAULT_SENDER"] = config["MAIL_DEFAULT_SENDER"] or f"no-reply@{host}"


def warn(app: Flask) -> None:
    """Log what works, but is weaker than it should be."""
    if not app.debug and not app.testing:
        _warn_of_a_weak_hash(app.config["PASSWORD_HASH_METHOD"])


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this machine's own."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def development_server() -> dict[str, Any]:
    """Return the options of `flask run`, or nothing when another program loads the app."""
    context = click.get_current_context(silent=True)
    return context.params if context and context.command is run_command else {}


def _secret_keys(config: Mapping[str, Any]) -> Problems:
    keys = {"SECRET_KEY": [config["SECRET_KEY"]]}
    keys["SECRET_KEY_FALLBACKS"] = config["SECRET_KEY_FALLBACKS"]
    for name, values in keys.items():
        for value in values:
            if len(value) < MIN_SECRET_KEY_LENGTH or len(set(value)) < MIN_SECRET_KEY_CHARACTERS:
                yield name, f"is too short or repeats too few characters; {NEW_SECRET_KEY}"
            if KNOWN_SECRET_KEYS.search(value):
                yield name, f"is publicly known; {NEW_SECRET_KEY}"


def _production(config: Mapping[str, Any], urls: list[str]) -> Problems:
    for name in urls:
        url = urlsplit(config[name])
        if url.scheme == "http" and not is_loopback(url.hostname or ""):
            # Browsers send `Secure` cookies over http to no other host than localhost.
            yield name, "must begin with https:// outside debug mode"
    if config["MAIL_SUPPRESS_SEND"]:
        yield (
            "MAIL_SUPPRESS_SEND",
            "is on, so no email would leave; turn it off and set MAIL_SERVER to your mail server",
        )
    #: if cookiecutter.__backend == "sqlite"
    from app.database import url as database_url

    if database_url.is_in_memory(config["DATABASE_URL"]) and not config["TESTING"]:
        yield (
            "DATABASE_URL",
            "is a database in memory, which each thread has for itself and nothing saves; set it"
            " to a file, such as sqlite:///app.db",
        )
    #: endif


def _email(config: Mapping[str, Any]) -> Problems:
    if config["MAIL_USE_TLS"] and config["MAIL_USE_SSL"]:
        yield (
            "MAIL_USE_TLS",
            "and MAIL_USE_SSL exclude each other; port 587 usually needs MAIL_USE_TLS,"
            " port 465 MAIL_USE_SSL",
        )
    if bool(config["MAIL_USERNAME"]) != bool(config["MAIL_PASSWORD"]):
        yield "MAIL_USERNAME", "and MAIL_PASSWORD must be set together"


def _passwords(config: Mapping[str, Any]) -> Problems:
    if config["PASSWORD_MIN_LENGTH"] > config["PASSWORD_MAX_LENGTH"]:
        yield "PASSWORD_MIN_LENGTH", "must be at most PASSWORD_MAX_LENGTH"


def _folders(app: Flask, names: list[str]) -> Problems:
    """Check that no folder whose files people get holds the app's own."""
    package = Path(app.root_path).resolve()
    instance = Path(app.instance_path)
    private = [package, instance, instance / "mail", instance / "backups"]
    #: if cookiecutter.__backend == "sqlite"

    from sqlalchemy import make_url

    from app.database import url as database_url

    url = make_url(database_url.with_driver(app.config["DATABASE_URL"]))
    private.append(Path(app.instance_path, url.database or ""))
    #: endif
    for name in names:
        folder = (package / ".." / app.config[name]).resolve()
        held = [path for path in private if path.resolve().is_relative_to(folder)]
        if held or folder.is_relative_to(package):
            yield name, f"must not hold the app itself, its database or instance/, as {folder} does"
        elif folder.exists() and not folder.is_dir():
            yield name, f"must be a folder, and {folder} is a file"


def _warn_of_a_weak_hash(method: str) -> None:
    name, *cost = method.split(":")
    if name == "pbkdf2":
        name, cost = cost[0], cost[1:]
    if math.prod(map(int, cost)) < OWASP_COSTS.get(name, OWASP_COSTS["sha256"]):
        logger.warning("PASSWORD_HASH_METHOD costs less than OWASP asks for: %s", method)
