"""A browser for the tests: it keeps cookies, and sends forms with the token their page holds."""

import re
from collections.abc import Mapping
from html import unescape

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.conftest import PASSWORD

CSRF_FIELD = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')


class Browser:
    """One person's browser."""

    def __init__(self, app: Flask, user_agent: str = "Tests") -> None:
        self.client = app.test_client()
        self.headers = {"User-Agent": user_agent}

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> TestResponse:
        """Open a page."""
        # Buffered: what comes from a file is read and the file closed.
        return self.client.get(path, headers={**self.headers, **(headers or {})}, buffered=True)

    def submit(
        self,
        path: str,
        values: Mapping[str, str] | None = None,
        *,
        page: str = "/login",
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Send a form to `path`, with the token of the form on `page`."""
        data = {"csrf_token": self.csrf_token(page), **(values or {})}
        return self.client.post(path, data=data, headers={**self.headers, **(headers or {})})

    def send(self, path: str, body: object, *, page: str = "/login") -> TestResponse:
        """Send JSON to `path`, as the script of `page` does."""
        headers = {**self.headers, "X-CSRFToken": self.csrf_token(page)}
        return self.client.post(path, json=body, headers=headers)

    def csrf_token(self, page: str = "/login") -> str:
        """Return the token of a form on a page, or on the page it leads to."""
        response = self.client.get(page, follow_redirects=True)
        found = CSRF_FIELD.search(response.text)
        assert found is not None, f"no form on {page}"
        return unescape(found.group(1))

    def sign_in(self, email: str, password: str = PASSWORD, **values: str) -> TestResponse:
        """Send the sign-in form."""
        return self.submit("/login", {"email": email, "password": password, **values})

    def is_signed_in(self) -> bool:
        """Return whether the account's page opens."""
        return self.get("/account").status_code == 200

    def cookie(self, name: str) -> str | None:
        """Return the value of a cookie, by its name without prefix."""
        cookie = self.client.get_cookie(f"__Host-{name}")
        return None if cookie is None else cookie.value

    def set_cookie(self, name: str, value: str) -> None:
        """Give the browser a cookie."""
        self.client.set_cookie(f"__Host-{name}", value)

    def delete_cookie(self, name: str) -> None:
        """Take a cookie from the browser."""
        self.client.delete_cookie(f"__Host-{name}")


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A browser in which nobody is signed in."""
    return Browser(app)


@pytest.fixture
def signed_in(app: Flask, account: str) -> Browser:
    """A browser in which the owner of `account` has just signed in."""
    browser = Browser(app)
    assert browser.sign_in(account).status_code == 303
    return browser


def error_of(response: TestResponse, field: str) -> str:
    """Return the message beside a field, found the way a screen reader finds it."""
    tag = re.search(rf'<input[^>]*name="{field}"[^>]*>', response.text)
    assert tag is not None
    described = re.search(r'aria-describedby="([^"]+)"', tag[0])
    if described is None or 'aria-invalid="true"' not in tag[0]:
        return ""
    message = re.search(rf'id="{described[1].split()[0]}"[^>]*>([^<]*)<', response.text)
    assert message is not None
    return unescape(message[1])


def without_token(response: TestResponse) -> str:
    """Return a page without what differs from one response to the next."""
    return CSRF_FIELD.sub("", response.text)
