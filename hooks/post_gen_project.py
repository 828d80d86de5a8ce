# Cookiecutter renders this hook.
"""Removes what was not chosen, writes .env, and says what to do next.

Cookiecutter runs it in the new app's folder. The standard library alone, no network and no
program: a hook that calls one fails on someone's machine.
"""

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

# Text of any kind comes through: `tojson` escapes the quotes.
ANSWERS = json.loads(r"""<<cookiecutter | tojson>>""")
SQLITE = ANSWERS["__backend"] == "sqlite"
UNCHOSEN = json.loads(r"""<<cookiecutter | unchosen | tojson>>""")
WINDOWS = sys.platform == "win32"
ADDRESS = "http://localhost:5000"
ASIDE = ".kept-aside"  # as in pre_gen_project.py
SERVER = "PostgreSQL" if ANSWERS["__backend"] == "postgresql" else "MySQL or MariaDB"


def remove_what_was_not_chosen() -> list[Path]:
    """Remove the files of features that were not chosen; return those of the owner, which stay.

    A file that was there before is the owner's if it differs from what was rendered now.
    """
    kept = []
    for path in map(Path, UNCHOSEN):
        if path.is_dir():  # of the owner, where the template has a file
            continue
        aside = path.with_name(path.name + ASIDE)
        owners = aside.is_symlink() or (aside.is_file() and not _same(aside, path))
        path.unlink(missing_ok=True)
        if owners:
            aside.rename(path)
            kept.append(path)
        else:
            aside.unlink(missing_ok=True)
    folders = {folder for path in map(Path, UNCHOSEN) for folder in path.parents} - {Path()}
    for folder in sorted(folders, reverse=True):
        with suppress(OSError):  # it holds files of the owner
            folder.rmdir()
    return kept


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


def write_env() -> None:
    """Write .env, readable for its owner alone; one that is there already stays as it is."""
    lines = [
        "# Settings of this machine alone: secret, and never committed.",
        "FLASK_DEBUG='1'",
        f"SECRET_KEY='{os.urandom(32).hex()}'",  # as `secrets` does, whose import takes longer
        "DATABASE_URL='{}'".format(re.sub(r"([\\'])", r"\\\1", env_url())),
    ]
    for name, value in compose_settings().items():
        lines.append('{}="{}"'.format(name, re.sub(r'([\\"$])', r"\\\1", value)))
    try:
        descriptor = os.open(".env", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    Path(".env").chmod(0o600)  # whatever the umask took away
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def env_url() -> str:
    """Return the database URL with what .env files would interpret percent-encoded."""
    scheme, _, rest = ANSWERS["database_url"].partition("://")
    credentials, at, place = rest.rpartition("@")
    for text, code in (("'", "%27"), ("\\", "%5C"), ("${", "%24{")):
        credentials = credentials.replace(text, code)
    return f"{scheme}://{credentials}{at}{place}"


def credentials() -> tuple[str, str]:
    """Return the user and the password in the database URL, decoded."""
    rest = ANSWERS["database_url"].partition("://")[2]
    user, _, password = rest.rpartition("@")[0].partition(":")
    return unquote(user), unquote(password)


def compose_settings() -> dict[str, str]:
    """Return what compose.yaml needs to make the same database that the URL names."""
    if SQLITE:
        return {}
    user, password = credentials()
    name = ANSWERS["database_url"].partition("?")[0].rpartition("/")[2]
    if user == "root":  # MariaDB's administrator is there anyway
        return {"DATABASE_NAME": name, "DATABASE_ROOT_PASSWORD": password}
    return {"DATABASE_NAME": name, "DATABASE_USER": user, "DATABASE_PASSWORD": password}


def closing_message(kept: list[Path]) -> Iterator[str]:
    """Yield the lines that say what to do next, and what to know."""
    yield f"{bold(ANSWERS['project_slug'])} is ready. Start it:"
    yield ""
    yield from (f"    {bold(step)}" for step in steps())
    yield ""
    yield f"Then open {ADDRESS}. The emails that the app sends are shown at {ADDRESS}/dev/mailbox."
    if not SQLITE:
        yield f"{SERVER} must be running first; `docker compose up -d` starts it."
    if not Path(".git").exists():
        yield from ("", "To keep the app in Git, type this in its folder:", "")
        yield from ("    git init", "    git add .", '    git commit -m "Start from the template"')
    if kept:
        yield ""
        yield "These files differ from the template's and stay, although they are in places of"
        yield "features that you did not choose. Delete them if you no longer need them:"
        yield ""
        yield from (f"  - {path.as_posix()}" for path in kept)
    if credentials()[1]:
        yield ""
        yield f"Your answers, the database password included, are also stored in {answers_file()}."
        yield "Delete that file if others can read it."


def steps() -> list[str]:
    """Return the commands that start the app with what this system has: make, uv or Python."""
    if WINDOWS:
        enter = f'cd "{folder()}"' if " " in folder() else f"cd {folder()}"
        python, programs = "py", ".venv\\Scripts\\"
    else:
        enter = f"cd {shlex.quote(folder())}"
        python, programs = "python3", ".venv/bin/"
        if shutil.which("make"):
            return [enter, "make run"]
    if shutil.which("uv"):
        install = ["uv venv", "uv pip install -r requirements.txt"]
        programs = "uv run "
    else:
        install = [f"{python} -m venv .venv", f"{programs}pip install -r requirements.txt"]
    return [enter, *install, f"{programs}flask db upgrade", f"{programs}flask run --debug"]


def folder() -> str:
    """Return the path of the new app, relative to where the person is if it is below."""
    start = os.environ.get("PWD")
    if start and Path.cwd().is_relative_to(start):
        return str(Path.cwd().relative_to(start))
    return str(Path.cwd())


def answers_file() -> str:
    """Return the path of the file in which cookiecutter, or cruft, stores the answers."""
    if "_repo_dir" not in ANSWERS:
        return ".cruft.json"
    start = os.environ.get("PWD", "")
    name = Path(start, ANSWERS["_repo_dir"]).resolve().name
    replay = f"~/.cookiecutter_replay/{name}.json"
    # Path.expanduser fails for a user without a home. This one leaves the ~, as it does for
    # cookiecutter, which then makes a folder of that name.
    path = os.path.expanduser(replay)  # noqa: PTH111
    if Path(start, path).exists():
        return f"./{replay}" if path == replay else replay
    return f"{name}.json in the replay_dir of cookiecutter's settings"


def bold(text: str) -> str:
    """Return the text, bold in a terminal that has not been told otherwise (no-color.org)."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR"):
        return text
    return f"\033[1m{text}\033[0m"


if __name__ == "__main__":
    kept_files = remove_what_was_not_chosen()
    write_env()
    print("", *closing_message(kept_files), "", sep="\n")
