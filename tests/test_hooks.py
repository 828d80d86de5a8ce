"""Rendering over existing files and folders, and on unusual machines."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands
from tests.conftest import Renderer
from tests.test_answers import COOKIECUTTER, cookiecutter

SMALL = {"interface": "html", "file_download": "no", "database_url": "sqlite:///app.db"}
# In the places of features that a small app does not have.
OWN_FILES = (
    "app/api/__init__.py",
    "app/api/own.py",
    "files/contract.pdf",
    "files/welcome.txt",
    "compose.yaml",
    "tests/api/test_own.py",
    ".coverage",
    ".venv/lib/__pycache__/module.pyc",
    "app/web/__pycache__/views.pyc",
)


def update(render: Renderer, *options: str, **answers: str) -> str:
    """Render over the app that is there; return what is printed."""
    arguments = [f"{name}={value}" for name, value in answers.items()]
    result = cookiecutter(render, *options, "--overwrite-if-exists", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def write(folder: Path, *names: str) -> None:
    """Write files of the app's owner."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f"the owner's {name}")


@pytest.mark.parametrize("options", [(), ("--skip-if-file-exists",)])
def test_files_of_the_owner_are_kept(render: Renderer, options: tuple[str, ...]) -> None:
    folder = render(**SMALL)
    write(folder, *OWN_FILES)
    message = update(render, *options, **SMALL)
    for name in OWN_FILES:
        assert (folder / name).read_text() == f"the owner's {name}"
    assert not list(folder.rglob("*.kept-aside"))
    assert "  - app/api/__init__.py\n" in message
    assert "own.py" not in message  # the template has no such file
    assert not (folder / "app/api/account.py").exists()


def test_symbolic_links_of_the_owner_are_kept(render: Renderer, tmp_path: Path) -> None:
    folder = render(**SMALL)
    (tmp_path / "elsewhere").write_text("elsewhere")
    (folder / "compose.yaml").symlink_to(tmp_path / "elsewhere")
    (folder / "tests/database_server.py").symlink_to(tmp_path / "nowhere")
    (folder / "schemathesis.toml").mkdir()
    update(render, **SMALL)
    assert (folder / "compose.yaml").is_symlink()
    assert (tmp_path / "elsewhere").read_text() == "elsewhere"
    assert (folder / "tests/database_server.py").is_symlink()
    assert not (tmp_path / "nowhere").exists()
    assert (folder / "schemathesis.toml").is_dir()


def test_removing_a_feature_keeps_files_that_the_owner_changed(render: Renderer) -> None:
    folder = render(**SMALL | {"interface": "both"})
    with (folder / "app/api/sessions.py").open("a") as module:
        module.write("# changed")
    message = update(render, **SMALL)
    assert (folder / "app/api/sessions.py").read_text().endswith("# changed")
    assert "  - app/api/sessions.py\n" in message
    assert not (folder / "app/api/account.py").exists()
    assert not (folder / "app/api/templates").exists()


def test_a_new_app_has_no_empty_folders(render: Renderer) -> None:
    folder = render(**SMALL)
    assert not [path for path in folder.rglob("*") if path.is_dir() and not any(path.iterdir())]


def test_files_set_aside_by_an_update_that_failed_come_back(render: Renderer) -> None:
    folder = render(**SMALL)
    write(folder, "app/api/account.py", "app/api/account.py.kept-aside")
    update(render, **SMALL)
    assert (
        folder / "app/api/account.py"
    ).read_text() == "the owner's app/api/account.py.kept-aside"
    assert not list(folder.rglob("*.kept-aside"))


def test_files_left_by_working_in_place_are_not_rendered(
    template: Path, tmp_path: Path, render: Renderer
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(template, copy)
    source = next(copy.glob("<<*"))
    litter = ("app/__pycache__/a.pyc", ".mypy_cache/a/b.json", ".coverage", ".hypothesis/x")
    write(source, *litter)
    (render.output / "my-app").mkdir()
    update(Renderer(copy, render.config, render.output), **SMALL)
    folder = render.output / "my-app"
    assert not [name for name in litter if (folder / name).exists()]


def test_a_read_only_template_can_be_rendered(
    template: Path, tmp_path: Path, render: Renderer
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(template, copy)
    for path in copy.rglob("*"):
        if path.is_file():
            path.chmod(0o444)
    folder = Renderer(copy, render.config, render.output)(**SMALL)
    assert not (folder / "app" / "api").exists()


def test_env_under_a_strict_umask(render: Renderer) -> None:
    if os.geteuid():
        pytest.skip("only the superuser can render under such a umask")
    command = (COOKIECUTTER, "--no-input", "--config-file", render.config, render.template)
    subprocess.run(command, cwd=render.output, env=commands.environment(), umask=0o777, check=True)
    env = render.output / "my-app" / ".env"
    assert stat.S_IMODE(env.stat().st_mode) == 0o600


def test_a_user_without_a_home(render: Renderer, tmp_path: Path) -> None:
    # As in a container that runs under a number: no HOME, and no entry in /etc/passwd.
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import pwd\ndef nobody(uid): raise KeyError(uid)\npwd.getpwuid = nobody\n"
    )
    environment = commands.environment({"PYTHONPATH": str(site), "PWD": str(render.output)})
    environment.pop("HOME", None)
    result = subprocess.run(
        (COOKIECUTTER, "--no-input", render.template, "database_url=mysql://a:hunter2@localhost/a"),
        cwd=render.output,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert "stored in ./~/.cookiecutter_replay/repository.json" in result.stdout
    assert (render.output / "~" / ".cookiecutter_replay" / "repository.json").exists()


def test_the_closing_message_on_windows(template: Path, render: Renderer) -> None:
    folder = render(**SMALL)
    hook = (template / "hooks" / "post_gen_project.py").read_text("utf-8")
    answers = '{"project_slug": "my-app", "__backend": "sqlite", "database_url": "sqlite:///a"}'
    hook = hook.replace("<<cookiecutter | tojson>>", answers)
    hook = hook.replace("<<cookiecutter | unchosen | tojson>>", "[]")
    # Newer Pythons ask Windows itself where a program is. Here is none: there is no PATH either.
    program = (
        "import pathlib, shutil, sys; sys.platform = 'win32'; shutil.which = lambda name: None;"
        "exec(sys.stdin.read())"
    )
    message = subprocess.run(
        (sys.executable, "-c", program),
        cwd=folder,
        env={"PWD": str(render.output)},
        input=hook,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert r"    .venv\Scripts\flask run --debug" in message
    assert "make" not in message
    assert ".venv/bin" not in message
