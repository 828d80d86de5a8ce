"""How many SQL statements each operation takes: one finds the session and its account."""

import pytest
from flask import Flask

from tests.api.conftest import ApiClient
from tests.work import counted, statements

READING = {
    "/account": 1,
    "/account/factors": 4,
    "/account/passkeys": 2,
    "/sessions": 2,
    "/openapi.json": 0,
    #: if cookiecutter.__file_download
    "/downloads": 1,
    #: endif
}
# Operations that change something.
CHANGING: dict[str, tuple[dict[str, str] | None, int]] = {
    "PATCH /account": ({"name": "Countess"}, 2),
    "DELETE /sessions": (None, 6),
    "DELETE /sessions/current": (None, 3),
}


@pytest.mark.parametrize(("path", "number"), READING.items())
def test_reading_takes_a_fixed_number_of_statements(
    app: Flask, api: ApiClient, account: str, path: str, number: int
) -> None:
    ada = api.sign_in(account)
    assert statements(app, lambda path: ada.call(f"GET {path}"), path) == number


@pytest.mark.parametrize("line", CHANGING)
def test_changing_takes_a_fixed_number_of_statements(
    app: Flask, api: ApiClient, account: str, line: str
) -> None:
    body, number = CHANGING[line]
    ada = api.sign_in(account)
    with counted(app) as work:
        assert ada.call(line, body).status_code < 300
    assert len(work) == number
