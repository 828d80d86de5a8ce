"""Forms in a browser: the keyboard, the first error, and the script."""

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import audit
from tests.browser.chromium import Visitor
from tests.browser.conftest import Visit
from tests.browser.served import PASSWORD, Served


def tab_to(page: Page, name: str) -> list[str]:
    """Press Tab until the named element has the focus, and check that the focus is visible."""
    passed: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        stop = audit.focus(page)
        assert stop["outlined"], f"no focus is seen on {stop['name']!r}"
        assert stop["seen"], f"{stop['name']!r} has the focus and is covered or outside"
        passed.append(stop["name"])
        if stop["name"] == name:
            return passed
    raise AssertionError(f"Tab does not lead to {name!r}: {passed}")


def type_into(page: Page, label: str, text: str) -> None:
    tab_to(page, label)
    page.keyboard.type(text)


def press_key(page: Page, key: str) -> None:
    with page.expect_navigation():
        page.keyboard.press(key)


def test_by_keyboard_alone(visit: Visit, site: Served) -> None:
    visitor = visit()
    page = visitor.page
    page.goto("/")
    assert tab_to(page, "Skip to main content") == ["Skip to main content"]
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    tab_to(page, "Create an account")
    press_key(page, "Enter")
    type_into(page, "Name", "Ada")
    type_into(page, "Email address", "keyboard@example.com")
    type_into(page, "Password", PASSWORD)
    tab_to(page, "Register")
    press_key(page, "Enter")
    assert visitor.heading() == "Check your inbox"
    page.goto(site.mailed_link("keyboard@example.com", "Confirm"))
    tab_to(page, "Confirm email address")
    press_key(page, "Space")
    type_into(page, "Email address", "keyboard@example.com")
    type_into(page, "Password", PASSWORD)
    tab_to(page, "Keep me signed in on this device")
    page.keyboard.press("Space")
    expect(page.get_by_label("Keep me signed in")).to_be_checked()
    press_key(page, "Enter")
    assert visitor.heading() == "Your account"
    tab_to(page, "Signed-in devices")
    press_key(page, "Enter")
    assert visitor.heading() == "Signed-in devices"
    tab_to(page, "Sign out")
    press_key(page, "Enter")
    assert visitor.path == "/"


@pytest.mark.parametrize("javascript", [True, False])
def test_the_first_error_has_the_focus(javascript: bool, visit: Visit) -> None:
    visitor = visit(java_script_enabled=javascript)
    visitor.page.goto("/register")
    visitor.fill(name="Ada", email="no address", password="short")
    visitor.press("Register")
    email = visitor.page.get_by_label("Email address")
    expect(email).to_be_focused()
    expect(email).to_have_attribute("aria-invalid", "true")
    expect(email).to_have_value("no address")
    for label in ("Email address", "Password"):
        described = visitor.page.get_by_label(label, exact=True).get_attribute("aria-describedby")
        assert described is not None
        error = visitor.page.locator(f"#{described.split()[0]}")
        expect(error).to_be_visible()
        assert error.inner_text()
    assert visitor.page.title().startswith("Error: Register")


def test_a_form_is_sent_once(visit: Visit, site: Served) -> None:
    site.open_account("twice@example.com")
    visitor = visit()
    visitor.sign_in("twice@example.com", PASSWORD)
    visitor.page.goto("/account/profile")
    visitor.posts.clear()
    held: list[Route] = []
    visitor.page.route("**/account/profile", lambda route: held.append(route))
    box = visitor.page.get_by_role("button", name="Save").bounding_box()
    assert box is not None
    for _ in range(3):  # as impatient people do while there is no response
        visitor.page.mouse.click(box["x"] + 20, box["y"] + 20)
        while not held:
            visitor.page.wait_for_timeout(20)
    held[0].continue_()
    visitor.page.wait_for_url("**/account")
    assert visitor.posts == ["/account/profile"]
    visitor.page.unroute("**/account/profile")
    visitor.back()
    visitor.press("Save")
    visitor.page.wait_for_url("**/account")


def test_a_form_is_sent_again_where_the_page_stays(visit: Visit, site: Served) -> None:
    site.open_account("stays@example.com")
    visitor = visit()
    visitor.sign_in("stays@example.com", PASSWORD)
    page = visitor.page
    page.clock.install()
    page.goto("/account/profile")
    visitor.posts.clear()
    page.route("**/account/profile", lambda route: route.abort("aborted"))
    visitor.press("Save")  # and Stop
    expect(page.get_by_role("button", name="Save")).to_have_attribute("aria-disabled", "true")
    page.unroute("**/account/profile")
    page.clock.run_for(5000)
    visitor.press("Save")
    page.wait_for_url("**/account")
    assert visitor.posts == ["/account/profile"] * 2


def test_a_refused_code_is_replaced_by_the_next(visit: Visit, site: Served) -> None:
    site.open_account("codes@example.com")
    visitor = visit()
    visitor.sign_in("codes@example.com", PASSWORD)
    visitor.page.goto("/account/factor/set-up")
    code = visitor.page.get_by_role("textbox", name="Code")
    code.fill("000000")
    visitor.page.keyboard.press("Enter")
    expect(code).to_have_attribute("aria-invalid", "true")
    visitor.page.keyboard.type("123456")
    expect(code).to_have_value("123456")


def test_a_password_can_be_shown(visit: Visit) -> None:
    visitor = visit()
    visitor.page.goto("/login")
    field = visitor.page.get_by_label("Password", exact=True)
    field.fill(PASSWORD)
    visitor.press("Show password")
    expect(field).to_have_attribute("type", "text")
    visitor.press("Hide password")
    expect(field).to_have_attribute("type", "password")


def test_a_new_password_is_estimated(visit: Visit) -> None:
    visitor = visit()
    visitor.page.goto("/register")
    for password, words in {
        "elevenchars": "One more character is needed.",
        "aaaaaaaaaaaaaaaa": "Easy to guess.",
        PASSWORD: "Strong.",
    }.items():
        visitor.fill(password=password)
        expect(visitor.page.get_by_text(words)).to_be_visible()


def copy_first(visitor: Visitor, told: str) -> str:
    """Press the first button to copy a command, which tells what came of it. Returns the command."""
    visitor.page.goto("/api/docs")
    command = visitor.page.locator(".copyable").first
    command.get_by_role("button", name="Copy").click()
    expect(command.get_by_role("button")).to_have_text(told)
    return command.locator("code").inner_text()


def test_a_command_can_be_copied(visit: Visit) -> None:
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    command = copy_first(visitor, "Copied")
    assert visitor.page.evaluate("navigator.clipboard.readText()") == command
    assert command.startswith("curl ")


def test_what_must_not_be_copied_is_selected(visit: Visit) -> None:
    visitor = visit()
    visitor.page.add_init_script("navigator.clipboard.writeText = () => Promise.reject()")
    command = copy_first(visitor, "Not allowed: copy the selection")
    assert visitor.page.evaluate("getSelection().toString()") == command


def test_every_form_works_without_javascript(visit: Visit) -> None:
    visitor = visit(java_script_enabled=False)
    for path in ("/register", "/login", "/api/docs"):
        visitor.page.goto(path)
        buttons = visitor.page.get_by_role("main").get_by_role("button").all_inner_texts()
        assert [name for name in buttons if name not in ("Register", "Sign in")] == [], path


def test_an_unconfirmed_address(visit: Visit) -> None:
    visitor = visit()
    visitor.page.goto("/register")
    visitor.fill(name="Ada", email="slow@example.com", password=PASSWORD)
    visitor.press("Register")
    visitor.page.goto("/login")
    visitor.fill(email="slow@example.com", password=PASSWORD)
    visitor.press("Sign in")
    expect(visitor.page.get_by_role("alert")).to_contain_text("Confirm your email address first")
    resend(visitor)


def resend(visitor: Visitor) -> None:
    visitor.page.get_by_role("alert").get_by_role("link").click()
    expect(visitor.page.get_by_label("Email address")).to_have_value("slow@example.com")
    visitor.press("Send the link again")
    expect(visitor.page.get_by_role("status")).to_contain_text("we've sent a new link")
