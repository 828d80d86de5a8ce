"""Run programs without the settings of the person who runs the tests."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "CI", "SSL_CERT_FILE")
KEPT_BEGINNINGS = ("UV_", "PIP_", "http", "HTTP", "no_proxy", "NO_PROXY")


def environment(settings: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what a program needs of this process's environment, and `settings`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name in KEPT or name.startswith(KEPT_BEGINNINGS)
    }
    return kept | dict(settings or {})


def run(
    *command: str | Path,
    folder: Path,
    settings: Mapping[str, str] | None = None,
    timeout: int = 1700,
) -> subprocess.CompletedProcess[str]:
    """Run a program that has to succeed; otherwise the test fails with its output."""
    result = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        check=False,
    )
    if result.returncode:
        pytest.fail(f"{' '.join(map(str, command))}\n{result.stdout[-12_000:]}", pytrace=False)
    return result


def make_environment(folder: Path, *requirements: str | Path) -> Path:
    """Create a virtual environment in `folder` with the requirements and return its `bin`."""
    python = folder / ".venv"
    options = ("--quiet", "--clear", "--python", sys.executable)
    uv("venv", *options, python, folder=folder)
    uv("pip", "install", "--python", python, *requirements, folder=folder)
    return python / "bin"


def uv(*arguments: str | Path, folder: Path) -> str:
    """Run uv and return what it prints; the test fails with that if uv does."""
    return run(Path(sys.executable).with_name("uv"), *arguments, folder=folder).stdout
