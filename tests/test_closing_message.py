"""The commands of the closing message work, with and without make and uv on the PATH."""

import dataclasses
import os
import pty
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import commands, walk
from tests.conftest import REPOSITORY, Renderer

COOKIECUTTER = Path(sys.executable).with_name("cookiecutter")
PASSWORD_URL = "postgresql://app:hunter2@localhost/app"


def closing_message(render: Renderer, *answers: str, **settings: str) -> str:
    """Return what cookiecutter prints when run in the folder where the app is created."""
    home = render.output / "home"
    home.mkdir(exist_ok=True)
    settings = {"HOME": str(home), "PWD": str(render.output), **settings}
    return commands.run(
        COOKIECUTTER,
        "--no-input",
        render.template,
        *answers,
        folder=render.output,
        settings=settings,
    ).stdout


def blocks(message: str) -> list[list[str]]:
    """Return the indented commands, in their groups."""
    groups = re.findall(r"(?:^    .*\n)+", message, re.MULTILINE)
    return [[line.strip() for line in group.splitlines()] for group in groups]


def tools(folder: Path, *names: str) -> str:
    """Return a PATH with the system's programs, one Python, and the programs named."""
    folder.mkdir()
    for name in names:
        (folder / name).symlink_to(Path(sys.executable).with_name(name))
    (folder / "python3").symlink_to(Path(sys.base_prefix, "bin", "python3"))
    return f"{folder}:/usr/bin:/bin"


def test_make_run_with_uv(render: Renderer, tmp_path: Path) -> None:
    with_make, *_ = blocks(closing_message(render))
    log = serve_by(with_make, render.output, tools(tmp_path / "tools", "uv")).splitlines()
    address = log[2].split()[1]
    assert log[:3] == [
        "Installing requirements.txt into .venv",
        "Bringing the database up to date",
        f"Serving {address} (emails: {address}/dev/mailbox)",
    ]


def test_without_make_with_uv(render: Renderer, tmp_path: Path) -> None:
    programs = tools(tmp_path / "tools", "uv")
    path = programs.partition(":")[0]
    steps, _ = blocks(closing_message(render, PATH=path))
    assert steps[1] == "uv venv"
    serve_by(steps, render.output, programs)


def test_without_make_and_uv_and_then_with_make(render: Renderer, tmp_path: Path) -> None:
    path = tools(tmp_path / "tools")
    (enter, *steps), _ = blocks(closing_message(render, PATH=path.partition(":")[0]))
    assert steps[0] == "python3 -m venv .venv"
    serve_by([enter, *steps], render.output, path)
    log = serve_by([enter, "make run"], render.output, path)
    assert log.splitlines()[0] == "Installing requirements.txt into .venv"
    assert "Collecting" not in log


@pytest.mark.parametrize("uv", [False, True])
def test_on_windows(uv: bool, template: Path, render: Renderer, tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(template, repository)
    hook = repository / "hooks" / "post_gen_project.py"
    text = hook.read_text("utf-8")
    assert 'sys.platform == "win32"' in text
    hook.write_text(text.replace('sys.platform == "win32"', "True"), "utf-8")
    path = tools(tmp_path / "tools", *(["uv"] if uv else []))
    message = closing_message(dataclasses.replace(render, template=repository), PATH=path)
    programs, *install = (
        ["uv run ", "uv venv", "uv pip install -r requirements.txt"]
        if uv
        else [
            ".venv\\Scripts\\",
            "py -m venv .venv",
            r".venv\Scripts\pip install -r requirements.txt",
        ]
    )
    steps = [*install, f"{programs}flask db upgrade", f"{programs}flask run --debug"]
    assert blocks(message)[0] == ["cd my-app", *steps]


def serve_by(lines: list[str], folder: Path, path: str) -> str:
    """Type the lines, the last of which serves; a newcomer registers and reads the email.

    Returns what was printed.
    """
    port = walk.free_port()
    lines[-1] += f" PORT={port}" if lines[-1].startswith("make") else f" --port {port}"
    environment = commands.environment({"PATH": path, "PIP_NO_COMPILE": "1"})
    log = folder / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            ["bash", "-e", "-c", "\n".join(lines)],
            cwd=folder,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        walk.wait_until_healthy(f"http://localhost:{port}", seconds=10 * walk.WAIT, process=server)
        walk.register_in_debug_mode(f"http://localhost:{port}")
    except (AssertionError, TimeoutError) as error:
        pytest.fail(f"{error}\n{log.read_text()[-6000:]}", pytrace=False)
    finally:
        os.killpg(server.pid, 15)
        server.wait(timeout=walk.WAIT)
    return log.read_text("utf-8")


def test_the_address_and_the_mailbox_are_named(render: Renderer) -> None:
    message = closing_message(render)
    assert "open http://localhost:5000." in message
    assert "http://localhost:5000/dev/mailbox" in message


def test_a_first_commit_is_offered_and_holds_no_secret(render: Renderer) -> None:
    *_, commit = blocks(closing_message(render))
    folder = render.output / "my-app"
    author = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com"}
    author |= {name.replace("AUTHOR", "COMMITTER"): text for name, text in author.items()}
    commands.run("bash", "-e", "-c", "\n".join(commit), folder=folder, settings=author)
    committed = commands.run("git", "ls-files", folder=folder).stdout.splitlines()
    assert "wsgi.py" in committed
    assert ".env" not in committed
    assert "git init" not in closing_message(render, "--overwrite-if-exists")


def test_the_answers_file_is_named_where_a_password_is_in_it(render: Renderer) -> None:
    message = closing_message(render, f"database_url={PASSWORD_URL}")
    assert "also stored in ~/.cookiecutter_replay/repository.json." in message
    assert (render.output / "home/.cookiecutter_replay/repository.json").exists()
    assert "docker compose up -d" in message
    assert "hunter2" not in message


def test_the_answers_file_is_named_for_a_template_at_hand(render: Renderer, tmp_path: Path) -> None:
    settings = {"HOME": str(tmp_path), "PWD": str(render.template)}
    arguments = ("--no-input", "--output-dir", render.output, ".", f"database_url={PASSWORD_URL}")
    result = commands.run(COOKIECUTTER, *arguments, folder=render.template, settings=settings)
    assert "also stored in ~/.cookiecutter_replay/repository.json." in result.stdout


def test_without_a_password_there_is_nothing_to_say_of_the_answers(render: Renderer) -> None:
    message = closing_message(render)
    assert "password" not in message
    assert "repository.json" not in message


def test_plain_where_it_is_not_read_in_a_terminal(render: Renderer) -> None:
    assert "\033" not in closing_message(render)


@pytest.mark.parametrize("no_color", [False, True])
def test_bold_in_a_terminal(render: Renderer, no_color: bool) -> None:
    controller, terminal = pty.openpty()
    settings = {"NO_COLOR": "1"} if no_color else {}
    subprocess.run(
        [COOKIECUTTER, "--no-input", "--config-file", render.config, render.template],
        cwd=render.output,
        env=commands.environment(settings),
        stdout=terminal,
        check=True,
    )
    os.close(terminal)
    written = os.read(controller, 10_000).decode()
    os.close(controller)
    assert ("\033[1mmake run\033[0m" in written) is not no_color


def test_make_new(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    shutil.copytree(
        REPOSITORY, repository, ignore=shutil.ignore_patterns(".git", ".venv", ".*_cache")
    )
    arguments = ("ARGS=--no-input --default-config project_name=Mine", f"OUTPUT={tmp_path}")
    settings = {"PATH": tools(tmp_path / "tools"), "HOME": str(tmp_path)}
    output = commands.run("make", "new", *arguments, folder=repository, settings=settings).stdout
    assert (tmp_path / "mine" / "wsgi.py").exists()
    assert f"cd {tmp_path}/mine" in output
