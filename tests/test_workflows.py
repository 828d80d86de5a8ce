"""The workflows of the template and its apps pin everything that they run."""

import re
import sys
from pathlib import Path

from tests import commands
from tests.conftest import REPOSITORY, SOURCE

FOLDERS = (REPOSITORY / ".github", SOURCE / ".github")


def actions() -> dict[str, set[str]]:
    """Return the commits, with their comments, that each action is used at."""
    found: dict[str, set[str]] = {}
    for folder in FOLDERS:
        for path in (folder / "workflows").iterdir():
            for used in re.findall(r"^.*\buses: (.+)$", path.read_text("utf-8"), re.MULTILINE):
                if not used.startswith("$/"):
                    action, _, commit = used.partition("@")
                    found.setdefault(action, set()).add(commit)
    return found


def test_actions_are_pinned_to_the_same_commit_everywhere() -> None:
    for action, commits in actions().items():
        assert len(commits) == 1, f"{action} is used at different commits: {commits}"
        assert re.fullmatch(r"[0-9a-f]{40} # v\d+\.\d+\.\d+", commits.pop()), action


def test_zizmor_finds_nothing() -> None:
    zizmor = Path(sys.executable).with_name("zizmor")
    options = ("--offline", "--strict-collection", "--quiet", "--no-progress")
    commands.run(zizmor, *options, *FOLDERS, folder=REPOSITORY)
