"""What each variant must and must not contain."""

import ast
import re
import stat
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import SOURCE
from tests.variants import VARIANTS, Variant

# For each feature: the files that are there with it, and words that are only said with it.
PATHS = {
    "web": [
        "app/accounts/passkeys/signals.py",
        "app/web/",
        "tests/accounts/passkey_races/test_reauthentication.py",
        "tests/web/",
        "app/downloads/pages.py",
        "tests/downloads/pages/",
    ],
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
        "app/database/sqlite.py",
        "migrations/sqlite.py",
        "migrations/sqlite_tables.py",
        "tests/database_file.py",
        "tests/database/test_sqlite.py",
        "tests/database/test_table_copies.py",
    ],
    "postgresql": ["app/database/postgresql.py", "tests/database/test_postgresql.py"],
    "mysql": ["app/database/mysql.py", "migrations/mysql.py", "tests/database/test_mysql.py"],
    "server": [
        "app/database/time_outs.py",
        "compose.yaml",
        "migrations/lock.py",
        "tests/database_server.py",
    ],
}
WORDS = {
    "web": r"wtf|csrf|ua.parser|app.web|tests.web|remember.me|(?<![a-z])reauthenticat|/login\b|recent.sign",
    "api": r"pydantic|openapi|bearer|app.api|tests.api|/api\b|\bapi_|\bcors\b|curl -",
    "api alone": r"client_url|bare_tokens\b",
    "downloads": r"download",
    "sqlite": r"sqlite|pragma ",
    "postgresql": r"postgres|psycopg",
    "mysql": r"mysql|mariadb",
    "server": r"\bcompose\.yaml|test_database_url",
}
# Links to what is saved as a file: the data that is exported, and recovery codes.
OTHER_MEANINGS = re.compile(r'" download>|\bdownload="recovery-codes\.txt"|>Download</a>')
# What installing and running a variant adds to its folder.
INSTALLED = re.compile(r"^(\.venv|instance|\.hypothesis)/|^\.coverage$|__pycache__|\.egg-info/")
# Dependencies that no module imports, and why.
NOT_IMPORTED = {
    "gunicorn": "it runs the app",
    "python-dotenv": "the flask command reads .env with it",
    "alembic": "the migrations import it",
    "alembic-postgresql-enum": "the migrations import it",
}


def features(variant: Variant) -> set[str]:
    """Return the names of PATHS and WORDS that a variant has."""
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
    """Return every file under a folder by its path, as text."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode("utf-8", "replace")
        for path in folder.rglob("*")
        if path.is_file() and not INSTALLED.search(path.relative_to(folder).as_posix())
    }


@pytest.fixture(scope="session")
def content(rendered: Path) -> dict[str, str]:
    """Every file of a variant by its path, as text."""
    return texts(rendered)


def test_there_are_eighteen_variants() -> None:
    assert len(set(map(str, VARIANTS))) == 18


def test_files(variant: Variant, content: dict[str, str], template: Path) -> None:
    unchosen = [path for name in PATHS.keys() - features(variant) for path in PATHS[name]]
    expected = {
        name for name in texts(template / SOURCE.name) if not name.startswith(tuple(unchosen))
    }
    assert set(content) == expected | {".env"}


@pytest.mark.parametrize("path", [path for paths in PATHS.values() for path in paths])
def test_unchosen_files_exist_in_the_template(path: str, template: Path) -> None:
    assert (template / SOURCE.name / path).exists()


def lines_with(pattern: re.Pattern[str], text: str) -> list[str]:
    """Return the lines in which a pattern is found."""
    # Searching the whole text first is many times faster than trying every line.
    if not pattern.search(text):
        return []
    return [line for line in text.splitlines() if pattern.search(line)]


def test_no_tag_is_left(content: dict[str, str]) -> None:
    tag = re.compile(r"<<|^\s*#:|<#|cookiecutter", re.MULTILINE)
    left = {name: lines_with(tag, text) for name, text in content.items()}
    assert {name: lines for name, lines in left.items() if lines} == {}


def test_no_word_of_what_was_not_chosen(variant: Variant, content: dict[str, str]) -> None:
    words = [WORDS[name] for name in WORDS.keys() - features(variant)]
    pattern = re.compile("|".join(words), re.IGNORECASE)
    said = {
        name: lines_with(pattern, OTHER_MEANINGS.sub("", f"{name}\n{text}"))
        for name, text in content.items()
    }
    assert {name: lines for name, lines in said.items() if lines} == {}


def names(requirements: list[str]) -> set[str]:
    """Return the names of the packages that some requirements ask for."""
    return {re.split(r"[\[<>=]", line)[0].lower() for line in requirements}


def imported(source: str) -> set[str]:
    """Return the top-level modules outside the standard library that a source imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return {name.partition(".")[0] for name in found} - sys.stdlib_module_names - {"_typeshed"}


def test_every_import_is_declared(rendered: Path, content: dict[str, str]) -> None:
    project = tomllib.loads((rendered / "pyproject.toml").read_text("utf-8"))["project"]
    run = names(project["dependencies"])
    dev = run | names(project["optional-dependencies"]["dev"])
    own = {name.partition("/")[0].removesuffix(".py") for name in content}
    undeclared = {
        f"{name}: {package}"
        for name, text in content.items()
        if name.endswith(".py")
        for package in imported(text) - own
        if package.replace("_", "-").lower() not in (dev if name.startswith("tests/") else run)
    }
    assert not undeclared


def test_every_dependency_is_imported(rendered: Path, content: dict[str, str]) -> None:
    project = tomllib.loads((rendered / "pyproject.toml").read_text("utf-8"))["project"]
    source = "\n".join(text for name, text in content.items() if name.startswith("app/"))
    unused = {
        name
        for name in names(project["dependencies"]) - NOT_IMPORTED.keys()
        if not re.search(rf"^\s*(from|import) {name.replace('-', '_')}\b", source, re.MULTILINE)
    }
    assert not unused


def test_env_is_for_its_owner_alone(
    variant: Variant, rendered: Path, content: dict[str, str]
) -> None:
    env = rendered / ".env"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600
    assert f"DATABASE_URL='{variant.answers['database_url']}'" in env.read_text("utf-8")
    said = [name for name, text in content.items() if "pass%40word" in text]
    assert said == ([] if variant.backend == "sqlite" else [".env"])
    assert ".env" in (rendered / ".gitignore").read_text("utf-8").splitlines()
