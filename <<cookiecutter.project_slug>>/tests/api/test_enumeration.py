"""No request of a stranger to the API reveals whether an address has an account."""

import pytest
from flask import Flask

from tests.api.conftest import ApiClient
from tests.conftest import PASSWORD, add_account
from tests.work import counted, visible_headers

CONFIRMED, WAITING, UNKNOWN = "ada@example.com", "eve@example.com", "bob@example.com"
OTHER = "owner@example.com"
OPERATIONS = {
    "POST /accounts": {"name": "Grace", "password": PASSWORD},
    "POST /confirmations": {},
    "POST /password-resets": {},
    "POST /sessions": {"password": "not the right one"},
    "PUT /account/email": {"current_password": PASSWORD},
}


@pytest.fixture(autouse=True)
def accounts(app: Flask) -> None:
    """One confirmed, one that waits to be, and one that changes its address."""
    add_account(app, OTHER)
    add_account(app, CONFIRMED)
    add_account(app, WAITING, confirmed=False)


def ask(app: Flask, line: str, address: str) -> tuple[int, list[tuple[str, str]], bytes, list[str]]:
    """Return what is visible of the response to an operation, and the work that it took."""
    api = ApiClient(app)
    if "/account/" in line:
        api = api.sign_in(OTHER)
    with counted(app) as work:
        answer = api.call(line, {"email": address, **OPERATIONS[line]})
    return answer.status_code, visible_headers(answer), answer.data, work


@pytest.mark.parametrize("known", [CONFIRMED, WAITING])
@pytest.mark.parametrize("line", OPERATIONS)
def test_an_operation_responds_alike_for_known_and_unknown_addresses(
    app: Flask, line: str, known: str
) -> None:
    assert ask(app, line, known) == ask(app, line, UNKNOWN)


@pytest.mark.parametrize("line", OPERATIONS)
def test_a_password_that_is_sent_is_hashed_once(app: Flask, line: str) -> None:
    for address in (CONFIRMED, UNKNOWN):
        *_, work = ask(app, line, address)
        hashes = [each for each in work if each.startswith("scrypt")]
        assert len(hashes) == any("password" in name for name in OPERATIONS[line])


@pytest.mark.parametrize("line", ["POST /confirmations", "POST /password-resets"])
def test_an_address_is_looked_up_after_the_response(app: Flask, line: str) -> None:
    for address in (CONFIRMED, WAITING, UNKNOWN):
        *_, work = ask(app, line, address)
        # The audit log names the account: its id is looked up, found or not.
        about = {statement[:20] for statement in work if "accounts" in statement}
        assert about <= {"SELECT accounts.id \n"}
        assert any(statement.startswith("INSERT INTO jobs") for statement in work)


def test_only_the_right_password_reveals_that_an_account_is_unconfirmed(
    api: ApiClient,
) -> None:
    for password, status in ((PASSWORD, 403), ("not the right one", 401)):
        answer = api.call("POST /sessions", {"email": WAITING, "password": password})
        assert answer.status_code == status
