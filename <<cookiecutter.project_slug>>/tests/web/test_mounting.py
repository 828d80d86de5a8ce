"""Pages of an app that is mounted under a path."""

import re

import pytest
from flask import Flask

from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.web.conftest import Browser

MOUNT = "/shop"
LINK = re.compile(r'(?:href|src|[a-z-]*action|data-options|data-next)="(/[^"]*)"')


@pytest.fixture
def mounted(make_app: MakeApp) -> Flask:
    """An app whose BASE_URL has a path."""
    return make_app(BASE_URL=f"https://localhost{MOUNT}")


@pytest.mark.parametrize("path", ["/", "/login", "/register", "/reset-password", "/no-such-page"])
@pytest.mark.parametrize("prefix", [MOUNT, ""])
def test_every_link_of_a_page_stays_below_the_path(mounted: Flask, prefix: str, path: str) -> None:
    links = LINK.findall(mounted.test_client().get(prefix + path).text)
    assert links
    assert [link for link in links if not link.startswith(f"{MOUNT}/")] == []


def test_signing_in_works_under_the_path(mounted: Flask) -> None:
    email = add_account(mounted)
    browser = Browser(mounted)
    response = browser.get(f"{MOUNT}/account/profile?x=1")
    assert response.headers["Location"].startswith(f"{MOUNT}/login?next={MOUNT}/account/profile")
    values = {"email": email, "password": PASSWORD, "next": f"{MOUNT}/account/profile"}
    response = browser.submit(f"{MOUNT}/login", values, page=f"{MOUNT}/login")
    assert response.headers["Location"] == f"{MOUNT}/account/profile"
    assert all("Path=/;" in cookie + ";" for cookie in response.headers.getlist("Set-Cookie"))
    assert browser.get(f"{MOUNT}/account").status_code == 200


def test_passkeys_work_under_the_path(mounted: Flask) -> None:
    email = add_account(mounted)
    browser = Browser(mounted)
    values = {"email": email, "password": PASSWORD}
    browser.submit(f"{MOUNT}/login", values, page=f"{MOUNT}/login")
    links = LINK.findall(browser.get(f"{MOUNT}/account/passkeys").text)
    assert f"{MOUNT}/account/passkeys/options" in links
    assert [link for link in links if not link.startswith(f"{MOUNT}/")] == []
    page = f"https://localhost{MOUNT}/account/passkeys"
    answer = browser.get("/.well-known/passkey-endpoints")
    assert answer.json == {"enroll": page, "manage": page}


def test_links_in_emails_include_the_path(mounted: Flask) -> None:
    email = add_account(mounted)
    inbox = Inbox(mounted)
    Browser(mounted).submit(
        f"{MOUNT}/reset-password", {"email": email}, page=f"{MOUNT}/reset-password"
    )
    assert f"https://localhost{MOUNT}/reset-password/" in inbox.to(email)[0].body
