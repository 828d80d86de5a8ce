"""schemathesis, with all its checks, against a running app: `make fuzz` lets it go on for longer."""

import os
import sys
from pathlib import Path

import pytest

from tests import commands, databases, nodes
from tests.conftest import REPOSITORY, Renderer
from tests.variants import Variant

# The number of cases for an operation and a phase.
EXAMPLES = os.environ.get("FUZZING_EXAMPLES", "10")
HOUR = 60 * 60
# No limit stops the fuzzer: behind one it would reach nothing.
UNLIMITED = {
    "LIMIT_PASSWORD_BY_IP": "1000000 per minute",
    "LIMIT_PASSWORD_FAILURES": "1000000 per minute",
    "LIMIT_NEW_PASSWORDS_BY_IP": "1000000 per minute",
    "LIMIT_MAIL_BY_ADDRESS": "1000000 per minute",
    "LIMIT_MAIL_BY_IP": "1000000 per minute",
    "MAIL_TRIES": "1",
}


@pytest.mark.timeout(HOUR)
@pytest.mark.parametrize(
    "variant", [Variant("api", True, "sqlite"), Variant("both", True, "postgresql")], ids=str
)
def test_nothing_is_found(variant: Variant, render: Renderer, programs: Path) -> None:
    folder = render(**variant.answers)
    with databases.database(variant.backend) as url:
        environment = nodes.settings(url, **UNLIMITED)
        nodes.prepare(folder, programs, environment)
        with nodes.running(folder, programs, environment) as node:
            commands.run(
                Path(sys.executable).with_name("schemathesis"),
                "run",
                f"{node.address}/api/v1/openapi.json",
                "--checks=all",
                f"--max-examples={EXAMPLES}",
                "--continue-on-failure",
                folder=folder,
                settings={
                    "FUZZING_ADDRESS": node.address,
                    "PYTHONPATH": str(REPOSITORY),
                    "SCHEMATHESIS_HOOKS": "tests.fuzzing_token",
                },
                timeout=HOUR,
            )
            assert node.api("GET", "/account", node.sign_in()).status_code == 200
            assert "Traceback" not in node.log
