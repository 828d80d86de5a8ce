"""Nothing that a stranger can ask a page tells whether an address has an account."""

import pytest
from flask import Flask

from tests.conftest import PASSWORD, add_account
from tests.web.conftest import Browser, without_token
from tests.work import counted, visible_headers

# Of one length, so that pages which repeat what was typed are as long as each other.
CONFIRMED, WAITING, UNKNOWN = "ada@example.com", "eve@example.com", "bob@example.com"
OTHER = "owner@example.com"
FORMS = {
    "/register": {"name": "Grace", "password": PASSWORD},
    "/confirm": {},
    "/reset-password": {},
    "/login": {"password": "not the right one"},
    "/account/email": {},
}


@pytest.fixture(autouse=True)
def accounts(app: Flask) -> None:
    """One confirmed, one that waits to be, and one that changes its address."""
    add_account(app, OTHER)
    add_account(app, CONFIRMED)
    add_account(app, WAITING, confirmed=False)


def ask(
    app: Flask, path: str, address: str
) -> tuple[int, list[tuple[str, str]], list[str], list[str]]:
    """Return what is visible of the response to a form, and the work that it took."""
    browser = Browser(app)
    if path.startswith("/account"):
        assert browser.sign_in(OTHER).status_code == 303
    values = {"email": address, "csrf_token": browser.csrf_token(path), **FORMS[path]}
    with counted(app) as work:
        answer = browser.client.post(path, data=values)
    pages = [answer, browser.get(answer.headers.get("Location", path))]
    texts = [without_token(page).replace(address, "…") for page in pages]
    return answer.status_code, visible_headers(answer), texts, work


@pytest.mark.parametrize("known", [CONFIRMED, WAITING])
@pytest.mark.parametrize("path", FORMS)
def test_a_form_responds_alike_for_known_and_unknown_addresses(
    app: Flask, path: str, known: str
) -> None:
    assert ask(app, path, known) == ask(app, path, UNKNOWN)


@pytest.mark.parametrize("path", FORMS)
def test_a_password_that_is_sent_is_hashed_once(app: Flask, path: str) -> None:
    for address in (CONFIRMED, UNKNOWN):
        *_, work = ask(app, path, address)
        hashes = [each for each in work if each.startswith("scrypt")]
        assert len(hashes) == ("password" in FORMS[path])


@pytest.mark.parametrize("path", ["/confirm", "/reset-password"])
def test_an_address_is_looked_up_after_the_response(app: Flask, path: str) -> None:
    for address in (CONFIRMED, WAITING, UNKNOWN):
        *_, work = ask(app, path, address)
        # The audit log names the account: its id is looked up, found or not.
        about = {statement[:20] for statement in work if "accounts" in statement}
        assert about <= {"SELECT accounts.id \n"}
        assert any(statement.startswith("INSERT INTO jobs") for statement in work)


def test_only_the_right_password_reveals_that_an_account_is_unconfirmed(
    app: Flask,
) -> None:
    right, wrong = (Browser(app).sign_in(WAITING, word) for word in (PASSWORD, "wrong"))
    assert right.status_code == wrong.status_code == 422
    assert "Confirm your" in right.text
    assert "Confirm your" not in wrong.text
