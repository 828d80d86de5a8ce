"""How many SQL statements a page takes: a signed-in one usually takes one, others take none."""

from flask import Flask

from tests.web.conftest import Browser
from tests.work import statements_by_path

# Pages of somebody signed in that take more than the statement that finds out who it is, or none.
SIGNED_IN = {
    "/account/sessions": 2,
    "/.well-known/change-password": 0,
}
# Pages of a stranger that take any.
SIGNED_OUT: dict[str, int] = {}


def test_a_signed_in_page_takes_as_many_as_the_table_says(app: Flask, signed_in: Browser) -> None:
    found = pages(app, signed_in)
    assert found == {path: SIGNED_IN.get(path, 1) for path in found}


def test_a_page_of_a_stranger_takes_as_many_as_the_table_says(app: Flask, browser: Browser) -> None:
    found = pages(app, browser)
    assert found == {path: SIGNED_OUT.get(path, 0) for path in found}


def pages(app: Flask, browser: Browser) -> dict[str, int]:
    """The number of statements of each page, but for those of the API and of development."""
    found = statements_by_path(app, "/", browser.get)
    return {path: n for path, n in found.items() if not path.startswith("/api/")}
