"""What an app's Makefile prints when something fails, and what `make lock` changes."""

import re
import subprocess
from pathlib import Path

import pytest

from tests import commands
from tests.conftest import Renderer
from tests.test_closing_message import tools

LOCKS = ("requirements.txt", "requirements-dev.txt")
# Nothing answers at this address, and nothing is known from before.
OFFLINE = {
    "PIP_CONFIG_FILE": "/dev/null",
    "PIP_FIND_LINKS": "",
    "PIP_INDEX_URL": "http://127.0.0.1:9/",
    "PIP_NO_CACHE_DIR": "1",
    "PIP_RETRIES": "1",
    "UV_DEFAULT_INDEX": "http://127.0.0.1:9/",
    "UV_HTTP_RETRIES": "0",
    "UV_NO_CACHE": "1",
}


def make(target: str, folder: Path, **settings: str) -> list[str]:
    """Run make, which has to fail, and return the lines it prints."""
    result = subprocess.run(
        ["make", target],
        cwd=folder,
        env=commands.environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert result.returncode
    return result.stdout.splitlines()


@pytest.mark.parametrize("programs", [["uv"], []])
@pytest.mark.parametrize(
    ("target", "lock"), [("run", "requirements.txt"), ("check", "requirements-dev.txt")]
)
def test_without_network(
    programs: list[str], target: str, lock: str, render: Renderer, tmp_path: Path
) -> None:
    folder = render()
    path = tools(tmp_path / "tools", *programs)
    said, why, error = make(target, folder, PATH=path, **OFFLINE)
    assert said == f"Installing {lock} into .venv"
    assert why.startswith("No packages can be fetched: the network is down")
    assert error.startswith("make: ")


@pytest.mark.parametrize("programs", [["uv"], []])
def test_a_file_with_another_hash_is_not_installed(
    programs: list[str], render: Renderer, tmp_path: Path
) -> None:
    folder = render()
    lock = "blinker==1.9.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"
    (folder / "requirements.txt").write_text(lock, "utf-8")
    said = make("run", folder, PATH=tools(tmp_path / "tools", *programs))
    assert "The packages couldn't be installed." in said
    assert any("hash" in line.lower() for line in said)


def test_lock_changes_only_what_pyproject_changes(render: Renderer, tmp_path: Path) -> None:
    folder = render()
    before = [(folder / name).read_text("utf-8") for name in LOCKS]
    path = tools(tmp_path / "tools", "uv")
    assert commands.run("make", "lock", folder=folder, settings={"PATH": path}).stdout == ""
    assert [(folder / name).read_text("utf-8") for name in LOCKS] == before

    pyproject = folder / "pyproject.toml"
    text = pyproject.read_text("utf-8")
    pyproject.write_text(text.replace('    "gunicorn', '    "iso8601>=2",\n    "gunicorn'), "utf-8")
    commands.run("make", "lock", folder=folder, settings={"PATH": path})
    for name, old in zip(LOCKS, before, strict=True):
        added = set((folder / name).read_text("utf-8").splitlines()) ^ set(old.splitlines())
        assert [line for line in added if not line.startswith("    --hash")] == [
            "iso8601==2.1.0 \\"
        ]


def test_lock_without_uv(render: Renderer, tmp_path: Path) -> None:
    said, _ = make("lock", render(), PATH=tools(tmp_path / "tools"))
    assert said == "make lock needs uv: https://docs.astral.sh/uv"


def test_commands_without_make_in_the_readme_match_the_makefile(render: Renderer) -> None:
    folder = render()
    makefile = (folder / "Makefile").read_text("utf-8")
    rows = re.findall(
        r"^\| `make (\w+)` \| (.*?) \|", (folder / "README.md").read_text("utf-8"), re.MULTILINE
    )
    targets = set(re.findall(r"^(\w+):.*##", makefile, re.MULTILINE)) - {"help"}
    assert {target for target, _ in rows} == targets
    for _, commands_without in rows:
        for command in re.findall(r"`uv run ([\w ]+)", commands_without):
            assert f"$(VENV)/bin/{command.strip()}" in makefile
