"""Checks each answer as soon as it is given, and derives what follows from it.

Cookiecutter loads this Jinja extension by `_extensions` in cookiecutter.json. After each question
stands a private variable that runs a filter of this file over the answer. A filter that refuses
raises SystemExit with one line: before anything is written, and with no traceback, which
cookiecutter would add to any other exception.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Any, NoReturn
from urllib.parse import unquote

from jinja2 import Environment
from jinja2.ext import Extension

import plain_text
import template_command
import template_parts

MAX_NAME_LENGTH = 200
MAX_SLUG_LENGTH = 100
# On a server the slug is also the name of a user, where systemd accepts at most 31 characters.
MAX_DEFAULT_SLUG_LENGTH = 31

BACKENDS = {
    "sqlite": "sqlite",
    "postgres": "postgresql",
    "postgresql": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}
# Drivers a URL may name; the app connects by the one it installs, whichever is named.
DRIVERS = {
    "sqlite": ("pysqlite", "aiosqlite"),
    "postgresql": ("psycopg", "psycopg2", "asyncpg", "pg8000"),
    "mysql": ("pymysql", "mysqldb", "mysqlconnector", "mariadbconnector", "asyncmy", "aiomysql"),
}
URL_EXAMPLES = {
    "sqlite": "sqlite:///app.db",
    "postgresql": "postgresql://app:password@localhost/app",
    "mysql": "mysql://app:password@localhost/app",
}
# A URL of a server, after the scheme, as SQLAlchemy reads it: a password may hold `:`, `/` and `%`.
SERVER = re.compile(
    r"((?P<user>[^:/@]*)(:(?P<password>[^@]*))?@)?"
    r"(?P<host>\[[^]/?]+\]|[^]:/?@[]*)(:(?P<port>[^/?@]*))?"
    r"/(?P<database>[^/?@]+)(\?(?P<query>[^@]*))?"
)
# Packages that an app installs: one of the same name could not be installed beside them.
PACKAGES = set(
    """
    aiosmtpd alembic alembic-postgresql-enum attrs blinker cffi click colorama coverage
    cryptography cssbeautifier deprecated djlint dnspython editorconfig email-validator execnet fido2 flask flask-login
    flask-migrate flask-sqlalchemy flask-wtf gunicorn hypothesis idna iniconfig itsdangerous jinja2 jsbeautifier
    json5 jsonschema limits mako markupsafe mypy openapi-schema-validator openapi-spec-validator packaging pathspec
    pluggy psycopg pycparser pydantic pygments pymysql pyotp pytest pytest-cov pytest-xdist
    python-dotenv pyyaml redis referencing regex ruff segno six sortedcontainers sqlalchemy time-machine
    trustme types-flask-migrate types-pymysql types-wtforms types-zxcvbn tzdata ua-parser werkzeug
    wrapt wtforms zxcvbn
    """.split()  # noqa: SIM905 - nine lines instead of seventy
)
# Users, groups and services that a Debian server has, or gets as docs/deployment.md says: the guide
# makes some of the app's name.
ON_SERVERS = set(
    """
    adm apparmor audio avahi backup bin cdrom certbot cron crontab daemon dbus dialout dip disk fax
    floppy games input irc kmem kvm list lp mail man mariadb messagebus mysql networking news nginx
    nobody operator plugdev postgres postgresql proxy redis redis-server render root rsyslog sasl
    shadow src ssh sshd staff sudo sync sys tape tty udev users utmp uucp video voice www-data
    """.split()  # noqa: SIM905 - five lines instead of sixty
)
# How a hook starts.
HOOK = "# Cookiecutter renders this hook.\n"
# The answers so far.
given: dict[str, str] = {}
YES = {"yes", "y", "true", "t", "on", "1"}
NO = {"no", "n", "false", "f", "off", "0"}


class Answers(Extension):
    """Gives cookiecutter's Jinja environment the filters of this file."""

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.filters.update({function.__name__: function for function in FILTERS})
        start, end = environment.variable_start_string, environment.variable_end_string
        names = "|".join(function.__name__ for function in FILTERS)
        own = rf"{re.escape(start)}cookiecutter\.\w+( \| ({names}))*{re.escape(end)}"
        self.own_expression = re.compile(own)
        plain_text.skip(environment)

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        """Keep what looks like a tag in an answer as text.

        Cookiecutter renders answers from the command line and from configuration files as
        templates. Like hooks and the expressions in cookiecutter.json, they come without a name.
        """
        if name is not None or source.startswith(HOOK) or self.own_expression.fullmatch(source):
            return source
        end = self.environment.variable_end_string
        starts = (
            self.environment.variable_start_string,
            self.environment.block_start_string,
            self.environment.comment_start_string,
        )
        literal = "|".join(re.escape(start) for start in starts)
        return re.sub(literal, lambda match: f"{starts[0]}'{match[0]}'{end}", source)


def refuse(answer: str, problem: str, example: str) -> NoReturn:
    """End cookiecutter with one line: the answer's name, what is wrong, an example of a right one.

    Where questions were asked, the line ends with the command that keeps the answers given before.
    Raises SystemExit.
    """
    line = f"{answer}: {problem}; for example: {example}"
    others = {
        name: value
        for name, value in given.items()
        if name != answer and not (name == "database_url" and "@" in value)  # may be a password
    }
    command = template_command.command_to_go_on(others)
    raise SystemExit(f"{line}; to keep your other answers: {command}" if command else line)


def checked_name(value: object) -> str:
    """The project's name: one line of text in any script. Raises SystemExit."""
    example = "My App"
    name = _text("project_name", value, example)
    if not name.strip():
        refuse("project_name", "is empty", example)
    if len(name.splitlines()) > 1 or _control_characters(name):
        refuse("project_name", "must be one line without control characters", example)
    if len(name) > MAX_NAME_LENGTH:
        refuse("project_name", f"is longer than {MAX_NAME_LENGTH} characters", example)
    return name


def checked_slug(value: object) -> str:
    """The folder's and the distribution's name. Raises SystemExit."""
    example = "my-app"
    slug = _text("project_slug", value, example)
    if not slug:
        refuse("project_slug", "is empty", example)
    if not re.fullmatch(r"[a-z][a-z0-9-]*", slug):
        problem = "must be lower-case letters, digits and hyphens, and start with a letter"
        refuse("project_slug", problem, example)
    if distribution(slug) in PACKAGES:
        refuse("project_slug", f"{slug} is a package that the app itself needs", f"{slug}-app")
    if len(slug) > MAX_SLUG_LENGTH:
        refuse("project_slug", f"is longer than {MAX_SLUG_LENGTH} characters", example)
    if folder := template_command.existing_folder(slug):
        problem = f"{folder} exists; choose another name, or update it with --overwrite-if-exists"
        refuse("project_slug", problem, f"{distribution(slug)}-2")
    return slug


def checked_description(value: object) -> str:
    """What the project is: any text, or none. Raises SystemExit."""
    example = "Bookings for our sailing club."
    description = _text("description", value, example)
    if _control_characters(description.replace("\n", "").replace("\t", "")):
        refuse("description", "contains control characters", example)
    return description


def checked_interface(value: object) -> str:
    """Return the interface of the app: html, api or both. Raises SystemExit."""
    interface = _text("interface", value, "both")
    if interface not in ("html", "api", "both"):
        refuse("interface", "must be html, api or both", "both")
    return interface


def checked_file_download(value: object) -> str:
    """`yes`, or nothing for no, so that the result is true or false in a tag. Raises SystemExit."""
    answer = str(value).strip().lower() if isinstance(value, bool | str | int) else ""
    if answer not in YES | NO:
        refuse("file_download", "must be yes or no", "yes")
    return "yes" if answer in YES else ""


def checked_backend(value: object) -> str:
    """The database that a URL leads to: sqlite, postgresql or mysql (MariaDB too).

    An error message repeats no part of the URL, which may contain a password. Raises SystemExit.
    """
    url = _text("database_url", value, URL_EXAMPLES["sqlite"])
    scheme, separator, rest = url.partition("://")
    family, _, driver = scheme.lower().partition("+")
    backend = BACKENDS.get(family, "")
    example = URL_EXAMPLES.get(backend, URL_EXAMPLES["sqlite"])
    if not url.strip():
        refuse("database_url", "is empty", example)
    if not separator:
        refuse("database_url", "has no scheme (sqlite, postgresql, mysql or mariadb)", example)
    if not backend:
        problem = "must start with sqlite://, postgresql://, mysql:// or mariadb://"
        refuse("database_url", problem, example)
    if "+" in scheme and driver not in DRIVERS[backend]:
        refuse("database_url", f"has an unknown {backend} driver after the +", example)
    if re.search(r"\s", url) or _control_characters(url):
        refuse("database_url", "contains a space or a line break; write a space as %20", example)
    problem = _sqlite_problem(rest) if backend == "sqlite" else _server_problem(rest)
    if problem:
        refuse("database_url", problem, example)
    return backend


def slugified(name: object) -> str:
    """A valid slug made of a name; `my-app` where no Latin letter or digit is in it."""
    ascii_name = unicodedata.normalize("NFKD", str(name)).encode("ascii", "ignore").decode()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_name.lower().replace("'", "")).strip("-")
    if slug[:1].isdigit():
        slug = f"app-{slug}"
    slug = slug[:MAX_DEFAULT_SLUG_LENGTH].rstrip("-") or "my-app"
    return f"{slug}-app" if slug in PACKAGES | ON_SERVERS else slug


def distribution(slug: str) -> str:
    """The slug as the name of a distribution (PEP 508) and an image: neither ends with a hyphen."""
    return slug.rstrip("-")


def quoted(text: str) -> str:
    r"""Text for between double quotes, in Python and in TOML alike.

    A double quote becomes `\u0022`: a formatter would change the quotes around a `\"`.
    """
    line = re.sub(r"\s", " ", text)
    return line.replace("\\", "\\\\").replace('"', "\\u0022")


def _text(answer: str, value: object, example: str) -> str:
    """The answer as text that a file can hold; configuration files give other types as well."""
    if isinstance(value, bool) or not isinstance(value, str):
        refuse(answer, "must be text", example)
    if any(unicodedata.category(character) == "Cs" for character in value):
        refuse(answer, "is not valid UTF-8", example)
    given[answer] = value
    return value


def _control_characters(text: str) -> bool:
    return any(unicodedata.category(character) == "Cc" for character in text)


def _sqlite_problem(rest: str) -> str:
    if not rest.startswith("/") or not rest.partition("?")[0].strip("/"):
        return "has no file name; put three slashes before the path"
    if ":memory:" in rest:
        return "must be a file: a database in memory ends with each process"
    if "${" in rest:
        return "contains ${, which .env files read as the name of a variable"
    return ""


def _server_problem(rest: str) -> str:
    if rest.count("@") > 1:
        return "contains more than one @; write an @ in the password as %40"
    parts = SERVER.fullmatch(rest)
    if not parts:
        return "has no database name, or isn't in the form user:password@host/database"
    if parts["port"] and not (
        re.fullmatch("[0-9]{1,5}", parts["port"]) and 0 < int(parts["port"]) < 65536
    ):
        return "has a port that is not a number from 1 to 65535"
    if "\0" in unquote(parts["password"] or ""):
        return "has a NUL character in its password"
    if "${" in f"{parts['host']}{parts['database']}{parts['query']}":
        return "contains ${, which .env files read as the name of a variable"
    return ""


FILTERS: tuple[Callable[..., Any], ...] = (
    checked_name,
    checked_slug,
    checked_description,
    checked_interface,
    checked_file_download,
    checked_backend,
    slugified,
    distribution,
    quoted,
    template_parts.unchosen,
)
