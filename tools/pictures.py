"""Take the pictures in docs/pictures: render, run and use an app.

    python -m tools.pictures

It needs Chromium. The app's clock stands still and its tokens are counted, so that a picture
changes only when the page does.
"""

import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ViewportSize

from tests import commands
from tests.browser import chromium, served
from tests.browser.chromium import PHONE, Visitor
from tests.browser.served import PASSWORD, Served
from tests.conftest import copy_template, make_renderer

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
WINDOW: ViewportSize = {"width": 1040, "height": 820}
# As the links in the pictures show it.
SETTINGS = {"BASE_URL": "http://localhost:5000", "TRUSTED_PROXIES": "1"}
EMAIL = "ada@example.com"
ANSWERS = {"project_name": "Tidepool", "description": "Notes of a marine biology class."}
# The app as `flask run` serves it, but its clock stands still and its tokens are counted.
SERVER = """
import base64, hashlib, itertools, secrets, sys, time
import time_machine

numbers = itertools.count(1)
moments = itertools.count(1_000_000_000_000_000_000)
with time_machine.travel("2026-03-14T09:26:00Z", tick=False):
    time.time_ns = lambda: next(moments)
    secrets.token_urlsafe = lambda size: base64.urlsafe_b64encode(
        hashlib.sha256(str(next(numbers)).encode()).digest()).decode().rstrip("=")
    from flask.cli import main
    sys.argv[0] = "flask"
    main()
"""
DEVICES = [
    ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "203.0.113.7"),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 26_1 like Mac OS X) AppleWebKit/605.1.15"
        " (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
        "198.51.100.23",
    ),
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
        " Chrome/145.0.0.0 Safari/537.36 Edg/145.0.0.0",
        "192.0.2.44",
    ),
]
SEEN = {
    2: ("2026-02-27 18:05:00", "2026-03-13 21:40:00"),
    3: ("2026-03-09 08:12:00", "2026-03-09 16:48:00"),
}
PASSKEYS = [
    ("iCloud Keychain", "2026-01-18 07:30:00", "2026-03-13 21:40:00", True),
    ("Blue security key", "2026-02-02 19:12:00", None, False),
]
FILES = {
    "Field guide.pdf": 4_812_000,
    "Tide tables 2026.csv": 73_400,
    "photos/anemone.jpg": 1_940_000,
}


class Photographer:
    """Takes pictures of the page a visitor looks at, in light and in dark."""

    def __init__(self, browser: Browser, app: Served, folder: Path) -> None:
        self.browser = browser
        self.app = app
        self.folder = folder
        self.visitor = self.visit(*DEVICES[0])

    def visit(self, user_agent: str, ip_address: str) -> Visitor:
        """Return a visitor with a browser and an address of their own."""
        context = self.browser.new_context(
            base_url=self.app.address,
            viewport=WINDOW,
            device_scale_factor=1.5,
            user_agent=user_agent,
            extra_http_headers=forwarded_for(ip_address),
            reduced_motion="reduce",
        )
        return Visitor(context, self.app.address)

    def take(self, name: str, *, phone: bool = False) -> None:
        """Keep the page as it is now, as NAME-light.png and NAME-dark.png."""
        page = self.visitor.page
        page.set_viewport_size(PHONE if phone else WINDOW)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
            page.screenshot(path=self.folder / f"{name}-{scheme}.png", caret="hide")

    def open(self, name: str, path: str, *, phone: bool = False) -> None:
        """Go to a page and keep it."""
        self.visitor.page.goto(path)
        self.take(name, phone=phone)


def forwarded_for(ip_address: str) -> dict[str, str]:
    """Return what a proxy adds to a request from an address."""
    return {"X-Forwarded-For": ip_address, "X-Forwarded-Proto": "http"}


def outside(photographer: Photographer) -> None:
    """What people see before they are signed in."""
    visitor = photographer.visitor
    photographer.open("home", "/")
    photographer.open("phone-home", "/", phone=True)
    photographer.open("api", "/api/docs")
    photographer.open("api-operation", "/api/docs#list_sessions")
    visitor.page.goto("/register")
    visitor.fill(name="Ada Lovelace", email="ada@example", password="ada lovelace")
    visitor.press("Register")
    photographer.take("register")
    visitor.fill(email=EMAIL, password=PASSWORD)
    visitor.press("Register")
    visitor.page.mouse.move(0, 0)
    photographer.take("confirm")
    # The mailbox responds only to this machine.
    visitor.page.context.set_extra_http_headers(forwarded_for("127.0.0.1"))
    photographer.open("mailbox", "/dev/mailbox")
    visitor.page.get_by_role("link", name="As HTML").click()
    photographer.take("mail")
    visitor.page.context.set_extra_http_headers(forwarded_for(DEVICES[0][1]))
    link = urlsplit(photographer.app.mailed_link(EMAIL, "Confirm your email"))
    visitor.page.goto(link.path)
    visitor.press("Confirm email address")
    visitor.fill(email=EMAIL)
    photographer.take("login")


def inside(photographer: Photographer) -> None:
    """What they see then."""
    visitor = photographer.visitor
    visitor.sign_in(EMAIL, PASSWORD)
    for device in DEVICES[1:]:
        photographer.visit(*device).sign_in(EMAIL, PASSWORD)
    with closing(sqlite3.connect(photographer.app.database)) as connection, connection:
        for number, moments in SEEN.items():
            connection.execute(
                "UPDATE sessions SET created_at = ? || '.000000', last_seen_at = ? || '.000000'"
                " WHERE id = ?",
                (*moments, number),
            )
        for number, (name, created_at, last_used_at, synced) in enumerate(PASSKEYS):
            connection.execute(
                "INSERT INTO passkeys (public_id, account_id, credential_hash, credential, name,"
                " sign_count, device_bound, synced, created_at, last_used_at)"
                " VALUES (?, 1, ?, x'', ?, 0, ?, ?, ? || '.000000', ? || '.000000')",
                (f"{number:032x}", str(number), name, not synced, synced, created_at, last_used_at),
            )
    photographer.open("account", "/account")
    photographer.open("sessions", "/account/sessions")
    photographer.open("passkeys", "/account/passkeys")
    photographer.open("downloads", "/downloads/")
    photographer.open("phone-account", "/account", phone=True)
    photographer.open("phone-sessions", "/account/sessions", phone=True)
    photographer.open("phone-passkeys", "/account/passkeys", phone=True)


def run(work: Path) -> Iterator[str]:
    """Take all pictures again; yield the problems of the pages."""
    template = copy_template(work / "template")
    app_folder = make_renderer(template, work)(**ANSWERS)
    programs = commands.make_environment(app_folder, ".", "time-machine")
    for name, size in FILES.items():
        path = app_folder / "files" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.truncate(path, size)
    for path in (app_folder / "files").rglob("*"):
        os.utime(path, (1_772_000_000, 1_772_000_000))
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    with (
        served.debug(app_folder, programs, SERVER, **SETTINGS) as app,
        chromium.launch() as browser,
    ):
        photographer = Photographer(browser, app, PICTURES)
        outside(photographer)
        inside(photographer)
        yield from photographer.visitor.problems


if __name__ == "__main__":
    if chromium.executable() is None:
        sys.exit("Chromium is needed, and not found on the PATH")
    with tempfile.TemporaryDirectory() as folder:
        complaints = list(run(Path(folder)))
    sys.exit("\n".join(complaints) or None)
