"""Answers: any text is kept intact, and invalid answers are refused in one line."""

import json
import os
import pty
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import answers
from tests import commands, walk
from tests.conftest import Renderer

COOKIECUTTER = Path(sys.executable).with_name("cookiecutter")
SECRET = "hunter2"  # a password that no refusal may repeat
NAMES = [
    'O\'Brien "the \\ best" 🍪 {{y}} ${z}',
    "'''",
    'C#: a "#: if" <# <<y>> {% raw %} {#',
    "שלום עולם",
    "Ω \u202e reversed",
    "a\\",
    "n" * 200,
    "🍪" * 200,
    *("n" * length for length in (86, 88, 90, 94, 96)),  # where a formatter might break the line
]
REFUSED = {
    "project_name": ["", "   ", "two\nlines", "a bell \a", "n" * 201],
    "project_slug": [
        "",
        "My-App",
        "../x",
        "a/b",
        "/tmp/x",
        "1st",
        "a b",
        "-a",
        "a_b",
        "é",
        "flask",
        "click-",
        "a" * 101,
    ],
    "description": ["a bell \a"],
    "interface": ["", "HTML", "web", "html,api"],
    "file_download": ["", "maybe", "2"],
    "database_url": [
        "",
        "   ",
        "app.db",
        f"user:{SECRET}@localhost/app",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///my app.db",
        f"oracle://user:{SECRET}@localhost/app",
        f"postgresql+nonsense://user:{SECRET}@localhost/app",
        f"postgresql://user:{SECRET}@localhost",
        f"postgresql://user:{SECRET}@localhost/",
        f"postgresql://user:{SECRET}@localhost:port/app",
        f"postgresql://user:{SECRET}@localhost:99999/app",
        f"mysql://user:{SECRET}@localhost:0/app",
        f"postgresql://user:{SECRET}@{SECRET}@localhost/app",
        f"postgresql://user:{SECRET} @localhost/app",
        f"mysql://user:{SECRET}\n@localhost/app",
        f"mysql://user:{SECRET}/@/@localhost/app",
        f"mysql://user:{SECRET}@localhost/${{HOME}}",
    ],
}
# A URL, and the backend, user and password that are to be understood.
URLS = {
    "sqlite:///app.db": "sqlite",
    "sqlite:////srv/it's.db": "sqlite",
    "sqlite+pysqlite:///app.db": "sqlite",
    "postgres://ada@localhost/app": "postgresql",
    "postgresql+psycopg://ada:pass%40word@[::1]:5432/app?sslmode=require": "postgresql",
    "postgresql+asyncpg:///app": "postgresql",
    "postgresql://ada:a:/%/'\"$HOME${x}\\#é@localhost/app": "postgresql",
    "mysql+pymysql://root@127.0.0.1:3306/app": "mysql",
    "mariadb://ada:%2F%3A%25@localhost/app?charset=utf8mb4": "mysql",
}


def cookiecutter(render: Renderer, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Return the result of running cookiecutter."""
    options = ("--no-input", "--config-file", render.config, "--output-dir", render.output)
    return subprocess.run(
        [COOKIECUTTER, *options, render.template, *arguments],
        env=commands.environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def apps(render: Renderer) -> set[str]:
    """Return the folders that cookiecutter has made."""
    return {path.name for path in render.output.iterdir() if path.is_dir()} - {"replay"}


def assert_one_line(answer: str, text: str) -> None:
    """Check that a refusal is one line: the answer's name, what was wrong, and an example."""
    assert len(text.splitlines()) == 1
    assert text.startswith(f"{answer}: ")
    assert "; for example: " in text
    assert SECRET not in text


@pytest.mark.parametrize(
    ("answer", "value"), [(answer, value) for answer in REFUSED for value in REFUSED[answer]]
)
def test_refused(answer: str, value: str, render: Renderer) -> None:
    with pytest.raises(SystemExit) as refusal:
        render(**{answer: value})
    assert_one_line(answer, str(refusal.value.code))
    assert apps(render) == set()


@pytest.mark.parametrize("answer", REFUSED)
def test_refused_on_the_command_line(answer: str, render: Renderer) -> None:
    result = cookiecutter(render, f"{answer}={REFUSED[answer][-1]}")
    assert result.returncode == 1
    assert result.stdout == ""
    assert_one_line(answer, result.stderr)
    assert apps(render) == set()


def test_refused_in_a_configuration_file(render: Renderer) -> None:
    for answer, value in {"interface": "web", "file_download": 3, "project_slug": None}.items():
        context = json.dumps({"default_context": {answer: value}})
        render.config.write_text(f"replay_dir: {render.output}/replay\n{context[1:-1]}\n")
        result = cookiecutter(render)
        assert result.returncode == 1
        assert_one_line(answer, result.stderr)
    assert apps(render) == set()


def type_answers(render: Renderer, *typed: str) -> tuple[int, str]:
    """Type answers to the questions; return the exit code and what is printed as an error."""
    controller, terminal = pty.openpty()
    options = ("--config-file", render.config, "--output-dir", render.output)
    with subprocess.Popen(
        [COOKIECUTTER, *options, render.template],
        stdin=terminal,
        stdout=terminal,
        stderr=subprocess.PIPE,
        env=commands.environment({"TERM": "dumb"}),
        text=True,
    ) as process:
        os.write(controller, "".join(f"{answer}\n" for answer in typed).encode())
        _, refusal = process.communicate(timeout=walk.WAIT)
    os.close(terminal)
    os.close(controller)
    return process.returncode, refusal


def test_refused_right_after_the_question(render: Renderer) -> None:
    code, refusal = type_answers(render, "My App", "../x")
    assert code == 1
    assert_one_line("project_slug", refusal)
    assert apps(render) == set()


def test_a_refusal_ends_with_the_command_that_keeps_the_other_answers(render: Renderer) -> None:
    name, description = 'Ada\'s "App" 🍪', "C#: all of it"
    _, refusal = type_answers(render, name, "adas", description, "oracle://x")
    assert_one_line("database_url", refusal)
    _, _, command = refusal.partition("; to keep your other answers: ")
    program, *arguments = shlex.split(command)
    subprocess.run(
        [COOKIECUTTER.with_name(Path(program).name), *arguments, "--no-input"],
        env=commands.environment(),
        check=True,
        capture_output=True,
    )
    readme = (render.output / "adas" / "README.md").read_text("utf-8")
    assert readme.startswith(f"# {name}\n\n{description}\n")


def test_no_refusal_repeats_a_password_given_before(render: Renderer) -> None:
    url = f"postgresql://app:{SECRET}@localhost/app"
    _, refusal = type_answers(render, "Mine", "mine", "", url, "web")
    assert_one_line("interface", refusal)
    assert "project_slug=mine" in refusal
    assert "database_url" not in refusal


def test_an_existing_folder_is_refused_right_after_its_name(render: Renderer) -> None:
    (render.output / "mine").mkdir()
    code, refusal = type_answers(render, "My App", "mine")
    assert code == 1
    assert_one_line("project_slug", refusal)
    assert f"{render.output}/mine exists" in refusal
    assert "--overwrite-if-exists" in refusal
    assert "; for example: mine-2" in refusal
    assert not (render.output / "replay").exists()


def test_an_existing_folder_is_left_alone(render: Renderer) -> None:
    (render.output / "my-app").mkdir()
    (render.output / "my-app" / "mine.txt").write_text("mine")
    result = cookiecutter(render)
    assert result.returncode == 1
    assert len((result.stdout + result.stderr).splitlines()) == 1
    assert "my-app" in result.stdout + result.stderr
    assert [path.name for path in (render.output / "my-app").iterdir()] == ["mine.txt"]


def test_an_existing_env_file_is_kept(render: Renderer) -> None:
    env = render() / ".env"
    before = env.read_text("utf-8")
    assert cookiecutter(render, "--overwrite-if-exists").returncode == 0
    assert env.read_text("utf-8") == before


# What is a tag, or the start of one, in the template's own files.
TAGS = (
    "#: if",
    "#:",
    "<#",
    "<<",
    "<<x>>",
    "<<cookiecutter",
    "<<cookiecutter | nothing>>",
    "#>",
    "{%",
)


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\u2028", "\n\n  "])
def test_a_tag_on_a_later_line_of_an_answer_is_text(ending: str, render: Renderer) -> None:
    description = ending.join(["First", *TAGS, *(f"{tag} text" for tag in TAGS), "last"])
    result = cookiecutter(render, f"description={description}")
    assert (result.returncode, result.stderr) == (0, "")
    folder = render.output / "my-app"
    shown = description.replace("\r\n", "\n")  # as in every file
    assert f"\n{shown}\n" in (folder / "README.md").read_text("utf-8")
    (folder / "README.md").unlink()
    replay = subprocess.run(
        [
            *(COOKIECUTTER, "--replay", "--overwrite-if-exists", "--config-file", render.config),
            *("--output-dir", render.output, render.template),
        ],
        env=commands.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (replay.returncode, replay.stderr) == (0, "")
    assert f"\n{shown}\n" in (folder / "README.md").read_text("utf-8")


@pytest.mark.parametrize("answer", REFUSED)
def test_a_tag_in_an_answer_causes_no_traceback(answer: str, render: Renderer) -> None:
    for value in ("<<cookiecutter", "\r\n".join(["sqlite:///x", *TAGS])):
        result = cookiecutter(render, f"{answer}={value}", "--overwrite-if-exists")
        if result.returncode:
            assert_one_line(answer, result.stderr)


@pytest.mark.parametrize("name", NAMES)
def test_any_name(name: str, render: Renderer) -> None:
    folder = render(project_name=name, description=name)
    config = folder / "app" / "config.py"
    source = config.read_text("utf-8")
    lines = [line for line in source.splitlines() if line.startswith("APP_")]
    namespace: dict[str, str] = {}
    exec("\n".join(lines), namespace)  # noqa: S102 - these lines are what is tested
    assert (namespace["APP_NAME"], namespace["APP_DESCRIPTION"]) == (name, name)
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["description"] == name
    readme = (folder / "README.md").read_text("utf-8")
    assert readme.startswith(f"# {name}\n\n{name}\n")
    ruff = Path(sys.executable).with_name("ruff")
    commands.run(ruff, "check", "--no-cache", config, folder=folder)
    commands.run(ruff, "format", "--check", "--diff", "--no-cache", config, folder=folder)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("My App", "my-app"),
        ("Crème brûlée", "creme-brulee"),
        ("O'Brien's", "obriens"),
        ("2048", "app-2048"),
        ("Flask", "flask-app"),
        ("Staff", "staff-app"),
        ("🍪", "my-app"),
        ("שלום", "my-app"),
        ("x" * 200, "x" * 31),
    ],
)
def test_the_slug_follows_from_the_name(name: str, slug: str, render: Renderer) -> None:
    assert render(project_name=name).name == slug


def test_a_slug_may_end_with_a_hyphen(render: Renderer) -> None:
    folder = render(project_slug="a--")
    project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
    assert (folder.name, project["name"]) == ("a--", "a")
    compose = (folder / "compose.production.yaml").read_text("utf-8")
    assert "    image: a\n" in compose


def test_the_name_of_a_dependency_is_refused_as_a_slug(template: Path) -> None:
    text = (template / "<<cookiecutter.project_slug>>" / "pyproject.toml").read_text("utf-8")
    project = tomllib.loads(text)["project"]
    requirements = project["dependencies"] + project["optional-dependencies"]["dev"]
    names = {re.split(r"[\[<>=]", requirement)[0].lower() for requirement in requirements}
    assert names <= answers.PACKAGES


@pytest.mark.parametrize("url", URLS)
def test_database_url(url: str, render: Renderer) -> None:
    folder = render(database_url=url)
    read = "from dotenv import dotenv_values; from sqlalchemy import make_url; import json;"
    read += (
        "given = json.load(open('given.json')); url = make_url(dotenv_values()['DATABASE_URL']);"
    )
    read += "assert url == make_url(given), (url, given)"
    (folder / "given.json").write_text(json.dumps(url))
    requirements = ("--with", "sqlalchemy", "--with", "python-dotenv")
    uv = Path(sys.executable).with_name("uv")
    commands.run(
        uv, "run", "--no-project", "-q", *requirements, "python", "-c", read, folder=folder
    )
    drivers = {"postgresql": "psycopg", "mysql": "PyMySQL", "sqlite": ""}
    dependencies = (folder / "pyproject.toml").read_text("utf-8")
    for backend, driver in drivers.items():
        assert not driver or (f'"{driver}' in dependencies) == (backend == URLS[url])


@pytest.mark.parametrize("answer", ["yes", "y", "true", "True", "on", "1", True])
def test_yes(answer: object, render: Renderer) -> None:
    assert (render(file_download=answer) / "app" / "downloads").exists()


@pytest.mark.parametrize("answer", ["no", "n", "false", "No", "off", "0", False])
def test_no(answer: object, render: Renderer) -> None:
    assert not (render(file_download=answer) / "app" / "downloads").exists()


def test_defaults_from_the_home_folder_are_used(render: Renderer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".cookiecutterrc").write_text(
        'default_context: {project_name: "Mine", interface: api, file_download: no}\n'
    )
    subprocess.run(
        [COOKIECUTTER, "--no-input", "--output-dir", render.output, render.template],
        env=commands.environment({"HOME": str(home)}),
        check=True,
    )
    folder = render.output / "mine"
    assert (folder / "app" / "api").exists()
    assert not (folder / "app" / "web").exists()
    assert not (folder / "app" / "downloads").exists()
