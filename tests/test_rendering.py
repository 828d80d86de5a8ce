"""What each variant holds, and what it must not."""

import re
import stat
import tomllib
from pathlib import Path

import pytest

from tests.conftest import SOURCE
from tests.variants import VARIANTS, Variant

# For each feature: the files that are there with it, and words that are only said with it.
PATHS = {
    "web": ["app/web/", "tests/web/", "app/downloads/pages.py", "tests/downloads/test_pages.py"],
    "api": [
        "app/api/",
        "tests/api/",
        "schemathesis.toml",
        "app/downloads/resources.py",
        "tests/downloads/test_resources.py",
    ],
    "api alone": [
        "app/api/bare_tokens.py",
        "app/api/start.py",
        "tests/api/test_bare_tokens.py",
        "tests/api/test_start.py",
    ],
    "both": ["tests/test_parity.py", "tests/api/test_isolation.py"],
    "downloads": ["app/downloads/", "tests/downloads/", "files/"],
    "sqlite": [
        "app/sqlite.py",
        "migrations/sqlite.py",
        "migrations/sqlite_tables.py",
        "tests/database_file.py",
        "tests/test_table_copies.py",
    ],
    "postgresql": ["app/postgresql.py"],
    "mysql": ["app/mysql.py"],
    "server": ["compose.yaml", "migrations/lock.py", "tests/database_server.py"],
}
WORDS = {
    "web": r"wtf|csrf|ua.parser|app.web|tests.web|remember.me|reauthenticat|/login\b|recent.sign",
    "api": r"pydantic|openapi|bearer|app.api|tests.api|/api\b|problem\+json|\bapi_|\bcors\b|curl -",
    "api alone": r"client_url|bare_tokens\b",
    "downloads": r"download",
    "sqlite": r"sqlite|pragma ",
    "postgresql": r"postgres|psycopg",
    "mysql": r"mysql|mariadb|cryptography",
    "server": r"docker compose|compose\.yaml|test_database_url",
}
# The attribute of a link, which every exported file has.
OTHER_MEANINGS = re.compile(r'" download>')
# What installing and running a variant adds to its folder.
INSTALLED = re.compile(r"^(\.venv|instance|\.hypothesis)/|^\.coverage$|__pycache__|\.egg-info/")
# Dependencies that no module imports, and why.
NOT_IMPORTED = {
    "gunicorn": "it runs the app",
    "python-dotenv": "the flask command reads .env with it",
    "alembic-postgresql-enum": "migrations/env.py imports it",
    "psycopg": "SQLAlchemy imports it",
    "pymysql": "SQLAlchemy imports it",
    "cryptography": "PyMySQL signs in with it",
}


def features(variant: Variant) -> set[str]:
    """The names of PATHS and WORDS that a variant has."""
    present = {
        "web": variant.web,
        "api": variant.api,
        "api alone": not variant.web,
        "both": variant.web and variant.api,
        "downloads": variant.downloads,
        "server": variant.backend != "sqlite",
        variant.backend: True,
    }
    return {name for name, there in present.items() if there}


def texts(folder: Path) -> dict[str, str]:
    """Every file under a folder by its path, as text."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode("utf-8", "replace")
        for path in folder.rglob("*")
        if path.is_file() and not INSTALLED.search(path.relative_to(folder).as_posix())
    }


def test_there_are_eighteen() -> None:
    assert len(set(map(str, VARIANTS))) == 18


def test_files(variant: Variant, rendered: Path, template: Path) -> None:
    unchosen = [path for name in PATHS.keys() - features(variant) for path in PATHS[name]]
    expected = {
        name for name in texts(template / SOURCE.name) if not name.startswith(tuple(unchosen))
    }
    assert set(texts(rendered)) == expected | {".env"}


@pytest.mark.parametrize("path", [path for paths in PATHS.values() for path in paths])
def test_unchosen_files_exist_in_the_template(path: str, template: Path) -> None:
    assert (template / SOURCE.name / path).exists()


def test_no_tag_is_left(rendered: Path) -> None:
    tag = re.compile(r".*(?:<<|^\s*#:|<#|cookiecutter).*", re.MULTILINE)
    left = {name: tag.findall(text) for name, text in texts(rendered).items()}
    assert {name: lines for name, lines in left.items() if lines} == {}


def test_no_word_of_what_was_not_chosen(variant: Variant, rendered: Path) -> None:
    words = [WORDS[name] for name in WORDS.keys() - features(variant)]
    line = re.compile(rf".*(?:{'|'.join(words)}).*", re.IGNORECASE)
    said = {
        name: line.findall(OTHER_MEANINGS.sub("", f"{name}\n{text}"))
        for name, text in texts(rendered).items()
    }
    assert {name: lines for name, lines in said.items() if lines} == {}


def test_every_dependency_is_imported(rendered: Path) -> None:
    project = tomllib.loads((rendered / "pyproject.toml").read_text("utf-8"))["project"]
    names = {re.split(r"[\[<>=]", line)[0].lower() for line in project["dependencies"]}
    source = "\n".join(text for name, text in texts(rendered).items() if name.startswith("app/"))
    unused = {
        name
        for name in names - NOT_IMPORTED.keys()
        if not re.search(rf"^\s*(from|import) {name.replace('-', '_')}\b", source, re.MULTILINE)
    }
    assert not unused


def test_env_is_for_its_owner_alone(variant: Variant, rendered: Path) -> None:
    env = rendered / ".env"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert f"DATABASE_URL='{variant.answers['database_url']}'" in env.read_text("utf-8")
    said = [name for name, text in texts(rendered).items() if "pass%40word" in text]
    assert said == ([] if variant.backend == "sqlite" else [".env"])
    assert ".env" in (rendered / ".gitignore").read_text("utf-8").splitlines()
