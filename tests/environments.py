"""Virtual environments: one for each set of requirements, shared by all test processes."""

import fcntl
import hashlib
import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from tests import commands

# `make lowest` sets lowest-direct: the oldest versions that a pyproject.toml allows.
RESOLUTION = os.environ.get("RESOLUTION", "highest")


@dataclass(frozen=True)
class Environments:
    """Creates environments in a folder that all test processes use."""

    folder: Path

    def __call__(self, *requirements: str) -> Path:
        """Return the `bin` of an environment with these requirements and nothing else.

        The first caller installs it; others wait for that.
        """
        text = "\n".join(sorted(requirements))
        folder = self.folder / hashlib.sha256(text.encode()).hexdigest()[:12]
        folder.mkdir(parents=True, exist_ok=True)
        installed = folder / "installed.txt"
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not installed.exists():
                options = (f"--resolution={RESOLUTION}",)
                commands.make_environment(folder, *options, *requirements)
                installed.write_text(text, "utf-8")
        return folder / ".venv" / "bin"

    def of(self, project: Path, *, dev: bool = True) -> Path:
        """Return the `bin` of an environment with what a project's pyproject.toml asks for."""
        return self(*requirements(project, dev=dev))


def requirements(project: Path, *, dev: bool = True) -> list[str]:
    """Return the dependencies in a project's pyproject.toml, with those for development."""
    table = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    extra: list[str] = table["optional-dependencies"]["dev"] if dev else []
    return [*table["dependencies"], *extra]
