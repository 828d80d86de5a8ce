"""The app with everything on, served, and the browser that looks at it."""

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser

from tests.browser import chromium, served
from tests.browser.chromium import DESKTOP, Visitor
from tests.browser.served import Served
from tests.conftest import make_renderer
from tests.environments import Environments
from tests.variants import EVERYTHING

Visit = Callable[..., Visitor]


def missing(what: str) -> None:
    """Skip what cannot run on this machine; under CI nothing may be missing."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is not installed", pytrace=False)
    pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="package")
def app(
    template: Path, environments: Environments, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """The folder of a new app with everything on, and the programs it runs with."""
    folder = make_renderer(template, tmp_path_factory.mktemp("browser"))(**EVERYTHING.answers)
    return folder, environments.of(folder, dev=False)


@pytest.fixture(scope="package")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the certificates that the app is served with."""
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="package")
def site(app: tuple[Path, Path], certificates: Path) -> Iterator[Served]:
    """The app in production."""
    with served.production(*app, certificates) as site:
        yield site


@pytest.fixture(scope="package")
def workshop(app: tuple[Path, Path]) -> Iterator[Served]:
    """The app in debug mode."""
    with served.debug(*app) as workshop:
        yield workshop


@pytest.fixture(scope="package")
def browser(site: Served, certificates: Path) -> Iterator[Browser]:
    """Chromium. It trusts the certificate of the app, so that nothing is as if it were forged."""
    if chromium.executable() is None:
        missing("Chromium")
    certificate = x509.load_pem_x509_certificate((certificates / "server.pem").read_bytes())
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with chromium.launch(base64.b64encode(hashlib.sha256(key).digest()).decode()) as browser:
        yield browser


@pytest.fixture
def visit(browser: Browser, site: Served) -> Iterator[Visit]:
    """Makes visitors of the app in production. What their pages complain of fails the test."""
    visitors: list[Visitor] = []

    def come(**options: Any) -> Visitor:
        context = browser.new_context(base_url=site.address, **{"viewport": DESKTOP, **options})
        visitors.append(Visitor(context, site.address))
        return visitors[-1]

    yield come
    problems = [problem for visitor in visitors for problem in visitor.problems]
    for visitor in visitors:
        visitor.context.close()
    assert problems == []
