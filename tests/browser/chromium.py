"""A real browser, and people who use it: each in a window of their own, watched for complaints."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    ViewportSize,
    sync_playwright,
)

from tests import walk

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]
DESKTOP: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 844}
# The console also reports responses like 422, which are correct for a page.
STATUS_TOLD = "Failed to load resource: the server responded with a status of"


def executable() -> str | None:
    """Return the path of Chromium if it is installed."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


@contextmanager
def launch(trusted_key: str | None = None) -> Iterator[Browser]:
    """Yield a browser without windows.

    Args:
        trusted_key: The SHA-256, in base64, of the key of a certificate that it trusts.
    """
    arguments = list(ARGUMENTS)
    if trusted_key:
        arguments.append(f"--ignore-certificate-errors-spki-list={trusted_key}")
    if os.name == "posix" and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # it does not work for root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable(),
            args=arguments,
            # Pages are kept for the Back button, as they are for people.
            ignore_default_args=["--disable-back-forward-cache"],
        )
        yield browser
        browser.close()


class Visitor:
    """Someone with a browser of their own; `problems` is what their pages complained of."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.context = context
        self.problems: list[str] = []
        self.posts: list[str] = []
        self._host = urlsplit(address).netloc
        self._document: Response | None = None
        context.set_default_timeout(1000 * walk.WAIT)  # milliseconds
        context.on("console", self._told)
        context.on("weberror", lambda error: self.problems.append(str(error.error)))
        context.on("request", self._asked)
        context.on("response", self._answered)
        self.page: Page = context.new_page()

    @property
    def path(self) -> str:
        """The path of the page that is shown."""
        return urlsplit(self.page.url).path

    def fill(self, **values: str) -> None:
        """Type into the fields of these labels; an underscore is a space or a hyphen."""
        for label, value in values.items():
            self.page.get_by_label(LABELS.get(label, label), exact=True).fill(value)

    def press(self, name: str) -> None:
        """Click the button of that name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name: str) -> None:
        """Click the first link of that name."""
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def back(self) -> None:
        """Press the browser's Back button."""
        with self.page.expect_event("framenavigated"):
            # Later: this page must still be there to return from `evaluate`.
            self.page.evaluate("setTimeout(() => history.back())")

    def source(self) -> str:
        """Return the HTML of the page as it was sent."""
        assert self._document is not None
        return self._document.text()

    def heading(self) -> str:
        """Return what the page says it is."""
        return self.page.get_by_role("heading", level=1).inner_text()

    def sign_in(self, email: str, password: str, *, remember: bool = False) -> None:
        """By way of the form."""
        self.page.goto("/login")
        self.fill(email=email, password=password)
        self.page.get_by_label("Keep me signed in").set_checked(remember)
        self.press("Sign in")
        self.page.wait_for_url("**/account")

    def _told(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(STATUS_TOLD):
            self.problems.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.netloc != self._host:
            self.problems.append(f"asked another host: {request.url}")
        if request.method == "POST":
            self.posts.append(url.path)

    def _answered(self, response: Response) -> None:
        if response.request.resource_type == "document":
            if response.status not in (302, 303):
                self._document = response
        elif response.status >= 400:
            self.problems.append(f"{response.status} for {response.url}")


LABELS = {
    "code": "Code",
    "recovery_code": "Recovery code",
    "email": "Email address",
    "name": "Name",
    "password": "Password",
    "new_email": "New email address",
    "new_password": "New password",
    "current_password": "Current password",
}
