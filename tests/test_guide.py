"""Every step of the rendered app's guide works, and the app passes its checks afterwards."""

from pathlib import Path

import pytest

from tests import commands, guide
from tests.conftest import Renderer
from tests.variants import Variant

PASSWORD = "plenty of unrelated words\n"
# The tests that look at what the guide changes.
TESTS = "tests/notes tests/test_docs.py tests/test_settings.py tests/mail tests/accounts/cli"


@pytest.mark.parametrize("interface", ["both", "html", "api"])
def test_every_step_works_and_leaves_the_app_sound(
    interface: str, render: Renderer, programs: Path, mypy_cache: Path
) -> None:
    folder = render(**Variant(interface, False, "sqlite").answers)
    path = {"PATH": f"{programs}:/usr/bin:/bin"}

    def run(command: str) -> str:
        # A password is asked for twice at the terminal; here it comes from standard input.
        command = command.replace("accounts create", "accounts create --password-stdin")
        line = f"printf '{PASSWORD}' | {command}"
        return commands.run("bash", "-ec", line, folder=folder, settings=path).stdout

    run("flask db upgrade")
    for step in guide.steps(folder):
        if step.commands:
            for command in step.commands:
                run(command)
        else:
            step.edit(folder)
    assert "account.made_admin" in run("flask accounts make-admin ada@example.com")
    run("ruff check --no-cache")
    run("ruff format --check --diff --no-cache")
    run(f"mypy --cache-dir {mypy_cache}")
    parity = "tests/test_parity.py" if interface == "both" else ""
    run(f"pytest -q -p no:cacheprovider {TESTS} {parity}")
    run("flask db check")
