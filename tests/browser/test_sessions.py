"""Signing in, signing out and re-authenticating in several browsers."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visit
from tests.browser.served import PASSWORD, Served

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0"
OTHER_PASSWORD = "seven purple lanterns drift upstream"


def test_one_browser_ends_the_session_of_another(visit: Visit, site: Served) -> None:
    site.open_account("two@example.com")
    desk, cafe = visit(), visit(user_agent=FIREFOX)
    desk.sign_in("two@example.com", PASSWORD)
    cafe.sign_in("two@example.com", PASSWORD, remember=True)
    desk.follow("Signed-in devices")
    own = desk.page.get_by_role("row").filter(has_text="this device")
    expect(own).to_have_count(1)
    expect(own.get_by_role("button")).to_have_count(0)
    other = desk.page.get_by_role("row").filter(has_text="Firefox 145 on Windows")
    other.get_by_role("button", name="Sign out").click()
    expect(desk.page.get_by_role("status")).to_contain_text("signed out")
    expect(desk.page.get_by_role("row").filter(has_text="Firefox")).to_have_count(0)
    cafe.page.reload()
    assert cafe.heading() == "Sign in"
    assert desk.page.goto("/account") is not None
    assert desk.heading() == "Your account"


def test_all_others_are_ended_at_once(visit: Visit, site: Served) -> None:
    site.open_account("many@example.com")
    desk, cafe, train = visit(), visit(), visit()
    for visitor in (cafe, train, desk):
        visitor.sign_in("many@example.com", PASSWORD)
    desk.follow("Signed-in devices")
    desk.press("Sign out all other devices")
    expect(desk.page.get_by_text("You aren't signed in on any other device.")).to_be_visible()
    for visitor in (cafe, train):
        visitor.page.reload()
        assert visitor.heading() == "Sign in"


def test_a_new_password_signs_out_the_other_browser(visit: Visit, site: Served) -> None:
    site.open_account("changed@example.com")
    desk, cafe = visit(), visit()
    desk.sign_in("changed@example.com", PASSWORD)
    cafe.sign_in("changed@example.com", PASSWORD, remember=True)
    desk.follow("Change your password")
    desk.fill(current_password=PASSWORD, new_password=OTHER_PASSWORD)
    desk.press("Change password")
    assert desk.heading() == "Your account"
    cafe.page.goto("/account/profile")
    assert cafe.heading() == "Sign in"
    cafe.fill(email="changed@example.com", password=OTHER_PASSWORD)
    cafe.press("Sign in")
    assert cafe.path == "/account/profile"


def test_a_forgotten_password(visit: Visit, site: Served) -> None:
    email = "forgetful@example.com"
    site.open_account(email)
    visitor = visit()
    visitor.page.goto("/login")
    visitor.follow("Forgot your password?")
    visitor.fill(email=email)
    visitor.press("Send link")
    expect(visitor.page.get_by_role("status")).to_contain_text("we've sent a link")
    visitor.page.goto(site.mailed_link(email, "Reset your password"))
    visitor.fill(new_password=OTHER_PASSWORD)
    visitor.press("Set password")
    visitor.sign_in(email, OTHER_PASSWORD)


@pytest.mark.parametrize("javascript", [True, False])
def test_an_address_is_kept_during_reauthentication(
    javascript: bool, visit: Visit, site: Served
) -> None:
    email = f"late-{javascript}@example.com".lower()
    site.open_account(email)
    visitor = visit(java_script_enabled=javascript)
    visitor.sign_in(email, PASSWORD)
    visitor.follow("Change your email address")
    visitor.fill(new_email="new-address@example.com")
    site.let_time_pass(minutes=16)
    visitor.press("Send link")
    assert visitor.heading() == "Confirm it's you"
    visitor.fill(password="not the right one")
    visitor.press("Continue")
    expect(visitor.page.get_by_text("This isn't your current password.")).to_be_visible()
    visitor.fill(password=PASSWORD)
    visitor.press("Continue")
    assert visitor.path == "/account/email"
    expect(visitor.page.get_by_label("New email address")).to_have_value("new-address@example.com")
    visitor.press("Send link")
    assert visitor.heading() == "Your account"


def test_a_sign_out_leaves_nothing_behind_the_back_button(visit: Visit, site: Served) -> None:
    site.open_account("back@example.com", "Grace Hopper")
    visitor = visit()
    visitor.sign_in("back@example.com", PASSWORD, remember=True)
    visitor.follow("Change your name")
    visitor.back()
    assert visitor.heading() == "Your account"
    visitor.press("Sign out")
    expect(visitor.page.get_by_role("status")).to_contain_text("You're signed out.")
    for _ in range(2):
        visitor.back()
        assert visitor.heading() == "Sign in"
        assert "Grace Hopper" not in visitor.page.content()
    kept = {cookie["name"] for cookie in visitor.context.cookies()}
    assert "__Host-remember_token" not in kept


@pytest.mark.parametrize("signed_in_again", [False, True])
def test_signing_out_in_two_tabs(signed_in_again: bool, visit: Visit, site: Served) -> None:
    email = f"tabs-{signed_in_again}@example.com".lower()
    site.open_account(email)
    visitor = visit()
    visitor.sign_in(email, PASSWORD)
    other_tab = visitor.context.new_page()
    other_tab.goto("/account")
    visitor.press("Sign out")
    if signed_in_again:
        visitor.sign_in(email, PASSWORD)
    other_tab.get_by_role("button", name="Sign out").click()
    expect(other_tab).to_have_url(f"{site.address}/")
    visitor.page.goto("/account")
    assert visitor.heading() == "Sign in"
