"""A client generated from the OpenAPI document can use the whole API."""

import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import commands, nodes, walk
from tests.conftest import Renderer
from tests.nodes import Node
from tests.variants import Variant

OPERATIONS = (
    "registration.register",
    "registration.confirm_address",
    "sessions.sign_in",
    "sessions.sign_out",
    "account.get_account",
    "downloads.list_files",
    "downloads.download_file",
)


@pytest.fixture
def mails() -> Iterator[tuple[walk.MailServer, int]]:
    """A mail server and its port."""
    with walk.mail_server() as server:
        yield server


@pytest.fixture
def node(render: Renderer, programs: Path, mails: tuple[walk.MailServer, int]) -> Iterator[Node]:
    """An app that is an API alone, in production."""
    folder = render(**Variant("api", True, "sqlite").answers)
    environment = nodes.settings("sqlite:///app.db", MAIL_PORT=str(mails[1]))
    nodes.prepare(folder, programs, environment)
    with nodes.running(folder, programs, environment) as started:
        yield started


@pytest.fixture
def generated(node: Node, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules of the generated client: its operations by their ids, `models`, and `client`."""
    programs = Path(sys.executable).parent
    output = commands.run(
        programs / "openapi-python-client",
        "generate",
        f"--url={node.address}/api/v1/openapi.json",
        f"--output-path={tmp_path / 'generated_client'}",
        "--meta=none",
        "--fail-on-warning",
        folder=tmp_path,
        settings={"PATH": f"{programs}:{os.environ['PATH']}"},  # it formats by ruff
    ).stdout
    assert "WARNING" not in output
    monkeypatch.syspath_prepend(tmp_path)
    modules = {name: f"api.{name}" for name in OPERATIONS} | {
        "models": "models",
        "client": "client",
    }
    found = {
        name.rpartition(".")[2]: importlib.import_module(f"generated_client.{path}")
        for name, path in modules.items()
    }
    return SimpleNamespace(**found)


def test_a_generated_client_can_use_the_whole_api(
    generated: SimpleNamespace, node: Node, mails: tuple[walk.MailServer, int]
) -> None:
    models = generated.models
    email = "grace@example.com"
    with generated.client.Client(node.address, raise_on_unexpected_status=True) as client:
        person = models.Registration(name="Grace", email=email, password=walk.PASSWORD)
        assert generated.register.sync_detailed(client=client, body=person).status_code == 202
        token = models.Token(token=mails[0].token())
        assert generated.confirm_address.sync_detailed(client=client, body=token).status_code == 204
        wrong = generated.confirm_address.sync(client=client, body=token)
        assert wrong.errors.to_dict().keys() == {"token"}
        credentials = models.Credentials(email=email, password=walk.PASSWORD)
        session = generated.sign_in.sync(client=client, body=credentials)
    assert session.account.email == email
    with generated.client.AuthenticatedClient(node.address, session.token) as client:
        files = generated.list_files.sync(client=client).files
        file = generated.download_file.sync(files[0].name, client=client)
        assert len(file.payload.read()) == files[0].size
        assert generated.sign_out.sync_detailed(client=client).status_code == 204
        assert generated.get_account.sync(client=client).status == 401
