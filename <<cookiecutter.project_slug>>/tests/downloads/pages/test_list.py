"""The list of files, for people who are signed in."""

import os
import re
import socket
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from flask import Flask

from tests.conftest import MakeApp
from tests.downloads.pages.conftest import hrefs
from tests.web.conftest import Browser


def test_signed_out_people_see_no_files(app: Flask) -> None:
    browser = Browser(app)
    assert browser.get("/downloads/").location == "/login?next=/downloads/"
    response = browser.get("/downloads/welcome.txt")
    assert response.location == "/login?next=/downloads/welcome.txt"
    assert browser.client.head("/downloads/nothing").status_code == 303


@pytest.mark.parametrize("name", ["100%41?#.txt", "été & a b.txt"])
def test_signing_in_leads_to_the_file_that_was_asked_for(
    make_app: MakeApp, tmp_path: Path, account: str, name: str
) -> None:
    (tmp_path / name).write_text("found")
    browser = Browser(make_app(DOWNLOAD_FOLDER=str(tmp_path)))
    asked = urlsplit(browser.get(f"/downloads/{quote(name)}?a=%26%2B").location)
    (target,) = parse_qs(asked.query)["next"]
    location = browser.sign_in(account, next=target).location
    assert location.endswith("?a=%26%2B")
    assert browser.get(location).text == "found"


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


def test_many_files_are_shown_a_page_at_a_time(reader: Browser, folder: Path) -> None:
    for number in range(248):
        (folder / f"{number:03}.txt").touch()
    first = reader.get("/downloads/")
    assert "Page 1 of 3" in first.text
    assert "Previous page" not in first.text
    found = hrefs(first.text)
    link = re.search(r'href="([^"]+)" rel="next"', first.text)
    assert link is not None
    second = reader.get(link[1]).text
    third = reader.get("/downloads/?page=3").text
    assert "Next page" not in third
    found += hrefs(second) + hrefs(third)
    assert found == [
        *(f"{number:03}.txt" for number in range(248)),
        "digits.txt",
        "sub/%C3%BCnicode%20&amp;%20%3Cb%3E.txt",
    ]


@pytest.mark.parametrize("number", ["0", "2", "-1", "x", "", "1.0", "9" * 5000])
def test_a_page_that_does_not_exist_is_not_found(reader: Browser, number: str) -> None:
    assert reader.get(f"/downloads/?page={number}").status_code == 404


def test_a_page_reads_no_more_than_its_own_files(
    reader: Browser, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(300):
        (folder / f"{number:03}.txt").touch()
    looked_at: set[str] = set()
    stat = Path.stat

    def noting(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        looked_at.add(path.name)
        return stat(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", noting)
    reader.get("/downloads/?page=2")
    assert {name for name in looked_at if name.endswith(".txt")} == {
        f"{number:03}.txt" for number in range(100, 200)
    }


def test_only_regular_files_are_listed_and_sent(reader: Browser, folder: Path) -> None:
    os.mkfifo(folder / "pipe")
    (folder / "circle").symlink_to(folder / "circle")
    (folder / "folder").symlink_to(folder / "sub")
    (folder / "nowhere").symlink_to(folder / "nothing")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(folder)  # the name of a socket may have 108 bytes
        try:
            listener.bind("socket")
        finally:
            os.chdir(here)
    assert len(hrefs(reader.get("/downloads/").text)) == 2
    for name in ("pipe", "circle", "folder", "nowhere", "socket"):
        assert reader.get(f"/downloads/{name}").status_code == 404


@pytest.mark.parametrize("name", ["a\tb", "a\x1b[2Jb", "a\x7f", "a\x9b", "a\u2028b", "back\\slash"])
def test_names_that_headers_or_terminals_cannot_show_are_left_out(
    reader: Browser, folder: Path, name: str
) -> None:
    (folder / name).write_text("secret")
    assert len(hrefs(reader.get("/downloads/").text)) == 2
    assert reader.get(f"/downloads/{name}").status_code == 404


def test_names_too_long_for_a_url_are_left_out(reader: Browser, folder: Path) -> None:
    long = folder / Path(*["é" * 80] * 8)
    long.mkdir(parents=True)
    (long / "file.txt").touch()
    assert len(hrefs(reader.get("/downloads/").text)) == 2
    assert reader.get(f"/downloads/{long.relative_to(folder)}/file.txt").status_code == 404
