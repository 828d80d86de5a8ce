"""The portable copy renders the same apps, and works with cruft."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands
from tests.conftest import REPOSITORY, Renderer, make_renderer
from tests.test_rendering import INSTALLED
from tests.variants import Variant

CRUFT = Path(sys.executable).with_name("cruft")
GIT_SETTINGS = {
    f"GIT_{role}_{name}": value
    for role in ("AUTHOR", "COMMITTER")
    for name, value in (("NAME", "Ada"), ("EMAIL", "ada@example.com"))
}


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file by its path, without the one thing that differs each time."""
    files = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
    secret = re.compile(rb"(?<=SECRET_KEY=')\w+")
    return {
        path.relative_to(folder).as_posix(): secret.sub(b"", path.read_bytes())
        for path in files
        if not INSTALLED.search(path.relative_to(folder).as_posix())
    }


@pytest.fixture(scope="session")
def portable(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The portable copy, as a git repository."""
    source = tmp_path_factory.mktemp("source") / "repository"
    shutil.copytree(template, source)
    git(source, "init", "--quiet")
    copy = tmp_path_factory.mktemp("portable") / "repository"
    commands.run(sys.executable, "tools/portable.py", copy, folder=source)
    git(copy, "init", "--quiet", "--initial-branch", "portable")
    commit(copy)
    return copy


def git(folder: Path, *arguments: str) -> None:
    """Run git, with someone's name."""
    commands.run("git", *arguments, folder=folder, settings=GIT_SETTINGS)


def commit(folder: Path) -> None:
    """Commit all that is in a folder."""
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "A change")


def test_same_app(variant: Variant, rendered: Path, portable: Path, tmp_path: Path) -> None:
    copy = make_renderer(portable, tmp_path)(**variant.answers)
    mine, theirs = contents(copy), contents(rendered)
    assert mine.keys() == theirs.keys()
    assert [name for name in mine if mine[name] != theirs[name]] == []


def test_awkward_text(render: Renderer, portable: Path, tmp_path: Path) -> None:
    answers = {"project_name": "{{ a }} <<b>> #: {# c #} 'd'", "project_slug": "awkward"}
    (tmp_path / "portable").mkdir()
    copy = make_renderer(portable, tmp_path / "portable")(**answers)
    assert contents(copy) == contents(render(**answers))


def test_every_file_name_is_valid_on_windows(portable: Path) -> None:
    names = [path.name for path in portable.rglob("*") if ".git" not in path.parts]
    assert not [name for name in names if re.search(r'[<>:"|?*\\]', name)]


def test_the_tool_overwrites_nothing(portable: Path) -> None:
    again = subprocess.run(
        [sys.executable, "tools/portable.py", portable],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 1
    assert again.stderr.splitlines() == [f"{portable} exists already"]


def test_cruft(portable: Path, tmp_path: Path) -> None:
    template, app = tmp_path / "template", tmp_path / "mine"
    git(tmp_path, "clone", "--quiet", str(portable), str(template))
    answers = {"project_name": "Mine", "interface": "html", "file_download": "no"}
    answers["database_url"] = "postgresql://app:password@localhost/app"
    context = ("--extra-context", json.dumps(answers))
    output = ("--output-dir", str(tmp_path), "--default-config", "--no-input")
    commands.run(CRUFT, "create", template, *output, *context, folder=tmp_path)
    git(app, "init", "--quiet")
    commit(app)
    env = (app / ".env").read_text("utf-8")

    folder = template / "{{cookiecutter.project_slug}}"
    with (folder / "Dockerfile").open("a") as file:
        file.write("# a change in the template\n")
    commit(template)
    check = subprocess.run([CRUFT, "check"], cwd=app, env=commands.environment(), check=False)
    assert check.returncode == 1
    commands.run(CRUFT, "update", "--skip-apply-ask", folder=app, settings=GIT_SETTINGS)
    commands.run(CRUFT, "check", folder=app)

    assert (app / "Dockerfile").read_text("utf-8").endswith("# a change in the template\n")
    assert (app / ".env").read_text("utf-8") == env
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=app, capture_output=True, text=True, check=True
    )
    assert {line.split()[1] for line in status.stdout.splitlines()} == {".cruft.json", "Dockerfile"}
