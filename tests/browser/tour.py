"""Every page of the app in debug mode, in every state: empty, filled, refused."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pyotp import TOTP

from tests.browser.authenticator import Authenticator
from tests.browser.chromium import Visitor
from tests.browser.served import PASSWORD, Served

# Long, and nowhere to break: the pages have to bear it.
LONG_NAME = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwarengewissenhaftschafers"
LONG_EMAIL = f"{'hubert.blaine.' * 4}senior@{'long-name-of-a-place.' * 3}example.com"
NO_TOKEN = "x" * 43
NO_CREDENTIAL = "() => { navigator.credentials.get = async () => ({ toJSON: () => ({}) }) }"


class Tour:
    """A visitor who goes from page to page. Each stop is yielded by its name, `page: state`."""

    def __init__(self, visitor: Visitor, app: Served, folder: Path) -> None:
        self.visitor = visitor
        self.page = visitor.page
        self.app = app
        self.folder = folder

    def stops(self) -> Iterator[str]:
        """Yield all of them."""
        yield from self._for_everyone()
        yield from self._registration()
        yield from self._recovery()
        yield from self._sign_in()
        yield from self._account()
        yield from self._two_factor()
        yield from self._passkeys()
        yield from self._security()
        yield from self._errors()
        yield from self._mails()

    def _for_everyone(self) -> Iterator[str]:
        yield from self._open("home", "/")
        yield from self._open("mailbox: empty", "/dev/mailbox")
        yield from self._open("api", "/api/docs")

    def _registration(self) -> Iterator[str]:
        yield from self._open("register", "/register")
        self.visitor.fill(name=LONG_NAME, email="no address", password="short")
        yield from self._send("register: refused", "Register")
        self.visitor.fill(email=LONG_EMAIL, password=PASSWORD)
        yield "register: filled"
        yield from self._send("confirm", "Register")
        self.visitor.fill(email="no address")
        yield from self._send("confirm: refused", "Send the link again")
        self.visitor.fill(email=LONG_EMAIL)
        yield from self._send("confirm: sent again", "Send the link again")
        link = self.app.mailed_link(LONG_EMAIL, "Confirm", count=2)  # the second ends the first
        self.page.goto("/login")
        self.visitor.fill(email=LONG_EMAIL, password=PASSWORD)
        yield from self._send("login: not confirmed", "Sign in")
        yield from self._open("confirm link", link)
        yield from self._send("login: confirmed", "Confirm email address")
        yield from self._open("dead link: confirm", f"/confirm/{NO_TOKEN}")

    def _recovery(self) -> Iterator[str]:
        self.app.open_account("ada@example.com")
        yield from self._open("reset", "/reset-password")
        self.visitor.fill(email="")
        yield from self._send("reset: refused", "Send link")
        self.visitor.fill(email="ada@example.com")
        yield from self._send("reset: sent", "Send link")
        yield from self._open("reset link", self.app.mailed_link("ada@example.com", "Reset your"))
        self.visitor.fill(new_password="aaaaaaaaaaaaaaaa")
        yield from self._send("reset link: refused", "Set password")
        self.visitor.fill(new_password=PASSWORD)
        yield from self._send("login: reset", "Set password")
        yield from self._open("dead link: reset", f"/reset-password/{NO_TOKEN}")

    def _sign_in(self) -> Iterator[str]:
        yield from self._open("login: sent here", "/account")
        yield from self._open("login", "/login")
        self.visitor.fill(email="nobody@example.com", password="not the right one")
        yield from self._send("login: refused", "Sign in")
        self.visitor.sign_in(LONG_EMAIL, PASSWORD)
        yield from self._open("home: signed in", "/")
        yield from self._open("account", "/account")
        yield from self._open("downloads", "/downloads/")
        with moved_away(self.folder / "files"):
            yield from self._open("downloads: empty", "/downloads/")
        with many_files(self.folder / "files" / "many"):
            yield from self._open("downloads: page 2", "/downloads/?page=2")

    def _account(self) -> Iterator[str]:
        yield from self._open("profile", "/account/profile")
        self.visitor.fill(name="")
        yield from self._send("profile: refused", "Save")
        self.visitor.fill(name=LONG_NAME)
        yield from self._send("account: saved", "Save")
        yield from self._open("password", "/account/password")
        self.visitor.fill(current_password="wrong", new_password="short")
        yield from self._send("password: refused", "Change password")
        self.visitor.fill(current_password=PASSWORD, new_password=PASSWORD[::-1])
        yield "password: filled"
        yield from self._open("delete", "/account/delete")
        self.visitor.fill(password="wrong")
        yield from self._send("delete: refused", "Delete account")

    def _two_factor(self) -> Iterator[str]:
        yield from self._open("two-factor: off", "/account/factor")
        yield from self._open("two-factor setup", "/account/factor/set-up")
        self.visitor.fill(code="no code")
        yield from self._send("two-factor setup: refused", "Turn on")
        phone = TOTP(self.page.locator(".copyable code").inner_text())
        self.visitor.fill(code=phone.now())
        yield from self._send("recovery codes", "Turn on")
        codes = self.page.locator(".copyable code").inner_text().split()
        yield from self._open("two-factor: on", "/account/factor")
        yield from self._open("two-factor setup: again", "/account/factor/set-up")
        yield from self._open("account: two-factor", "/account")
        yield from self._open("new recovery codes", "/account/factor/recovery-codes")
        self.visitor.fill(code="no code")
        yield from self._send("new recovery codes: refused", "Create codes")
        self.visitor.press("Sign out")
        self.page.goto("/login")
        self.visitor.fill(email=LONG_EMAIL, password=PASSWORD)
        yield from self._send("login code", "Sign in")
        self.visitor.fill(code="no code")
        yield from self._send("login code: refused", "Sign in")
        self.visitor.follow("Use a recovery code")
        yield "login code: recovery"
        self.visitor.fill(recovery_code=codes[0])
        self.visitor.press("Sign in")
        self.app.let_time_pass(minutes=16)
        yield from self._open("reauthenticate: code", "/account/factor/remove")
        self.visitor.fill(password=PASSWORD, code=codes[1])
        yield from self._send("turn off two-factor", "Continue")
        self.visitor.fill(code="no code")
        yield from self._send("turn off two-factor: refused", "Turn off")
        self.visitor.fill(code=codes[2])
        yield from self._send("two-factor: turned off", "Turn off")

    def _passkeys(self) -> Iterator[str]:
        yield from self._open("passkeys: none", "/account/passkeys")
        for state in ("one", "two"):  # each on an authenticator of its own
            authenticator = Authenticator(self.visitor)
            yield from self._send(f"passkeys: {state}", "Add a passkey")
            authenticator.take_away()
        self.page.get_by_role("link", name="Rename").first.click()
        yield "passkey name"
        self.visitor.fill(name="")
        yield from self._send("passkey name: refused", "Save")
        self.visitor.fill(name=LONG_NAME)
        yield from self._send("passkeys: renamed", "Save")
        yield from self._open("account: passkeys", "/account")
        self.app.let_time_pass(minutes=16)
        yield from self._open("reauthenticate: passkey", "/account/email")
        self.page.evaluate(NO_CREDENTIAL)
        self.visitor.press("Use a passkey")
        self.page.get_by_role("alert").wait_for()
        yield "reauthenticate: passkey refused"
        self.visitor.fill(password=PASSWORD)
        with self.page.expect_navigation():
            self.visitor.press("Continue")

    def _security(self) -> Iterator[str]:
        yield from self._open("email", "/account/email")
        self.visitor.fill(new_email="no address")
        yield from self._send("email: refused", "Send link")
        self.visitor.fill(new_email="grace@example.com")
        yield from self._send("account: link sent", "Send link")
        link = self.app.mailed_link("grace@example.com", "Confirm your new")
        yield from self._open("email link", link)
        self.app.open_account("grace@example.com", "Grace Hopper")
        yield from self._send("address taken", "Use this email address")
        yield from self._open("dead link: email", f"/account/email/{NO_TOKEN}")
        yield from self._open("sessions: one", "/account/sessions")
        self._sign_in_elsewhere()
        yield from self._open("sessions", "/account/sessions")
        self.app.let_time_pass(minutes=16)
        yield from self._open("reauthenticate", "/account/email")
        self.visitor.fill(password="wrong")
        yield from self._send("reauthenticate: refused", "Continue")

    def _errors(self) -> Iterator[str]:
        yield from self._open("error: 404", "/no-such-page")
        self.page.goto("/account/profile")
        self.page.locator("[name=csrf_token]").last.evaluate("field => field.value = ''")
        yield from self._send("error: 400", "Save")
        with self.app.failing_database():
            yield from self._open("error: 503", "/account")
        self.page.goto("/account")
        self.visitor.press("Sign out")
        yield "home: signed out"
        for _ in range(6):
            self.page.goto("/reset-password")
            self.visitor.fill(email="limit@example.com")
            self.visitor.press("Send link")
        yield "error: 429"

    def _mails(self) -> Iterator[str]:
        """Yield one email of each kind."""
        self.visitor.sign_in("ada@example.com", PASSWORD)
        self.page.goto("/account/email")
        self.visitor.fill(new_email="grace@example.com")
        self.visitor.press("Send link")
        self.page.goto("/account/email")
        self.visitor.fill(new_email="ada@example.org")
        self.visitor.press("Send link")
        self.page.goto(self.app.mailed_link("ada@example.org", "Confirm your new"))
        self.visitor.press("Use this email address")
        self.page.goto("/account/delete")
        self.visitor.fill(password=PASSWORD)
        self.visitor.press("Delete account")
        self.page.goto("/register")
        self.visitor.fill(name="Grace", email="grace@example.com", password=PASSWORD)
        self.visitor.press("Register")
        yield from self._open("mailbox", "/dev/mailbox")
        articles = self.page.get_by_role("article")
        links = {
            article.get_by_role("heading").inner_text(): article.get_by_role("link")
            .filter(has_text="View as HTML")
            .get_attribute("href")
            for article in articles.all()
        }
        for subject, link in links.items():
            yield from self._open(f"mail: {subject}", str(link))

    def _sign_in_elsewhere(self) -> None:
        """Sign the same person in to another browser."""
        browser = self.visitor.context.browser
        assert browser is not None
        context = browser.new_context(base_url=self.app.address)
        Visitor(context, self.app.address).sign_in(LONG_EMAIL, PASSWORD)
        context.close()

    def _open(self, stop: str, path: str) -> Iterator[str]:
        self.page.goto(path)
        yield stop

    def _send(self, stop: str, button: str) -> Iterator[str]:
        with self.page.expect_navigation():
            self.visitor.press(button)
        yield stop


@contextmanager
def moved_away(path: Path) -> Iterator[None]:
    """Move a file or folder away for as long as the block lasts."""
    hidden = path.with_name(f"{path.name}.away")
    path.rename(hidden)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        hidden.rename(path)


@contextmanager
def many_files(folder: Path) -> Iterator[None]:
    """Fill the folder with three pages of files for as long as the block lasts."""
    folder.mkdir()
    try:
        for number in range(250):
            (folder / f"{number}-{'long-name-of-a-file.' * 4}pdf").touch()
        yield
    finally:
        shutil.rmtree(folder)
