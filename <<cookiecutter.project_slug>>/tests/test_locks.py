"""The lock files hold what pyproject.toml asks for."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).parents[1]


@pytest.mark.parametrize(
    ("name", "extras"), [("requirements.txt", []), ("requirements-dev.txt", ["dev"])]
)
def test_a_lock_has_what_pyproject_asks_for(name: str, extras: list[str]) -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [*project["dependencies"]]
    for extra in extras:
        asked += project["optional-dependencies"][extra]
    pins = re.findall(r"^([\w-]+)==([\w.]+)", (PROJECT / name).read_text("utf-8"), re.MULTILINE)
    for requirement in map(Requirement, asked):
        versions = [
            version for each, version in pins if each == canonicalize_name(requirement.name)
        ]
        assert versions, f"{name} lacks {requirement}. Run `make lock`"
        unfit = [each for each in versions if not requirement.specifier.contains(each)]
        assert not unfit, f"{name} has {unfit}, not {requirement}. Run `make lock`"
