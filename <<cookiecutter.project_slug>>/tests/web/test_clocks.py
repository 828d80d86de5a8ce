"""Servers whose clocks differ, and a clock that is set back: nobody is signed out."""

from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask

from app import kinds
from app.columns import now
from app.config import DEFAULTS, SETTINGS
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account
from tests.web.conftest import Browser

SKEWS = [timedelta(0), timedelta(minutes=1), timedelta(minutes=-1)]


@pytest.fixture
def nodes(make_app: MakeApp) -> tuple[Flask, Flask]:
    """Two servers of one app: the database and the keys are the same."""
    return make_app(), make_app()


@pytest.mark.parametrize("remember", [{}, {"remember": "y"}])
@pytest.mark.parametrize("skew", SKEWS)
def test_pages_work_on_a_server_whose_clock_differs(
    nodes: tuple[Flask, Flask], account: str, skew: timedelta, remember: dict[str, str]
) -> None:
    start = now()
    browser = Browser(nodes[0])
    with time_machine.travel(start + skew, tick=False):
        browser.sign_in(account, **remember)
        token = browser.csrf_token("/account/profile")
    browser.client.application = nodes[1]
    with time_machine.travel(start, tick=False):
        assert browser.is_signed_in()
        # The form was opened on the other server; the sign-in there counts as a recent one.
        values = {"csrf_token": token, "name": "Ada"}
        assert browser.client.post("/account/profile", data=values).status_code == 303
        assert browser.get("/account/email").status_code == 200
    browser.client.application = nodes[0]
    with time_machine.travel(start + skew, tick=False):
        assert browser.is_signed_in()


@pytest.mark.parametrize("back", [timedelta(minutes=5), timedelta(days=400)])
def test_a_clock_that_is_set_back_signs_nobody_out(
    nodes: tuple[Flask, Flask], account: str, back: timedelta
) -> None:
    start = now()
    browser = Browser(nodes[0])
    with time_machine.travel(start + back, tick=False):
        browser.sign_in(account)
    with time_machine.travel(start, tick=False) as clock:
        assert browser.is_signed_in()
        assert (
            browser.submit("/account/profile", {"name": "A"}, page="/account/profile").status_code
            == 303
        )
        # Nobody knows when that sign-in was, so it counts as an old one.
        assert browser.get("/account/email").status_code == 303
        values = {"password": PASSWORD}
        assert browser.submit("/reauthenticate", values, page="/reauthenticate").status_code == 303
        assert browser.get("/account/email").status_code == 200
        clock.shift(timedelta(hours=11))
        assert browser.is_signed_in()
        clock.shift(timedelta(hours=13))
        assert not browser.is_signed_in()


def test_a_session_from_the_future_ends_on_time(nodes: tuple[Flask, Flask], account: str) -> None:
    start = now()
    browser = Browser(nodes[0])
    with time_machine.travel(start + timedelta(days=400), tick=False):
        browser.sign_in(account)
    with time_machine.travel(start, tick=False) as clock:
        assert browser.is_signed_in()
        clock.shift(timedelta(hours=13))
        assert not browser.is_signed_in()


def test_a_browser_in_daily_use_stays_signed_in_for_ninety_days(app: Flask, account: str) -> None:
    start = now()
    browser = Browser(app)
    with time_machine.travel(start, tick=False) as clock:
        browser.sign_in(account)
        for hours in range(11, 90 * 24, 11):
            clock.move_to(start + timedelta(hours=hours))
            assert browser.is_signed_in(), hours
        clock.move_to(start + timedelta(days=90))
        assert not browser.is_signed_in()


def test_a_session_in_use_does_not_end_early(make_app: MakeApp) -> None:
    app = make_app(SESSION_IDLE_SECONDS=30, SESSION_TOUCH_SECONDS=60)
    browser = Browser(app)
    start = now()
    with time_machine.travel(start, tick=False) as clock:
        browser.sign_in(add_account(app))
        for seconds in range(10, 200, 10):
            clock.move_to(start + timedelta(seconds=seconds))
            assert browser.is_signed_in(), seconds


def test_the_longest_durations_work(make_app: MakeApp) -> None:
    app = make_app(**{name: longest(name) for name in DEFAULTS if name.endswith("_SECONDS")})
    browser = Browser(app)
    assert browser.sign_in(add_account(app), remember="y").status_code == 303
    browser.delete_cookie("session")
    assert browser.is_signed_in()
    values = {"email": "ada@example.com"}
    answer = Browser(app).submit("/reset-password", values, page="/reset-password")
    assert answer.status_code == 303
    assert Inbox(app).to("ada@example.com") is not None


def longest(name: str) -> Any:
    """Return the largest value that a setting accepts."""
    setting = next(setting for setting in SETTINGS if setting.name == name)
    for value in (kinds.MAX_SECONDS, 30 * 86400, 3600):
        with suppress(ValueError):
            return setting.read(value)
    return setting.default
