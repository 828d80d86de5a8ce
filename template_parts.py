"""The features, and the files that belong to each.

The hooks of the template ask which files an app is not to have. `answers.py` gives them this
as a filter; standard library alone.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

TEMPLATE = Path(__file__).parent
# What working on the template in place leaves behind; git ignores it.
LITTER = ("**/__pycache__", ".*_cache", ".hypothesis", ".coverage")


def parts(answers: Mapping[str, Any]) -> list[tuple[bool, list[str]]]:
    """Return each feature's files and folders, and whether it was chosen."""
    web = answers["interface"] != "api"
    api = answers["interface"] != "html"
    downloads = bool(answers["__file_download"])
    sqlite, postgresql, mysql = (
        answers["__backend"] == backend for backend in ("sqlite", "postgresql", "mysql")
    )
    return [
        (web, ["app/web", "tests/web", "app/accounts/passkeys/signals.py"]),
        (web, ["tests/accounts/passkey_races/test_reauthentication.py"]),
        (api, ["app/api", "tests/api", "schemathesis.toml"]),
        (api and not web, ["app/api/bare_tokens.py", "tests/api/test_bare_tokens.py"]),
        (api and not web, ["app/api/start.py", "tests/api/test_start.py"]),
        (web and api, ["tests/test_parity.py", "tests/api/test_isolation.py"]),
        (downloads, ["app/downloads", "tests/downloads", "files"]),
        (downloads and web, ["app/downloads/pages.py", "tests/downloads/pages"]),
        (downloads and api, ["app/downloads/resources.py", "tests/downloads/test_resources.py"]),
        (sqlite, ["app/database/sqlite.py", "tests/database/test_sqlite.py"]),
        (sqlite, ["tests/database_file.py"]),
        (sqlite, ["migrations/sqlite.py", "migrations/sqlite_tables.py"]),
        (sqlite, ["tests/database/test_table_copies.py"]),
        (postgresql, ["app/database/postgresql.py", "tests/database/test_postgresql.py"]),
        (mysql, ["app/database/mysql.py", "migrations/mysql.py", "tests/database/test_mysql.py"]),
        (not sqlite, ["app/database/time_outs.py", "migrations/lock.py"]),
        (not sqlite, ["tests/database_server.py", "compose.yaml"]),
    ]


def unchosen(answers: Mapping[str, Any]) -> list[str]:
    """Return the files that cookiecutter renders and that do not belong in the app.

    They are listed one by one, since a folder of the same name may hold files of the app's owner.
    """
    folder = source()
    paths = [folder / path for chosen, paths in parts(answers) if not chosen for path in paths]
    paths += [path for pattern in LITTER for path in folder.glob(pattern)]
    files = {
        file.relative_to(folder).as_posix()
        for path in paths
        for file in (path.rglob("*") if path.is_dir() else [path])
        if not file.is_dir()
    }
    return sorted(files)


def source() -> Path:
    """Return the folder that apps are rendered from, whatever the delimiters in its name."""
    return next(
        path for path in TEMPLATE.iterdir() if path.name[2:-2] == "cookiecutter.project_slug"
    )
