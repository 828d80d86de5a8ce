"""Random requests. `make test` always sends the same ones; `make fuzz` sends new ones, and more."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests import commands, databases, nodes
from tests.conftest import REPOSITORY, SOURCE, Renderer
from tests.variants import Variant

# The number of cases for an operation and a phase, and what they are drawn from. `make test` always
# uses these; `make fuzz` sets others.
EXAMPLES = os.environ.get("FUZZING_EXAMPLES", "10")
NEW_SEED = os.environ.get("FUZZING_SEED")
HOUR = 60 * 60
# No limit stops the fuzzer: behind one it would reach nothing.
UNLIMITED = {
    "LIMIT_PASSWORD_BY_IP": "1000000 per minute",
    "LIMIT_PASSWORD_FAILURES": "1000000 per minute",
    "LIMIT_PASSKEYS_BY_IP": "1000000 per minute",
    "LIMIT_NEW_PASSWORDS_BY_IP": "1000000 per minute",
    "LIMIT_MAIL_BY_ADDRESS": "1000000 per minute",
    "LIMIT_MAIL_BY_IP": "1000000 per minute",
}


@pytest.mark.timeout(HOUR)
@pytest.mark.parametrize(
    "variant", [Variant("api", True, "sqlite"), Variant("both", True, "postgresql")], ids=str
)
def test_schemathesis_finds_nothing(variant: Variant, render: Renderer, programs: Path) -> None:
    folder = render(**variant.answers)
    with databases.database(variant.backend) as url:
        # A name: if the host is an IP address, there are no passkeys.
        environment = nodes.settings(url, BASE_URL="https://localhost", **UNLIMITED)
        nodes.prepare(folder, programs, environment)
        with nodes.running(folder, programs, environment) as started:
            address = started.address.replace("127.0.0.1", "localhost")
            node = replace(started, address=address)
            commands.run(
                Path(sys.executable).with_name("schemathesis"),
                "run",
                f"{node.address}/api/v1/openapi.json",
                "--checks=all",
                f"--max-examples={EXAMPLES}",
                f"--seed={NEW_SEED or 1}",
                "--generation-database=none",
                "--continue-on-failure",
                # Only guards against hanging: a busy machine is slow.
                "--request-timeout=120",
                "--suppress-health-check=all",
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


@pytest.mark.skipif(NEW_SEED is None, reason="`make fuzz` runs it; the suite has fixed examples")
@pytest.mark.timeout(HOUR)
def test_hypothesis_finds_nothing(programs: Path, tmp_path: Path) -> None:
    commands.run(
        programs / "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-m",
        "hypothesis",
        "--hypothesis-profile=fuzz",
        f"--hypothesis-seed={NEW_SEED}",
        folder=SOURCE,
        settings={"FUZZING_EXAMPLES": EXAMPLES, "PYTHONPYCACHEPREFIX": str(tmp_path)},
        timeout=HOUR,
    )
