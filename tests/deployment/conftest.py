"""The app with everything on and with files, and nginx in front of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests import nodes
from tests.conftest import make_renderer
from tests.deployment import deployed
from tests.deployment.deployed import Site
from tests.variants import Variant

CONTENT = b"0123456789"
NAMES = ["digits.txt", "a b.txt", "100%.txt", "50%25.txt", "été/日本 👩‍💻.txt", "a?b#c&d;e+f.txt"]
BIG = 32 * 1024 * 1024


@pytest.fixture(scope="session")
def folder(template: Path, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The app over SQLite, with Ada's account, with files and with what is no download."""
    render = make_renderer(template, tmp_path_factory.mktemp("deployment"))
    rendered = render(**Variant("both", True, "sqlite").answers)
    nodes.prepare(rendered, programs, nodes.settings("sqlite:///app.db"))
    files = rendered / "files"
    for name in NAMES:
        (files / name).parent.mkdir(exist_ok=True)
        (files / name).write_bytes(CONTENT)
    (files / "big").write_bytes(bytes(BIG))
    (files / ".hidden").write_text("secret")
    (rendered / "outside.txt").write_text("secret")
    (files / "out.txt").symlink_to(rendered / "outside.txt")
    (files / "in.txt").symlink_to(files / "digits.txt")
    return rendered


@pytest.fixture(scope="session")
def site(folder: Path, programs: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The app with nginx sending its files."""
    place = tmp_path_factory.mktemp("nginx")
    with deployed.site(folder, programs, place, DOWNLOAD_ACCEL="nginx") as started:
        yield started


@pytest.fixture(scope="session")
def ada(site: Site) -> requests.Session:
    """A browser that is signed in."""
    return site.browser()
