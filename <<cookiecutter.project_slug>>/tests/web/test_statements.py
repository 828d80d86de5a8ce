"""How many SQL statements each page takes: one finds out who is signed in."""

import pytest
from flask import Flask

from tests.web.conftest import Browser
from tests.work import statements

SIGNED_IN = {
    "/": 1,
    "/account": 1,
    "/account/profile": 1,
    "/account/password": 1,
    "/account/email": 1,
    "/account/sessions": 2,
    "/account/passkeys": 2,
    "/account/delete": 1,
    "/reauthenticate": 1,
    "/login": 1,
    "/.well-known/change-password": 0,
    "/.well-known/passkey-endpoints": 0,
    #: if cookiecutter.__file_download
    "/downloads/": 1,
    #: endif
}
SIGNED_OUT = ["/", "/login", "/register", "/confirm", "/reset-password", "/account"]


@pytest.mark.parametrize(("path", "number"), SIGNED_IN.items())
def test_a_page_of_a_signed_in_person_takes_a_fixed_number_of_statements(
    app: Flask, signed_in: Browser, path: str, number: int
) -> None:
    assert statements(app, signed_in.get, path) == number


@pytest.mark.parametrize("path", SIGNED_OUT)
def test_a_page_of_a_stranger_takes_no_statement(app: Flask, browser: Browser, path: str) -> None:
    assert statements(app, browser.get, path) == 0
