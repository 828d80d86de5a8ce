"""The curl commands in the README of a rendered app work as printed."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import commands, walk
from tests.conftest import Renderer
from tests.variants import Variant

# The email is sent by a job: a person looks for it a moment later.
WAIT = (
    "until curl -s http://localhost:5000/dev/mailbox | grep -qE '[A-Za-z0-9_-]{43}'; do :; done\n"
)


@contextmanager
def development(folder: Path, programs: Path, port: int) -> Iterator[None]:
    """Yield the development server."""
    settings = {"BASE_URL": f"http://localhost:{port}"}
    commands.run(programs / "flask", "db", "upgrade", folder=folder, settings=settings)
    with (folder / "development.log").open("wb") as log:
        server = subprocess.Popen(
            [programs / "flask", "run", "--no-reload", "--port", str(port)],
            cwd=folder,
            env=commands.environment(settings),
            stdout=log,
            stderr=log,
        )
    try:
        walk.wait_until_healthy(f"http://localhost:{port}", process=server)
        yield
    finally:
        server.terminate()
        server.wait(timeout=walk.WAIT)


@pytest.mark.parametrize(
    "variant", [Variant("both", True, "sqlite"), Variant("api", False, "sqlite")], ids=str
)
def test_the_curl_commands_of_the_readme_work(
    variant: Variant, render: Renderer, programs: Path
) -> None:
    folder = render(**variant.answers)
    readme = (folder / "README.md").read_text("utf-8")
    lines = readme.partition("## The API with curl")[2].partition("```sh\n")[2].partition("```")[0]
    port = walk.free_port()
    script = lines.replace("MAILED=", WAIT + "MAILED=").replace(
        "localhost:5000", f"localhost:{port}"
    )
    with development(folder, programs, port):
        output = commands.run("bash", "-c", script, folder=folder).stdout
    files = ["200"] if variant.downloads else []
    expected = ["202", "204", "200", "200", *files, "200", "204"]
    assert re.findall(r"^HTTP/\S+ (\d+)", output, re.MULTILINE) == expected
    assert '"name":"Ada Lovelace"' in output
    assert (folder / "welcome.txt").exists() == variant.downloads
