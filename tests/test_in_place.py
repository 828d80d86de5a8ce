"""The template's folder, unrendered, is the app with everything on."""

from pathlib import Path

import pytest

from tests import commands
from tests.conftest import SOURCE


@pytest.mark.parametrize(
    "command",
    [
        "ruff check --no-cache",
        "ruff format --check --diff --no-cache",
        "mypy --cache-dir {cache}",
        "mypy --cache-dir {cache} --python-version 3.14",  # the newest, whose types differ
        "djlint app --lint --quiet",
        "pytest -q -p no:cacheprovider",
    ],
)
def test_the_template_works_in_place(
    command: str, programs: Path, mypy_cache: Path, tmp_path: Path
) -> None:
    program, *arguments = command.format(cache=mypy_cache).split()
    settings = {"PYTHONPYCACHEPREFIX": str(tmp_path)}  # nothing is left in the folder
    commands.run(programs / program, *arguments, folder=SOURCE, settings=settings)
