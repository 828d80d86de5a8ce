"""While the database fails, no log shows what people sent to the pages."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from tests.authenticator import Authenticator
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.failing import SETTINGS, assert_private
from tests.software_authenticator import SoftwareAuthenticator
from tests.web.conftest import Browser
from tests.web.factor.conftest import SET_UP, key_on, turn_on
from tests.web.passkeys.conftest import AGAIN, PAGE, SIGN_IN, add, assertion, ids, options

ADA, GRACE = "ada@example.com", "grace@example.com"
NEW = "four other words entirely"

Step = Callable[[], object]


pytestmark = pytest.mark.usefixtures("clock")


@pytest.fixture
def app(make_app: MakeApp, request: pytest.FixtureRequest) -> Flask:
    """An app that handles errors as in production, and counts attempts in memory unless asked to:
    the statements that count them are the same whatever is tried."""
    return make_app(**SETTINGS, RATELIMIT_STORAGE_URI=getattr(request, "param", "memory://"))


@pytest.fixture
def browser(app: Flask) -> Browser:
    """A browser, and Ada's account."""
    add_account(app, ADA, "Ada")
    return Browser(app)


def posting(browser: Browser, path: str, **fields: str) -> Step:
    """Return a step that sends a form, whose token is fetched beforehand."""
    data = {"csrf_token": browser.csrf_token("/login"), **fields}
    return lambda: browser.client.post(path, data=data, headers=browser.headers)


def getting(browser: Browser, path: str) -> Step:
    """Return a step that opens a page."""
    return lambda: browser.get(path)


def register(browser: Browser, _inbox: Inbox) -> Step:
    """Open an account."""
    return posting(browser, "/register", name="Grace Hopper", email=GRACE, password=PASSWORD)


def register_again(browser: Browser, _inbox: Inbox) -> Step:
    """Open an account that is there already."""
    return posting(browser, "/register", name="Grace Hopper", email=ADA, password=PASSWORD)


def confirm(browser: Browser, inbox: Inbox) -> Step:
    """Confirm an address."""
    register(browser, inbox)()
    return posting(browser, f"/confirm/{inbox.token(GRACE)}")


def open_confirmation(browser: Browser, inbox: Inbox) -> Step:
    """Open the page of a link."""
    register(browser, inbox)()
    return getting(browser, f"/confirm/{inbox.token(GRACE)}")


def sign_in(browser: Browser, _inbox: Inbox) -> Step:
    """Sign in."""
    return posting(browser, "/login", email=ADA, password=PASSWORD)


def turn_factor_on(browser: Browser, _inbox: Inbox) -> Step:
    """Confirm the key of an authenticator app."""
    browser.sign_in(ADA)
    phone = Authenticator(key_on(browser.get(SET_UP)))
    return posting(browser, SET_UP, code=phone.code())


def sign_in_with_code(browser: Browser, _inbox: Inbox) -> Step:
    """Complete a sign-in with a code."""
    browser.sign_in(ADA)
    phone = turn_on(browser)
    browser.submit("/logout", page="/account")
    browser.sign_in(ADA)
    return posting(browser, "/login/factor", code=phone.code())


def sending(browser: Browser, path: str, body: dict[str, Any]) -> Step:
    """Return a step that sends what a script sends."""
    headers = {**browser.headers, "X-CSRFToken": browser.csrf_token()}
    return lambda: browser.client.post(path, json=body, headers=headers)


def ask_for_passkey(browser: Browser, _inbox: Inbox) -> Step:
    """Begin a sign-in with a passkey."""
    return sending(browser, "/passkeys/options", {})


def begin_passkey(browser: Browser, _inbox: Inbox) -> Step:
    """Begin to add a passkey."""
    browser.sign_in(ADA)
    return sending(browser, f"{PAGE}/options", {})


def add_passkey(browser: Browser, _inbox: Inbox) -> Step:
    """Add a passkey."""
    browser.sign_in(ADA)
    begun = options(browser, f"{PAGE}/options")
    credential = SoftwareAuthenticator().create(begun["options"])
    return sending(browser, PAGE, {"challenge": begun["challenge"], "credential": credential})


def sign_in_with_passkey(browser: Browser, _inbox: Inbox) -> Step:
    """Sign in with a passkey."""
    browser.sign_in(ADA)
    phone = add(browser)
    browser.submit("/logout", page="/account")
    return sending(browser, SIGN_IN, assertion(browser, phone))


def prove_with_passkey(browser: Browser, _inbox: Inbox) -> Step:
    """Prove again who one is, with a passkey."""
    browser.sign_in(ADA)
    phone = add(browser)
    return sending(browser, AGAIN, assertion(browser, phone))


def look_at_passkeys(browser: Browser, _inbox: Inbox) -> Step:
    """Open the list of passkeys."""
    browser.sign_in(ADA)
    return getting(browser, PAGE)


def rename_passkey(browser: Browser, _inbox: Inbox) -> Step:
    """Rename a passkey."""
    browser.sign_in(ADA)
    add(browser)
    return posting(browser, f"{PAGE}/{ids(browser.get(PAGE))[0]}/rename", name="Grace Hopper")


def remove_passkey(browser: Browser, _inbox: Inbox) -> Step:
    """Remove a passkey."""
    browser.sign_in(ADA)
    add(browser)
    return posting(browser, f"{PAGE}/{ids(browser.get(PAGE))[0]}/remove")


def ask_for_reset(browser: Browser, _inbox: Inbox) -> Step:
    """Ask for a new password."""
    return posting(browser, "/reset-password", email=ADA)


def reset(browser: Browser, inbox: Inbox) -> Step:
    """Set a new password."""
    ask_for_reset(browser, inbox)()
    return posting(browser, f"/reset-password/{inbox.token(ADA)}", password=NEW)


def rename(browser: Browser, _inbox: Inbox) -> Step:
    """Change the name."""
    browser.sign_in(ADA)
    return posting(browser, "/account/profile", name="Grace Hopper")


def change_password(browser: Browser, _inbox: Inbox) -> Step:
    """Change the password."""
    browser.sign_in(ADA)
    return posting(browser, "/account/password", current_password=PASSWORD, password=NEW)


def ask_for_another_address(browser: Browser, _inbox: Inbox) -> Step:
    """Ask for another address."""
    browser.sign_in(ADA)
    return posting(browser, "/account/email", email=GRACE)


def change_address(browser: Browser, inbox: Inbox) -> Step:
    """Confirm another address."""
    ask_for_another_address(browser, inbox)()
    return posting(browser, f"/account/email/{inbox.token(GRACE)}")


def end_other_sessions(browser: Browser, _inbox: Inbox) -> Step:
    """Sign out everywhere else."""
    browser.sign_in(ADA)
    return posting(browser, "/account/sessions/revoke-others")


def look_at_sessions(browser: Browser, _inbox: Inbox) -> Step:
    """Open the list of sessions."""
    browser.sign_in(ADA)
    return getting(browser, "/account/sessions")


def export(browser: Browser, _inbox: Inbox) -> Step:
    """Export everything."""
    browser.sign_in(ADA)
    return getting(browser, "/account/export")


def delete(browser: Browser, _inbox: Inbox) -> Step:
    """Delete the account."""
    browser.sign_in(ADA)
    return posting(browser, "/account/delete", password=PASSWORD)


@pytest.mark.parametrize(
    "prepare",
    [
        register,
        register_again,
        confirm,
        open_confirmation,
        sign_in,
        turn_factor_on,
        sign_in_with_code,
        ask_for_passkey,
        begin_passkey,
        add_passkey,
        sign_in_with_passkey,
        prove_with_passkey,
        look_at_passkeys,
        rename_passkey,
        remove_passkey,
        ask_for_reset,
        reset,
        rename,
        change_password,
        ask_for_another_address,
        change_address,
        end_other_sessions,
        look_at_sessions,
        export,
        delete,
    ],
)
def test_the_log_has_no_parameters_of_failing_statements(
    app: Flask,
    browser: Browser,
    inbox: Inbox,
    caplog: pytest.LogCaptureFixture,
    prepare: Callable[[Browser, Inbox], Step],
) -> None:
    step = prepare(browser, inbox)
    assert assert_private(app, caplog, step) > 0


@pytest.mark.parametrize("app", ["database://"], indirect=True)
def test_the_log_has_no_parameters_of_statements_that_count_attempts(
    app: Flask, browser: Browser, inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    assert assert_private(app, caplog, sign_in(browser, inbox)) > 15
