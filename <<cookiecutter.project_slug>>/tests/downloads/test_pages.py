"""The files, for people who are signed in."""

from pathlib import Path

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.web.conftest import Browser

CONTENT = b"0123456789"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with files that may be downloaded, and with what may not."""
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / "digits.txt").write_bytes(CONTENT)
    (folder / "sub" / "ünicode & <b>.txt").write_bytes(b"x" * 2048)
    (folder / ".hidden").write_text("secret")
    (tmp_path / "outside.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "outside.txt")
    (folder / "shown.txt").symlink_to(folder / ".hidden")
    return folder


@pytest.fixture
def reader(make_app: MakeApp, folder: Path, account: str) -> Browser:
    """A signed-in browser of an app that offers `folder`."""
    browser = Browser(make_app(DOWNLOAD_FOLDER=str(folder)))
    browser.sign_in(account)
    return browser


def test_signed_out_there_is_nothing_to_see(app: Flask) -> None:
    browser = Browser(app)
    assert browser.get("/downloads/").location == "/login?next=/downloads/"
    response = browser.get("/downloads/welcome.txt")
    assert response.location == "/login?next=/downloads/welcome.txt"
    assert browser.client.head("/downloads/nothing").status_code == 303


def test_the_page_lists_the_files_and_nothing_else(reader: Browser) -> None:
    page = reader.get("/downloads/").text
    assert 'href="/downloads/digits.txt"' in page
    assert "10 Bytes" in page
    assert "2.0 kB" in page
    assert "sub/ünicode &amp; &lt;b&gt;.txt" in page
    assert page.count("/downloads/") == 2 + page.count('href="/downloads/"')
    assert "hidden" not in page.replace("visually-hidden", "").replace('type="hidden"', "")
    assert "link.txt" not in page
    assert "shown.txt" not in page


def test_without_files_the_page_says_so(make_app: MakeApp, tmp_path: Path, account: str) -> None:
    browser = Browser(make_app(DOWNLOAD_FOLDER=str(tmp_path / "none")))
    browser.sign_in(account)
    assert "There are no files yet" in browser.get("/downloads/").text


def test_the_menu_leads_there(reader: Browser) -> None:
    assert '<a href="/downloads/"' in reader.get("/account").text


def test_a_file_comes_as_an_attachment(reader: Browser) -> None:
    response = reader.get("/downloads/digits.txt")
    assert response.status_code == 200
    assert response.data == CONTENT
    assert response.headers["Content-Disposition"] == "attachment; filename=digits.txt"
    assert response.headers["Cache-Control"] == "no-store"
    assert reader.client.head("/downloads/digits.txt", buffered=True).content_length == 10
    assert reader.get("/downloads/sub/ünicode & <b>.txt").status_code == 200


def test_a_part_of_a_file_can_be_asked_for(reader: Browser) -> None:
    response = reader.get("/downloads/digits.txt", {"Range": "bytes=2-4"})
    assert (response.status_code, response.data) == (206, b"234")
    response = reader.get("/downloads/digits.txt", {"Range": "bytes=99-"})
    assert response.status_code == 416
    assert response.headers["Content-Range"] == "bytes */10"


def test_a_file_that_one_has_is_not_sent_again(reader: Browser) -> None:
    tag = reader.get("/downloads/digits.txt").headers["ETag"]
    response = reader.get("/downloads/digits.txt", {"If-None-Match": tag})
    assert (response.status_code, response.data) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "nothing.txt",
        "sub",
        "sub/",
        ".hidden",
        "link.txt",
        "shown.txt",
        "../outside.txt",
        "%2e%2e/outside.txt",
        "..%2foutside.txt",
        "sub/../../outside.txt",
        "..\\outside.txt",
        "digits.txt%00",
        "digits.txt/",
        "x" * 5000,
    ],
)
def test_all_else_is_not_found(reader: Browser, path: str) -> None:
    response = reader.get(f"/downloads/{path}")
    assert response.status_code == 404
    assert b"secret" not in response.data


def test_a_path_from_the_root_leads_back_into_the_folder(reader: Browser) -> None:
    response = reader.get("/downloads/%2Fetc/passwd")
    assert response.status_code == 308
    assert reader.get(response.location or "").status_code == 404
