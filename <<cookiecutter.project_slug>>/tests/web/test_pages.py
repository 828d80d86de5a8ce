"""What holds for every page: for those who listen to it, and for what the CSP forbids."""

import re
from html.parser import HTMLParser

import pytest
from flask import Flask

from tests.conftest import MakeApp, add_account
from tests.web.conftest import Browser

SIGNED_OUT = ["/", "/register", "/login", "/confirm", "/reset-password", "/nowhere", "/confirm/x"]
SIGNED_IN = [
    "/",
    "/account",
    "/account/profile",
    "/account/password",
    "/account/email",
    "/account/factor",
    "/account/factor/set-up",
    "/account/passkeys",
    "/account/sessions",
    "/account/delete",
    "/reauthenticate",
]
VOID = {"meta", "link", "input", "br", "hr", "img"}


class Page(HTMLParser):
    """The elements of a page; nesting must be right."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, *tags: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of some kinds."""
        return [attributes for tag, attributes in self.elements if tag in tags]


def check(text: str) -> None:
    """Check that a page is accessible, and works under its Content-Security-Policy."""
    page = Page(text)
    assert page.open == []
    assert [attributes.get("lang", "") != "" for attributes in page.all("html")] == [True]
    assert len(page.all("h1")) == len(page.all("title")) == len(page.all("main")) == 1
    assert re.search(r"<title>[^·<]+ · [^<]+</title>", text)
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    labeled = {attributes.get("for") for attributes in page.all("label")}
    for field in page.all("input"):
        assert field.get("type") == "hidden" or "hidden" in field or field["id"] in labeled
        for reference in (field.get("aria-describedby") or "").split():
            assert reference in ids
    for form in page.all("form"):
        assert form["method"] == "post"
    assert "#content" in [attributes.get("href") for attributes in page.all("a")]
    assert page.all("style") == []
    for script in page.all("script"):
        assert (script["src"] or "").startswith("/static/")
    for tag, attributes in page.elements:
        assert not any(name.startswith("on") or name == "style" for name in attributes), tag
        for address in (attributes.get("href"), attributes.get("src")):
            assert address is None or re.match(r"/(?!/)|#|mailto:|tel:", address), address


@pytest.mark.parametrize("path", SIGNED_OUT)
def test_a_page_for_everyone(browser: Browser, path: str) -> None:
    check(browser.get(path).text)


@pytest.mark.parametrize("path", SIGNED_IN)
def test_a_page_for_signed_in_people(signed_in: Browser, path: str) -> None:
    check(signed_in.get(path).text)


@pytest.mark.parametrize("path", SIGNED_IN)
def test_signing_out_is_offered_on_every_page(signed_in: Browser, path: str) -> None:
    actions = [form.get("action") for form in Page(signed_in.get(path).text).all("form")]
    assert "/logout" in actions


@pytest.mark.parametrize("path", ["/register", "/login", "/confirm", "/reset-password"])
def test_a_form_with_errors(browser: Browser, path: str) -> None:
    check(browser.submit(path, {"email": "x"}).text)


@pytest.mark.parametrize(
    ("path", "autocomplete"),
    [
        ("/register", ["name", "email", "new-password"]),
        ("/login", ["username webauthn", "current-password"]),
        ("/account/password", ["username", "current-password", "new-password"]),
        ("/account/delete", ["username", "current-password"]),
        ("/reauthenticate", ["username", "current-password"]),
    ],
)
def test_password_managers_know_what_a_field_is(
    app: Flask, account: str, path: str, autocomplete: list[str]
) -> None:
    browser = Browser(app)
    if path not in SIGNED_OUT:
        browser.sign_in(account)
    fields = Page(browser.get(path).text).all("input")
    assert [field["autocomplete"] for field in fields if "autocomplete" in field] == autocomplete
    assert not any("onpaste" in field for field in fields)
    for field in fields:
        is_password = "password" in (field.get("autocomplete") or "")
        assert (field["type"] == "password") == is_password


def test_the_header_shows_the_account_and_the_current_page(signed_in: Browser) -> None:
    page = signed_in.get("/account").text
    assert re.search(r'class="who"[^>]*><bdi>Ada<', page)
    assert page.count('aria-current="page"') == 1


def test_the_home_page_helps_developers_only_in_debug_mode(
    make_app: MakeApp, browser: Browser
) -> None:
    app = make_app(DEBUG=True, BASE_URL="http://localhost", PREFERRED_URL_SCHEME="http")
    page = app.test_client().get("/").text
    check(page)
    assert "/dev/mailbox" in page
    assert "/account/sessions" in page
    #: if cookiecutter.interface == "both"
    assert "/api/docs" in page
    assert "/api/v1" not in page
    #: endif
    assert "mailbox" not in browser.get("/").text


@pytest.mark.parametrize("path", SIGNED_OUT)
def test_a_page_in_debug_mode(make_app: MakeApp, path: str) -> None:
    app = make_app(DEBUG=True, BASE_URL="http://localhost", PREFERRED_URL_SCHEME="http")
    check(app.test_client().get(path).text)


def test_the_home_page_of_strangers_says_what_the_app_is(make_app: MakeApp) -> None:
    app = make_app(APP_DESCRIPTION="Bookings & <more>")
    page = app.test_client().get("/").text
    check(page)
    assert page.count("Bookings &amp; &lt;more&gt;") == 2  # on the page, and for search engines
    assert 'href="/register"' in page
    assert 'href="/login"' in page


def test_the_home_page_of_signed_in_people_links_to_the_menu(signed_in: Browser) -> None:
    page = signed_in.get("/").text
    check(page)
    assert "Welcome back, <bdi>Ada</bdi>" in page
    assert re.search(r'class="tiles">\s*<li><a href="/account"', page)
    assert "/register" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/no/such/page",
        "/dev/mailbox",
        #: if cookiecutter.interface == "both"
        "/api/docs",
        #: endif
    ],
)
def test_every_header_links_to_the_home_page(make_app: MakeApp, path: str) -> None:
    app = make_app(DEBUG=True, BASE_URL="http://localhost", PREFERRED_URL_SCHEME="http")
    assert '<a class="brand" dir="auto" href="/">' in app.test_client().get(path).text


def test_the_footer_has_the_support_address(make_app: MakeApp, browser: Browser) -> None:
    app = make_app(SUPPORT_EMAIL="help@example.com")
    assert 'href="mailto:help@example.com"' in app.test_client().get("/").text
    assert "mailto:" not in browser.get("/").text


def test_the_name_of_the_app_is_shown_as_text(make_app: MakeApp) -> None:
    app = make_app(APP_NAME='O\'Brien "the <b>best</b>" {{ 7 * 7 }}')
    page = app.test_client().get("/").text
    check(page)
    assert "O&#39;Brien &#34;the &lt;b&gt;best&lt;/b&gt;&#34; {{ 7 * 7 }}" in page


def test_a_name_is_shown_as_text(app: Flask) -> None:
    browser = Browser(app)
    browser.sign_in(add_account(app, "x@example.com", "</span><script>alert(1)</script>"))
    page = browser.get("/account").text
    check(page)
    assert "<script>alert" not in page


@pytest.mark.parametrize(
    "path",
    [
        "/static/style.css",
        "/static/web/forms.css",
        "/static/web/forms.js",
        "/static/web/passkeys.js",
    ],
)
def test_style_and_scripts_are_served(browser: Browser, path: str) -> None:
    response = browser.get(path)
    assert response.status_code == 200
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "no-store" not in response.headers["Cache-Control"]
    assert "http" not in response.text.replace("http-equiv", "")
