"""The default limits on passwords, with two worker processes and after a restart."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests import databases, nodes
from tests.conftest import Renderer
from tests.nodes import ADA, Node
from tests.variants import Variant

# All requests come from one address, whose own limit is not what is looked at here.
SETTINGS = {"LIMIT_PASSWORD_BY_IP": "1000 per minute", "WEB_CONCURRENCY": "2"}
WRONG = {**ADA, "password": "wrong"}


def statuses(node: Node, body: dict[str, str], times: int) -> Counter[int]:
    """Return how often each status came, of sign-ins that are sent eight at a time."""
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: node.api("POST", "/sessions", **body), range(times))
        return Counter(answer.status_code for answer in answers)


@pytest.mark.parametrize("backend", ["sqlite", "postgresql", "mysql"])
def test_ten_guesses_are_judged_by_all_workers_together_and_a_restart_forgets_none(
    backend: str, render: Renderer, programs: Path
) -> None:
    folder = render(**Variant("both", False, backend).answers)
    with databases.database(backend) as url:
        environment = nodes.settings(url, **SETTINGS)
        nodes.prepare(folder, programs, environment)
        with nodes.running(folder, programs, environment) as node:
            # One may serve before the other is started.
            nodes.until(lambda: len(node.workers()) == 2)
            assert statuses(node, ADA, 12) == {201: 12}
            assert statuses(node, WRONG, 50) == {401: 10, 429: 40}
            assert statuses(node, ADA, 4) == {429: 4}
            assert "Traceback" not in node.log
        with nodes.running(folder, programs, environment) as node:
            assert statuses(node, ADA, 4) == {429: 4}
