"""An app that is mounted under a path of a site that it shares with others."""

import re

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Inbox, MakeApp, add_account

LINK = re.compile(r'(?:href|src|action|formaction)="(/[^"]*)"')
MOUNT = "/shop"


@pytest.fixture
def mounted(make_app: MakeApp) -> Flask:
    """An app whose BASE_URL has a path."""
    return make_app(BASE_URL=f"https://localhost{MOUNT}")


# A proxy may pass the path on as it came, or take off the part that leads to this app.
@pytest.mark.parametrize("prefix", [MOUNT, ""])
@pytest.mark.parametrize("path", ["/healthz", "/static/style.css"])
def test_it_is_found_with_and_without_its_path(mounted: Flask, prefix: str, path: str) -> None:
    assert mounted.test_client().get(prefix + path, buffered=True).status_code == 200
    assert mounted.test_client().get(f"/shopping{path}").status_code == 404


def test_a_server_may_mount_it_itself(make_app: MakeApp) -> None:
    for base_url in ("https://localhost", f"https://localhost{MOUNT}"):
        environ = {"SCRIPT_NAME": MOUNT, "PATH_INFO": "/healthz"}
        client = make_app(BASE_URL=base_url).test_client()
        assert client.get("/", environ_overrides=environ).status_code == 200


#: if cookiecutter.interface != "api"
@pytest.mark.parametrize("path", ["/", "/login", "/register", "/reset-password", "/no-such-page"])
@pytest.mark.parametrize("prefix", [MOUNT, ""])
def test_every_link_of_a_page_leads_into_it(mounted: Flask, prefix: str, path: str) -> None:
    links = LINK.findall(mounted.test_client().get(prefix + path).text)
    assert links
    assert [link for link in links if not link.startswith(f"{MOUNT}/")] == []


def test_signing_in_works_under_the_path(mounted: Flask) -> None:
    from tests.web.conftest import Browser

    email = add_account(mounted)
    browser = Browser(mounted)
    response = browser.get(f"{MOUNT}/account/profile?x=1")
    assert response.headers["Location"].startswith(f"{MOUNT}/login?next={MOUNT}/account/profile")
    values = {"email": email, "password": PASSWORD, "next": f"{MOUNT}/account/profile"}
    response = browser.submit(f"{MOUNT}/login", values, page=f"{MOUNT}/login")
    assert response.headers["Location"] == f"{MOUNT}/account/profile"
    assert all("Path=/;" in cookie + ";" for cookie in response.headers.getlist("Set-Cookie"))
    assert browser.get(f"{MOUNT}/account").status_code == 200


def test_links_in_emails_lead_into_it(mounted: Flask) -> None:
    from tests.web.conftest import Browser

    email = add_account(mounted)
    inbox = Inbox(mounted)
    Browser(mounted).submit(
        f"{MOUNT}/reset-password", {"email": email}, page=f"{MOUNT}/reset-password"
    )
    assert f"https://localhost{MOUNT}/reset-password/" in inbox.to(email)[0].body


#: endif
#: if cookiecutter.interface != "html"
@pytest.mark.parametrize("prefix", [MOUNT, ""])
def test_the_document_says_where_the_api_is(mounted: Flask, prefix: str) -> None:
    answer = mounted.test_client().get(f"{prefix}/api/v1/openapi.json")
    assert answer.json is not None
    assert answer.json["servers"] == [{"url": MOUNT}]
    assert f"https://localhost{MOUNT}/api/v1" in mounted.test_client().get("/api/docs").text


#: endif
#: if cookiecutter.interface == "both"
@pytest.mark.parametrize("prefix", [MOUNT, ""])
def test_cookies_stay_out_of_the_api_under_the_path(mounted: Flask, prefix: str) -> None:
    from tests.web.conftest import Browser

    email = add_account(mounted)
    browser = Browser(mounted)
    browser.submit(f"{MOUNT}/login", {"email": email, "password": PASSWORD}, page=f"{MOUNT}/login")
    assert browser.get(f"{MOUNT}/account").status_code == 200
    assert browser.get(f"{prefix}/api/v1/account").status_code == 401


#: endif
