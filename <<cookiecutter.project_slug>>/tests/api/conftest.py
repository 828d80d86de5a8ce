"""Clients of the API."""

from typing import Any, cast

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.conftest import PASSWORD


class Answer(TestResponse):
    """A response whose JSON can be read without checking that there is any."""

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return self.get_json()


class ApiClient:
    """Sends JSON to the API and, once it is signed in, its token."""

    def __init__(self, app: Flask, token: str | None = None) -> None:
        self.app = app
        self.token = token

    def call(self, line: str, body: Any = None, **options: Any) -> Answer:
        """Return the response to `METHOD /path`, the path without its prefix."""
        method, path = line.split(" ", 1)
        headers = dict(options.pop("headers", {}))
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        if body is not None:
            options["json"] = body
        # A client of its own for each request: nothing but the token is carried over.
        client = FlaskClient(self.app, Answer)
        answer = client.open(
            f"/api/v1{path}", method=method, headers=headers, buffered=True, **options
        )
        return cast(Answer, answer)

    def sign_in(self, email: str, password: str = PASSWORD) -> "ApiClient":
        """Return a client that is signed in."""
        answer = self.call("POST /sessions", {"email": email, "password": password})
        assert answer.status_code == 201, answer.text
        return ApiClient(self.app, answer.json["token"])


def errors_of(answer: Answer) -> dict[str, list[str]]:
    """Return the messages of a 422, by field."""
    assert answer.status_code == 422, answer.text
    assert answer.mimetype == "application/problem+json"
    errors: dict[str, list[str]] = answer.json["errors"]
    return errors


@pytest.fixture
def api(app: Flask) -> ApiClient:
    """A client that is not signed in."""
    return ApiClient(app)


@pytest.fixture
def ada(api: ApiClient, account: str) -> ApiClient:
    """A client that is signed in to `account`."""
    return api.sign_in(account)
