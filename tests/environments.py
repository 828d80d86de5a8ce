"""Virtual environments: one for each set of requirements, shared by all test processes."""

import fcntl
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from tests import commands
from tools import lock

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
        with (folder / "lock").open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if not installed.exists():
                asked = folder / "requirements.txt"
                asked.write_text(text, "utf-8")
                commands.make_environment(folder, f"--resolution={RESOLUTION}", "-r", asked)
                installed.touch()
        return folder / ".venv" / "bin"

    def of(self, project: Path, *, dev: bool = True) -> Path:
        """Return the `bin` of an environment with what a project needs."""
        return self(*requirements(project, dev=dev))


def requirements(project: Path, *, dev: bool = True) -> list[str]:
    """Return the packages in a project's lock file, with those for development.

    For `make lowest`, what its pyproject.toml asks for.
    """
    if RESOLUTION == "highest":
        return lock.entries((project / (lock.DEV if dev else lock.RUN)).read_text("utf-8"))
    run, extra = lock.requirements((project / "pyproject.toml").read_text("utf-8"))
    return [*run, *extra] if dev else run
