"""Passkeys in a real browser, whose authenticator is a virtual one (CDP, domain WebAuthn)."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.authenticator import Authenticator
from tests.browser.chromium import Visitor
from tests.browser.conftest import Visit
from tests.browser.served import PASSWORD, Served

CANCEL = """() => {
    const cancel = () => Promise.reject(new DOMException("", "NotAllowedError"));
    navigator.credentials.create = navigator.credentials.get = cancel;
}"""


def newcomer(visit: Visit, site: Served, email: str) -> tuple[Visitor, Authenticator]:
    """Someone signed in, without passkeys, on the page of passkeys."""
    site.open_account(email)
    visitor = visit()
    authenticator = Authenticator(visitor)
    visitor.sign_in(email, PASSWORD)
    visitor.follow("Change your passkeys")
    return visitor, authenticator


def owner(visit: Visit, site: Served, email: str) -> tuple[Visitor, Authenticator]:
    """Someone signed in, with one passkey, on the page of passkeys."""
    visitor, authenticator = newcomer(visit, site, email)
    add(visitor)
    return visitor, authenticator


def add(visitor: Visitor) -> None:
    visitor.press("Add a passkey")
    expect(visitor.page.get_by_role("status")).to_contain_text("was added")


def sign_out(visitor: Visitor) -> None:
    visitor.press("Sign out")
    visitor.page.wait_for_url(lambda url: url.endswith("/"))


def arrives(visitor: Visitor, heading: str) -> None:
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text(heading)


def says(page: Page, text: str) -> None:
    expect(page.get_by_role("alert")).to_contain_text(text)


def test_a_passkey_is_added_and_signs_in(visit: Visit, site: Served) -> None:
    email = "passkey@example.com"
    visitor, authenticator = newcomer(visit, site, email)
    page = visitor.page
    expect(page.get_by_text("You don't have any passkeys.")).to_be_visible()
    expect(page.get_by_text("you need JavaScript")).to_be_hidden()
    add(visitor)
    row = page.get_by_role("row").filter(has_text="Chrom")
    expect(row).to_contain_text("Only on one device")
    expect(row).to_contain_text("Never")
    site.mail(email, "A passkey was added")
    authenticator.wait_for(email)
    sign_out(visitor)
    # The button ends what waits for a choice in the field.
    authenticator.offer_to_buttons()
    page.goto("/login")
    while not page.evaluate("window.waits"):  # the policy forbids what `wait_for_function` does
        page.wait_for_timeout(20)
    page.get_by_label("Keep me signed in").check()
    visitor.press("Sign in with a passkey")
    arrives(visitor, "Your account")
    kept = {cookie["name"] for cookie in visitor.context.cookies() if cookie["expires"] > 0}
    assert "__Host-remember_token" in kept
    page.goto("/account/passkeys")
    expect(row).not_to_contain_text("Never")


def test_a_passkey_is_offered_in_the_field(visit: Visit, site: Served) -> None:
    visitor, _ = owner(visit, site, "autofill@example.com")
    sign_out(visitor)
    visitor.page.goto("/account/profile")
    arrives(visitor, "Change your name")


def test_the_autofill_request_gets_a_new_challenge_before_it_expires(visit: Visit) -> None:
    visitor = visit()
    page = visitor.page
    page.clock.install()
    with page.expect_response("**/passkeys/options"):
        page.goto("/login")
    page.clock.run_for(100_000)
    assert visitor.posts == ["/passkeys/options"]
    with page.expect_response("**/passkeys/options"):
        page.clock.run_for(200_000)
    assert visitor.posts == ["/passkeys/options"] * 2


def test_a_passkey_reauthenticates_in_a_browser(visit: Visit, site: Served) -> None:
    visitor, _ = owner(visit, site, "again@example.com")
    site.let_time_pass(minutes=16)
    visitor.page.goto("/account/email")
    assert visitor.heading() == "Confirm it's you"
    visitor.press("Use a passkey")
    arrives(visitor, "Change your email address")


def test_adding_one_needs_a_recent_sign_in(visit: Visit, site: Served) -> None:
    visitor, authenticator = newcomer(visit, site, "stale@example.com")
    site.let_time_pass(minutes=16)
    visitor.press("Add a passkey")
    arrives(visitor, "Confirm it's you")
    assert authenticator.passkeys() == []
    expect(visitor.page.get_by_role("button", name="Use a passkey")).to_have_count(0)
    visitor.fill(password=PASSWORD)
    visitor.press("Continue")
    add(visitor)
    assert visitor.problems.pop().startswith("403 for ")


def test_a_device_can_only_add_one_passkey(visit: Visit, site: Served) -> None:
    visitor, authenticator = owner(visit, site, "twice-passkey@example.com")
    visitor.press("Add a passkey")
    says(visitor.page, "already has a passkey for your account")
    assert len(authenticator.passkeys()) == 1


def test_a_removed_passkey_is_forgotten(visit: Visit, site: Served) -> None:
    visitor, authenticator = owner(visit, site, "removed@example.com")
    visitor.page.get_by_role("button", name="Remove").click()
    expect(visitor.page.get_by_role("status")).to_contain_text("The passkey was removed.")
    expect(visitor.page.get_by_text("You don't have any passkeys.")).to_be_visible()
    authenticator.wait_for()
    site.mail("removed@example.com", "A passkey was removed")


def test_password_managers_learn_of_another_name(visit: Visit, site: Served) -> None:
    visitor, authenticator = owner(visit, site, "renamed@example.com")
    visitor.page.goto("/account/profile")
    visitor.fill(name="Countess Lovelace")
    visitor.press("Save")
    for _ in range(100):
        if authenticator.passkeys()[0]["userDisplayName"] == "Countess Lovelace":
            break
        visitor.page.wait_for_timeout(100)
    else:
        pytest.fail(f"it stores {authenticator.passkeys()}")
    authenticator.wait_for("renamed@example.com")


def test_a_passkey_that_is_refused_is_not_forgotten(visit: Visit, site: Served) -> None:
    visitor, authenticator = owner(visit, site, "forged@example.com")
    sign_out(visitor)
    authenticator.lie(isBogusSignature=True)
    visitor.page.goto("/login")
    says(visitor.page, "This passkey doesn't work here.")
    authenticator.offer(at_once=False)
    assert visitor.path == "/login"
    authenticator.wait_for("forged@example.com")
    assert {problem.partition(" for ")[0] for problem in visitor.problems} == {"401"}
    visitor.problems.clear()


def test_without_verification_none_is_added(visit: Visit, site: Served) -> None:
    visitor, authenticator = newcomer(visit, site, "unverified@example.com")
    authenticator.lie(isBadUV=True)
    visitor.press("Add a passkey")
    says(visitor.page, "This passkey couldn't be added.")
    assert visitor.problems.pop().startswith("422 for ")


def test_canceling_is_not_an_error(visit: Visit, site: Served) -> None:
    visitor, _ = newcomer(visit, site, "canceled@example.com")
    page = visitor.page
    page.evaluate(CANCEL)
    with page.expect_response("**/account/passkeys/options"):
        visitor.press("Add a passkey")
    page.wait_for_timeout(300)
    expect(page.get_by_role("alert")).to_have_count(0)
    page.context.set_offline(True)
    visitor.press("Add a passkey")
    says(page, "We couldn't reach the server.")
    page.context.set_offline(False)
    with page.expect_response("**/account/passkeys/options"):
        visitor.press("Add a passkey")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert "ERR_INTERNET_DISCONNECTED" in visitor.problems.pop()


@pytest.mark.parametrize("javascript", [True, False])
def test_the_page_says_when_passkeys_are_unsupported(
    javascript: bool, visit: Visit, site: Served
) -> None:
    email = f"none-{javascript}@example.com".lower()
    site.open_account(email)
    visitor = visit(java_script_enabled=javascript)
    visitor.context.add_init_script("delete window.PublicKeyCredential")
    visitor.page.goto("/login")
    expect(visitor.page.get_by_role("button", name="passkey")).to_have_count(0)
    visitor.sign_in(email, PASSWORD)
    visitor.follow("Change your passkeys")
    expect(visitor.page.get_by_text("you need JavaScript")).to_be_visible()
    expect(visitor.page.get_by_role("button", name="Add a passkey")).to_have_count(0)
