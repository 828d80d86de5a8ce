"""Render apps with cookiecutter, and install each variant once."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cookiecutter.main import cookiecutter
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests import commands, databases
from tests.environments import Environments, requirements
from tests.servers import MariaDB
from tests.variants import VARIANTS, Variant

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "<<cookiecutter.project_slug>>"


# What takes minutes, the longest first, so that no process does it alone at the end.
LONG = (
    "tests/test_owner.py::test_an_owner_changes",  # the whole suite of an app, and more
    "tests/browser/",
    "tests/test_variants.py",
    "tests/test_in_place.py",
    "tests/test_fuzzing.py",
    "tests/test_owner.py",
    "tests/test_api_client.py",
    "tests/test_benchmarks.py",
    "tests/test_jobs.py",
    "tests/test_database_faults.py",
    "tests/test_bodies.py",
    "tests/deployment/",
    "tests/test_servers.py",
    "tests/test_faults.py",
)
# Tests that share an app, beside those of a variant.
SHARING = (
    "browser",
    "deployment",
    "test_in_place",
    "test_bodies",
    "test_faults",
    "test_servers",
)


class ByVariant(LoadScopeScheduling):
    """Gives tests that share an app to one process, which starts it once, and others one by one."""

    def _split_scope(self, nodeid: str) -> str:
        group = nodeid.partition("[")[2].rstrip("]")
        if group in set(map(str, VARIANTS)):
            return group
        shared = re.match(rf"tests/({'|'.join(SHARING)})\b", nodeid)
        return shared[1] if shared else nodeid


def pytest_configure(config: pytest.Config) -> None:
    """Run the tests in a random order, but always the same one, unless --randomly-seed is given."""
    if getattr(config.option, "randomly_seed", None) == "default":
        config.option.randomly_seed = 1
    config.option.loadscopereorder = False  # not by the number of tests


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run long tests first, and keep the random order of the others."""
    items.sort(key=lambda item: [not item.nodeid.startswith(beginning) for beginning in LONG])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByVariant:
    """Return the scheduler that xdist asks for."""
    return ByVariant(config, log)


@dataclass(frozen=True)
class Renderer:
    """Renders a template with settings of its own, instead of this machine's."""

    template: Path
    config: Path
    output: Path

    def __call__(self, **answers: Any) -> Path:
        """Return the folder of a new app. Refuse answers that the template doesn't ask for."""
        questions = json.loads((self.template / "cookiecutter.json").read_text("utf-8"))
        unknown = answers.keys() - {name for name in questions if not name.startswith("_")}
        assert not unknown, f"the template asks no such question: {unknown}"
        folder = cookiecutter(
            str(self.template),
            no_input=True,
            extra_context=answers,
            config_file=str(self.config),
            output_dir=str(self.output),
        )
        return Path(folder)


@dataclass(frozen=True)
class Installed:
    """A rendered variant, its environment and an empty database."""

    variant: Variant
    folder: Path
    programs: Path
    database_url: str

    def run(self, program: str, *arguments: str | Path, **settings: str) -> str:
        """Return what a program of its environment prints; it has to succeed."""
        settings = {"DATABASE_URL": self.database_url, **settings}
        command = (self.programs / program, *arguments)
        return commands.run(*command, folder=self.folder, settings=settings).stdout


def copy_template(target: Path) -> Path:
    """Return the template without what git ignores: working on it in place leaves things behind."""
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = subprocess.run(listing, cwd=REPOSITORY, capture_output=True, check=True).stdout
    for name in names.decode().split("\0"):
        source = REPOSITORY / name
        if name and source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    return target


def make_renderer(template: Path, folder: Path) -> Renderer:
    """Return a renderer whose settings, replay file and apps are all under `folder`."""
    config = folder / "config.yaml"
    config.write_text(f"replay_dir: {folder}/replay\ncookiecutters_dir: {folder}/templates\n")
    return Renderer(template, config, folder)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean copy of the template."""
    return copy_template(tmp_path_factory.mktemp("template") / "repository")


@pytest.fixture
def render(template: Path, tmp_path: Path) -> Renderer:
    """Render into a folder of this test."""
    return make_renderer(template, tmp_path)


@pytest.fixture(scope="session", params=VARIANTS, ids=str)
def variant(request: pytest.FixtureRequest) -> Variant:
    """Each variant."""
    chosen: Variant = request.param
    return chosen


@pytest.fixture(scope="session")
def rendered(
    variant: Variant, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """The folder of a variant, fresh from the template."""
    render = make_renderer(template, tmp_path_factory.mktemp("rendered"))
    yield render(**variant.answers)
    shutil.rmtree(render.output)


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Environments:
    """Environments that all processes of this run share."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:  # then that folder is inside the one of the whole run
        folder = folder.parent
    return Environments(folder / "environments")


@pytest.fixture(scope="session")
def installed(variant: Variant, rendered: Path, environments: Environments) -> Iterator[Installed]:
    """A variant, an environment from its own lock file, and a database."""
    with databases.database(variant.backend) as url:
        programs = environments(*requirements(rendered), "pytest-randomly>=4")
        yield Installed(variant, rendered, programs, url)


@pytest.fixture(scope="session")
def mariadb_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a MariaDB for suites: one of the tests' own, whose commits don't wait for the disk.

    Where MARIADB_URL names a server, or MariaDB is not installed here, the server that all use.
    """
    if databases.is_named("mysql") or not all(map(shutil.which, MariaDB.PROGRAMS)):
        yield databases.server_url("mysql")
        return
    server = MariaDB(tmp_path_factory.mktemp("mariadb"), "--innodb-flush-log-at-trx-commit=0")
    yield server.administrator_url
    server.stop()


@pytest.fixture(scope="session")
def mypy_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache for mypy that all variants share, since it depends on the content of files."""
    return tmp_path_factory.mktemp("mypy")


@pytest.fixture(scope="session")
def hypothesis_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Hypothesis knows of Unicode, which takes it a second to find out."""
    return tmp_path_factory.mktemp("hypothesis")


@pytest.fixture(scope="session")
def programs(environments: Environments) -> Path:
    """An environment with the dependencies of all variants."""
    return environments.of(SOURCE)
