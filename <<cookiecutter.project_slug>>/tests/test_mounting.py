"""An app that is mounted under a path of a site that it shares with others."""

import pytest
from flask import Flask

from tests.conftest import MakeApp

MOUNT = "/shop"


@pytest.fixture
def mounted(make_app: MakeApp) -> Flask:
    """An app whose BASE_URL has a path."""
    return make_app(BASE_URL=f"https://localhost{MOUNT}")


# A proxy may pass the path on as it came, or take off the part that leads to this app.
@pytest.mark.parametrize("prefix", [MOUNT, ""])
@pytest.mark.parametrize("path", ["/healthz", "/static/style.css"])
def test_a_mounted_app_responds_with_and_without_its_path(
    mounted: Flask, prefix: str, path: str
) -> None:
    assert mounted.test_client().get(prefix + path, buffered=True).status_code == 200
    assert mounted.test_client().get(f"/shopping{path}").status_code == 404


def test_a_server_may_mount_it_itself(make_app: MakeApp) -> None:
    for base_url in ("https://localhost", f"https://localhost{MOUNT}"):
        environ = {"SCRIPT_NAME": MOUNT, "PATH_INFO": "/healthz"}
        client = make_app(BASE_URL=base_url).test_client()
        assert client.get("/", environ_overrides=environ).status_code == 200


@pytest.mark.parametrize("path", ["/shophealthz", "/shop-2/healthz", "/shop.healthz"])
def test_a_path_that_only_begins_like_that_of_the_app_is_not_found(
    mounted: Flask, path: str
) -> None:
    assert mounted.test_client().get(path).status_code == 404
