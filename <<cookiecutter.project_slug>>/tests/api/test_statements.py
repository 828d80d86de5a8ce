"""How many SQL statements a request to the API takes: one finds out who sends it."""

from flask import Flask

from tests.api.conftest import ApiClient
from tests.work import counted, statements_by_path

# Paths that are read and take another number of statements.
READING = {
    "/api/v1/sessions": 2,
    "/api/v1/account/factors": 3,
    "/api/v1/openapi.json": 0,
}
# Operations that change something, in the order in which they are tried.
CHANGING: dict[str, tuple[dict[str, str] | None, int]] = {
    "PATCH /account": ({"name": "Countess"}, 2),
    "DELETE /sessions": (None, 2),
    "DELETE /sessions/current": (None, 2),
}


def test_reading_takes_as_many_as_the_table_says(app: Flask, api: ApiClient, account: str) -> None:
    ada = api.sign_in(account)
    found = statements_by_path(
        app, "/api/v1/", lambda path: ada.call(f"GET {path.removeprefix('/api/v1')}")
    )
    assert found == {path: READING.get(path, 1) for path in found}


def test_changing_takes_as_many_as_the_table_says(app: Flask, api: ApiClient, account: str) -> None:
    ada = api.sign_in(account)
    found = {}
    for line, (body, _) in CHANGING.items():
        with counted(app) as work:
            assert ada.call(line, body).status_code < 300
        found[line] = len(work)
    assert found == {line: number for line, (_, number) in CHANGING.items()}
