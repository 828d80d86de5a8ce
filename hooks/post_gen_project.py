"""Takes away what was not chosen, writes .env, says what to type next.

Cookiecutter runs it in the new app's folder. The standard library alone, no network and no
program: a hook that calls one fails on somebody's machine.
"""

import json
import os
import re
import secrets
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

# Text of any kind comes through: `tojson` escapes the quotes.
ANSWERS = json.loads(r"""<<cookiecutter | tojson>>""")
WEB = ANSWERS["interface"] != "api"
API = ANSWERS["interface"] != "html"
DOWNLOADS = bool(ANSWERS["__file_download"])
SQLITE = ANSWERS["__backend"] == "sqlite"
POSTGRESQL = ANSWERS["__backend"] == "postgresql"
MYSQL = ANSWERS["__backend"] == "mysql"
SERVER = "PostgreSQL" if POSTGRESQL else "MySQL or MariaDB"

# What is there, and when.
PARTS = (
    (WEB, ["app/web", "tests/web"]),
    (API, ["app/api", "tests/api", "schemathesis.toml"]),
    (API and not WEB, ["app/api/bare_tokens.py", "tests/api/test_bare_tokens.py"]),
    (API and not WEB, ["app/api/start.py", "tests/api/test_start.py"]),
    (WEB and API, ["tests/test_parity.py", "tests/api/test_isolation.py"]),
    (DOWNLOADS, ["app/downloads", "tests/downloads", "files"]),
    (DOWNLOADS and WEB, ["app/downloads/pages.py", "tests/downloads/test_pages.py"]),
    (DOWNLOADS and API, ["app/downloads/resources.py", "tests/downloads/test_resources.py"]),
    (SQLITE, ["app/sqlite.py", "tests/database_file.py"]),
    (SQLITE, ["migrations/sqlite.py", "migrations/sqlite_tables.py", "tests/test_table_copies.py"]),
    (POSTGRESQL, ["app/postgresql.py"]),
    (MYSQL, ["app/mysql.py"]),
    (not SQLITE, ["compose.yaml", "migrations/lock.py", "tests/database_server.py"]),
)
# What working on the template in place leaves behind; git ignores it.
LITTER = ("**/__pycache__", ".*_cache", ".hypothesis", ".coverage")


def remove_what_was_not_chosen() -> None:
    """Leave no file of a feature that is not there."""
    unchosen = [Path(path) for chosen, paths in PARTS if not chosen for path in paths]
    for path in unchosen + [path for pattern in LITTER for path in Path().glob(pattern)]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def write_env() -> None:
    """Write .env, readable for its owner alone; one that is there already stays as it is."""
    lines = [
        "# Settings of this machine alone: secret, and never committed.",
        "FLASK_DEBUG='1'",
        f"SECRET_KEY='{secrets.token_hex(32)}'",
        "DATABASE_URL='{}'".format(re.sub(r"([\\'])", r"\\\1", env_url())),
    ]
    for name, value in compose_settings().items():
        lines.append('{}="{}"'.format(name, re.sub(r'([\\"$])', r"\\\1", value)))
    try:
        descriptor = os.open(".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def env_url() -> str:
    """The database URL as given, with what .env files would read as their own percent-encoded."""
    scheme, _, rest = ANSWERS["database_url"].partition("://")
    credentials, at, place = rest.rpartition("@")
    for text, code in (("'", "%27"), ("\\", "%5C"), ("${", "%24{")):
        credentials = credentials.replace(text, code)
    return f"{scheme}://{credentials}{at}{place}"


def credentials() -> tuple[str, str]:
    """The user and the password in the database URL, decoded."""
    rest = ANSWERS["database_url"].partition("://")[2]
    user, _, password = rest.rpartition("@")[0].partition(":")
    return unquote(user), unquote(password)


def compose_settings() -> dict[str, str]:
    """What compose.yaml needs to make the same database that the URL names."""
    if SQLITE:
        return {}
    user, password = credentials()
    name = ANSWERS["database_url"].partition("?")[0].rpartition("/")[2]
    if user == "root":  # MariaDB's administrator is there anyway
        return {"DATABASE_NAME": name, "DATABASE_ROOT_PASSWORD": password}
    return {"DATABASE_NAME": name, "DATABASE_USER": user, "DATABASE_PASSWORD": password}


def closing_message() -> Iterator[str]:
    """The lines that say what to type next, and where the answers are kept."""
    yield f"{bold(ANSWERS['project_slug'])} is ready. Start it:"
    yield ""
    yield f"    {bold('cd ' + shlex.quote(folder()))}"
    yield f"    {bold('make run')}"
    yield ""
    yield "Without make, these are the steps of `make run`:"
    yield ""
    yield "    python3 -m venv .venv"
    yield "    .venv/bin/pip install -e '.[dev]'"
    yield "    .venv/bin/flask db upgrade"
    yield "    .venv/bin/flask run --debug"
    yield ""
    if not SQLITE:
        yield f"{SERVER} has to be running first: `docker compose up -d` starts one."
    kept = f"Your answers are kept in clear in {answers_file()}"
    if credentials()[1]:
        yield f"{kept}, the database password too:"
        yield "delete it there."
    else:
        yield f"{kept}."


def folder() -> str:
    """The way to the new app from where the person is."""
    start = os.environ.get("PWD")
    if start and Path.cwd().is_relative_to(start):
        return str(Path.cwd().relative_to(start))
    return str(Path.cwd())


def answers_file() -> str:
    """Where cookiecutter, or cruft, keeps what was answered."""
    if "_repo_dir" not in ANSWERS:
        return ".cruft.json"
    template = Path(os.environ.get("PWD", ""), ANSWERS["_repo_dir"]).resolve()
    name = f"{template.name}.json"
    replay = Path("~/.cookiecutter_replay", name)
    if replay.expanduser().exists():
        return str(replay)
    return f"{name} in cookiecutter's replay_dir"


def bold(text: str) -> str:
    """The text, bold in a terminal that has not been told otherwise (no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[1m{text}\033[0m"


if __name__ == "__main__":
    remove_what_was_not_chosen()
    write_env()
    print("", *closing_message(), "", sep="\n")
