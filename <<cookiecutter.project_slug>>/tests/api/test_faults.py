"""While the database fails, no log shows what clients sent."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.api.conftest import ApiClient
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.failing import SETTINGS, assert_private

ADA, GRACE = "ada@example.com", "grace@example.com"
NEW = "four other words entirely"
GRACES = {"name": "Grace Hopper", "email": GRACE, "password": PASSWORD}

Step = Callable[[], object]


@pytest.fixture
def app(make_app: MakeApp, request: pytest.FixtureRequest) -> Flask:
    """An app that handles errors as in production, and counts attempts in memory unless asked to:
    the statements that count them are the same whatever is tried."""
    return make_app(**SETTINGS, RATELIMIT_STORAGE_URI=getattr(request, "param", "memory://"))


@pytest.fixture
def api(app: Flask) -> ApiClient:
    """A client, and Ada's account."""
    add_account(app, ADA, "Ada")
    return ApiClient(app)


def confirm(api: ApiClient, inbox: Inbox) -> Step:
    """Confirm an address."""
    api.call("POST /accounts", GRACES)
    token = inbox.token(GRACE)
    return lambda: api.call("PUT /confirmations", {"token": token})


def reset(api: ApiClient, inbox: Inbox) -> Step:
    """Set a new password."""
    api.call("POST /password-resets", {"email": ADA})
    token = inbox.token(ADA)
    return lambda: api.call("PUT /password-resets", {"token": token, "password": NEW})


def change_address(api: ApiClient, inbox: Inbox) -> Step:
    """Confirm another address."""
    ada = api.sign_in(ADA)
    ada.call("PUT /account/email", {"current_password": PASSWORD, "email": GRACE})
    token = inbox.token(GRACE)
    return lambda: api.call("PUT /account/email/confirmation", {"token": token})


def calling(line: str, **body: str) -> Callable[[ApiClient, Inbox], Step]:
    """Return a step that needs no preparation."""
    return lambda api, _inbox: lambda: api.call(line, body)


def calling_signed_in(line: str, **body: str) -> Callable[[ApiClient, Inbox], Step]:
    """Return a step that needs a sign-in."""

    def prepare(api: ApiClient, _inbox: Inbox) -> Step:
        ada = api.sign_in(ADA)
        return lambda: ada.call(line, body or None)

    return prepare


STEPS = {
    "register": calling("POST /accounts", **GRACES),
    "register again": calling("POST /accounts", **{**GRACES, "email": ADA}),
    "confirm": confirm,
    "sign in": calling("POST /sessions", email=ADA, password=PASSWORD),
    "ask for a reset": calling("POST /password-resets", email=ADA),
    "reset": reset,
    "rename": calling_signed_in("PATCH /account", name="Grace Hopper"),
    "change the password": calling_signed_in(
        "PUT /account/password", current_password=PASSWORD, password=NEW
    ),
    "ask for another address": calling_signed_in(
        "PUT /account/email", current_password=PASSWORD, email=GRACE
    ),
    "change the address": change_address,
    "see the sessions": calling_signed_in("GET /sessions"),
    "end the other sessions": calling_signed_in("DELETE /sessions"),
    "export": calling_signed_in("GET /account/export"),
    "delete": calling_signed_in("DELETE /account", password=PASSWORD),
}


@pytest.mark.parametrize("prepare", STEPS.values(), ids=STEPS)
def test_the_log_has_no_parameters_of_failing_statements(
    app: Flask,
    api: ApiClient,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
    prepare: Callable[[ApiClient, Inbox], Step],
) -> None:
    step = prepare(api, inbox)
    assert assert_private(app, caplog, step) > 0


@pytest.mark.parametrize("app", ["database://"], indirect=True)
def test_the_log_has_no_parameters_of_statements_that_count_attempts(
    app: Flask, api: ApiClient, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    assert assert_private(app, caplog, STEPS["sign in"](api, inbox)) > 15
