"""From registration to deletion: on a desktop, on a phone, and without JavaScript."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from pyotp import TOTP

from tests.browser.chromium import PHONE, Visitor
from tests.browser.conftest import Visit
from tests.browser.served import PASSWORD, Served

PEOPLE: dict[str, dict[str, Any]] = {
    "desk": {},
    "phone": {"viewport": PHONE, "device_scale_factor": 2, "has_touch": True, "is_mobile": True},
    "no-javascript": {"java_script_enabled": False},
}
OTHER_PASSWORD = "seven purple lanterns drift upstream"


@pytest.mark.parametrize("person", PEOPLE)
def test_from_registration_to_deletion(person: str, visit: Visit, site: Served) -> None:
    visitor = visit(**PEOPLE[person])
    email, new_email = f"{person}@example.com", f"{person}@example.org"
    register(visitor, site, email)
    sign_in(visitor, email)
    change_name(visitor)
    change_password(visitor, site, email)
    use_two_factor_authentication(visitor, site, email)
    change_address(visitor, site, email, new_email)
    take_along(visitor, new_email)
    delete(visitor, site, new_email)


def register(visitor: Visitor, site: Served, email: str) -> None:
    visitor.page.goto("/")
    visitor.follow("Register")
    visitor.fill(name="Ada Lovelace", email=email, password=PASSWORD)
    visitor.press("Register")
    assert visitor.heading() == "Check your inbox"
    assert email in visitor.page.get_by_role("main").inner_text()
    visitor.page.goto(site.mailed_link(email, "Confirm your email address"))
    visitor.press("Confirm email address")
    says(visitor, "Your email address is confirmed.")


def sign_in(visitor: Visitor, email: str) -> None:
    assert visitor.heading() == "Sign in"
    visitor.fill(email=email, password="not the right one")
    visitor.press("Sign in")
    assert "is wrong" in visitor.page.get_by_role("main").inner_text()
    assert visitor.page.get_by_label("Email address").input_value() == email
    assert visitor.page.get_by_label("Password", exact=True).input_value() == ""
    visitor.fill(password=PASSWORD)
    visitor.page.get_by_label("Keep me signed in").check()
    visitor.press("Sign in")
    assert visitor.heading() == "Your account"
    lasting = [cookie for cookie in visitor.context.cookies() if cookie["expires"] > 0]
    assert "__Host-remember_token" in {cookie["name"] for cookie in lasting}


def change_name(visitor: Visitor) -> None:
    visitor.follow("Change your name")
    assert visitor.page.get_by_label("Name", exact=True).input_value() == "Ada Lovelace"
    visitor.fill(name="Ada King")
    visitor.press("Save")
    says(visitor, "Your name was changed.")
    assert "Ada King" in visitor.page.get_by_role("banner").inner_text()


def change_password(visitor: Visitor, site: Served, email: str) -> None:
    visitor.follow("Change your password")
    visitor.fill(current_password=PASSWORD, new_password=OTHER_PASSWORD)
    visitor.press("Change password")
    says(visitor, "Your password was changed")
    site.mail(email, "Your password was changed")


def use_two_factor_authentication(visitor: Visitor, site: Served, email: str) -> None:
    page = visitor.page
    visitor.follow("Change two-factor authentication")
    visitor.follow("Set up")
    assert page.get_by_role("img", name="QR code with the key below").is_visible()
    phone = TOTP(page.locator(".copyable code").inner_text())
    visitor.fill(code=phone.now())
    visitor.press("Turn on")
    assert visitor.heading() == "Your recovery codes"
    codes = page.locator(".copyable code").inner_text().split()
    assert len(set(codes)) == 8
    with page.expect_download() as saved:
        visitor.follow("Download")
    assert Path(saved.value.path()).read_text("utf-8").split() == codes
    site.mail(email, "Two-factor authentication was turned on")
    visitor.follow("I've saved them")
    visitor.press("Sign out")
    page.goto("/login")
    visitor.fill(email=email, password=OTHER_PASSWORD)
    page.get_by_label("Keep me signed in").check()
    visitor.press("Sign in")
    assert visitor.heading() == "Enter your code"
    # The code of the next 30 seconds: that of these confirmed the key.
    visitor.fill(code=phone.at(int(time.time()), counter_offset=1))
    visitor.press("Sign in")
    assert visitor.heading() == "Your account"
    visitor.follow("Change two-factor authentication")
    visitor.follow("Turn off")
    visitor.fill(code=codes[0])
    visitor.press("Turn off")
    says(visitor, "Two-factor authentication was turned off.")
    page.goto("/account")


def change_address(visitor: Visitor, site: Served, email: str, new_email: str) -> None:
    visitor.follow("Change your email address")
    visitor.fill(new_email=new_email)
    visitor.press("Send link")
    says(visitor, "We've sent a link")
    assert email in visitor.page.get_by_role("main").inner_text()
    site.mail(email, "Request to change your email address")
    visitor.page.goto(site.mailed_link(new_email, "Confirm your new email address"))
    visitor.press("Use this email address")
    visitor.page.goto("/account")
    assert new_email in visitor.page.get_by_role("main").inner_text()


def take_along(visitor: Visitor, email: str) -> None:
    with visitor.page.expect_download() as export:
        visitor.follow("Export your data")
    assert email in json.dumps(read(export.value))
    visitor.follow("Downloads")
    assert visitor.heading() == "Downloads"
    with visitor.page.expect_download() as file:
        visitor.follow("welcome.txt")
    assert file.value.suggested_filename == "welcome.txt"


def delete(visitor: Visitor, site: Served, email: str) -> None:
    visitor.page.goto("/account")
    visitor.follow("Delete your account")
    visitor.fill(password=OTHER_PASSWORD)
    visitor.press("Delete account")
    says(visitor, "Your account was deleted.")
    site.mail(email, "Your account was deleted")
    visitor.page.goto("/account")
    assert visitor.heading() == "Sign in"


def says(visitor: Visitor, text: str) -> None:
    """Check that a message is announced."""
    assert text in visitor.page.get_by_role("status").inner_text()


def read(download: Any) -> Any:
    return json.loads(Path(download.path()).read_text("utf-8"))
