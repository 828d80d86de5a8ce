"""Static files: their URLs change with their content, and browsers keep them for a year."""

import os
import re
from pathlib import Path

import pytest
from flask import Blueprint, Flask, current_app, g, url_for
from flask.testing import FlaskClient

from app import static_files
from tests.conftest import MakeApp

FILES = [
    ("static", "style.css"),
    #: if cookiecutter.interface != "api"
    ("web.static", "forms.css"),
    #: endif
]
PAGES = [
    #: if cookiecutter.interface != "html"
    "/api/docs",
    #: endif
    #: if cookiecutter.interface != "api"
    "/",
    "/no-such-page",
    #: endif
]
FOREVER = {"public", "max-age=31536000", "immutable"}
SHORTLY = {"public", "max-age=60"}


def caching(client: FlaskClient, url: str, etag: str = "") -> set[str]:
    """Return the Cache-Control header of the response to a URL."""
    response = client.get(url, headers={"If-None-Match": etag}, buffered=True)
    assert response.status_code == (304 if etag else 200)
    assert "Set-Cookie" not in response.headers
    return set(response.headers["Cache-Control"].split(", "))


@pytest.mark.parametrize("page", PAGES)
def test_pages_only_use_urls_that_browsers_keep(client: FlaskClient, page: str) -> None:
    urls = re.findall(r'(?:href|src)="([^"]*/static/[^"]*)"', client.get(page).text)
    assert urls
    for url in urls:
        assert caching(client, url) == FOREVER


@pytest.mark.parametrize(("endpoint", "filename"), FILES)
def test_a_file_without_its_current_hash_is_cached_briefly(
    app: Flask, client: FlaskClient, endpoint: str, filename: str
) -> None:
    with app.test_request_context():
        url = url_for(endpoint, filename=filename)
    path, _, found = url.partition("?v=")
    assert caching(client, url) == FOREVER
    for other in ("", "?v=", "?v=0", f"?v={found[:-1]}", f"?w={found}", f"?v=0&v={found}"):
        assert caching(client, path + other) == SHORTLY


def test_an_unchanged_file_is_revalidated(app: Flask, client: FlaskClient) -> None:
    with app.test_request_context():
        url = url_for("static", filename="style.css")
    etag = client.get(url, buffered=True).headers["ETag"]
    assert caching(client, url, etag) == FOREVER


def test_a_missing_file_is_not_cached(app: Flask, client: FlaskClient) -> None:
    with app.test_request_context():
        for name in ("no-such-file.css", "../config.py", ""):
            assert "v=" not in url_for("static", filename=name)
    for path in ("/static/no-such-file.css", "/static/../config.py?v=0"):
        assert client.get(path).headers["Cache-Control"] == "no-store"


def test_a_change_of_the_file_changes_its_url(tmp_path: Path) -> None:
    app = static_files.App("tests.app", static_folder=tmp_path)
    app.debug = True
    client = app.test_client()

    def write(text: str, moment: int) -> str:
        """Change the file and return its URL."""
        file = tmp_path / "own.css"
        file.write_text(text, "utf-8")
        os.utime(file, (moment, moment))  # the clock of a file system may be coarse
        with app.test_request_context():
            return app.url_for("static", filename="own.css")

    old = write("a { color: red }", 1)
    assert caching(client, old) == FOREVER
    new = write("a { color: tan }", 2)
    assert new != old
    assert caching(client, new) == FOREVER
    assert caching(client, old) == SHORTLY
    assert write("a { color: red }", 3) == old
    assert caching(client, old) == FOREVER


def test_a_mounted_app_has_them_below_its_path(make_app: MakeApp) -> None:
    client = make_app(BASE_URL="https://localhost/shop").test_client()
    page = client.get(f"/shop{PAGES[0]}").text
    url = re.findall(r'href="(/shop/static/style.css\?v=\w{16})"', page)[0]
    assert caching(client, url) == FOREVER
    assert caching(client, url.removeprefix("/shop")) == FOREVER


@pytest.fixture
def own(tmp_path: Path) -> Flask:
    """An app with pages of its own, whose URLs are asked for as templates do."""
    app = static_files.App("tests.app")
    shop = Blueprint("shop", __name__, url_prefix="/shop", static_folder=tmp_path)
    shop.add_url_rule("/", "index", lambda: current_app.url_for(".index"))
    shop.add_url_rule("/<lang>/about", "about", lambda lang: "")
    app.register_blueprint(shop)
    app.add_url_rule("/read", "item", lambda: current_app.url_for("item"), methods=["GET"])
    app.add_url_rule("/write", "item", methods=["POST"])
    app.add_url_rule("/", "files", lambda: "", subdomain="files")
    return app


def test_a_url_is_that_of_the_request(own: Flask) -> None:
    client = own.test_client()
    for _ in range(2):
        assert client.get("/shop/").text == "/shop/"
        assert client.get("/shop/", environ_overrides={"SCRIPT_NAME": "/at"}).text == "/at/shop/"
        assert client.get("/read").text == "/read"
        assert client.post("/write").text == "/write"
        for scheme in ("http", "https"):
            with own.test_request_context(base_url=f"{scheme}://localhost"):
                assert current_app.url_for("files") == f"{scheme}://files.localhost/"
                found = current_app.url_for("shop.index", _external=True)
                assert found == f"{scheme}://localhost/shop/"
                assert current_app.url_for("shop.index", page=2) == "/shop/?page=2"
    own.config["SERVER_NAME"] = "localhost"
    with own.app_context():  # such as in a command
        assert current_app.url_for("shop.index") == "http://localhost/shop/"


def test_a_url_depends_on_the_host_where_routes_have_hosts(tmp_path: Path) -> None:
    app = static_files.App("tests.app", static_folder=tmp_path, subdomain_matching=True)
    app.config["SERVER_NAME"] = "localhost"
    app.add_url_rule("/", "home", lambda: "")
    for _ in range(2):
        for host, url in (("localhost", "/"), ("files.localhost", "http://localhost/")):
            with app.test_request_context(base_url=f"http://{host}"):
                assert app.url_for("home") == url


def test_methods_that_clients_make_up_take_no_memory(own: Flask) -> None:
    client = own.test_client()
    client.get("/shop/")
    known = dict(vars(own)["_known"])
    for number in range(3):
        client.open("/shop/", method=f"METHOD{'X' * number}")
        client.open("/read", method=f"METHOD{'X' * number}")
    assert vars(own)["_known"] == known


def test_a_default_for_urls_is_asked_each_time(own: Flask) -> None:
    own.url_defaults(lambda _, values: values.setdefault("lang", g.lang))
    for lang in ("en", "de"):
        with own.test_request_context("/shop/"):
            g.lang = lang
            assert current_app.url_for("shop.about") == f"/shop/{lang}/about"


def test_what_knows_other_urls_is_asked_each_time(own: Flask) -> None:
    own.url_build_error_handlers.append(lambda error, endpoint, values: f"/{g.lang}/{endpoint}")
    for lang in ("en", "de"):
        with own.test_request_context("/shop/"):
            g.lang = lang
            assert current_app.url_for("elsewhere") == f"/{lang}/elsewhere"


def test_a_blueprint_names_its_own_files_in_short(own: Flask, tmp_path: Path) -> None:
    with own.test_request_context("/shop/"):
        missing = current_app.url_for(".static", filename="own.css")
        (tmp_path / "own.css").write_text("a { color: red }", "utf-8")
        url = current_app.url_for(".static", filename="own.css")
        assert url != missing  # a file may come later
        assert url == current_app.url_for("shop.static", filename="own.css")
    assert caching(own.test_client(), url) == FOREVER
