"""Downloads through the API."""

import os
from pathlib import Path

import pytest
from flask import Flask

from tests.api.conftest import ApiClient
from tests.conftest import MakeApp, add_account


@pytest.fixture
def ada(make_app: MakeApp, tmp_path: Path) -> ApiClient:
    """A signed-in client of an app with three files, one of them hidden."""
    (tmp_path / "été").mkdir()
    (tmp_path / "été" / "a b.txt").write_text("0123456789")
    (tmp_path / "page.html").write_text("<h1>Hello</h1>")
    (tmp_path / ".hidden").write_text("secret")
    app = make_app(DOWNLOAD_FOLDER=str(tmp_path))
    return ApiClient(app).sign_in(add_account(app))


def test_files_are_listed_and_their_urls_lead_to_them(ada: ApiClient) -> None:
    files = ada.call("GET /downloads").json["files"]
    assert [(file["name"], file["size"]) for file in files] == [
        ("page.html", 14),
        ("été/a b.txt", 10),
    ]
    for file in files:
        assert file["modified_at"].endswith("Z")
        answer = ada.call(f"GET {file['url'].removeprefix('/api/v1')}")
        assert (answer.status_code, len(answer.data)) == (200, file["size"])
        assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_part_of_a_file_can_be_had(ada: ApiClient) -> None:
    path = "/downloads/été/a b.txt"
    part = ada.call(f"GET {path}", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.data) == (206, b"234")
    beyond = ada.call(f"GET {path}", headers={"Range": "bytes=50-"})
    assert (beyond.status_code, beyond.mimetype) == (416, "application/problem+json")
    assert beyond.headers["Content-Range"] == "bytes */10"


def test_a_file_that_did_not_change_is_not_sent_again(ada: ApiClient) -> None:
    first = ada.call("GET /downloads/page.html")
    again = ada.call("GET /downloads/page.html", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = ada.call("HEAD /downloads/page.html")
    assert (head.headers["Content-Length"], head.data) == ("14", b"")


@pytest.mark.parametrize(
    "path",
    ["nothing", ".hidden", "été", "../conftest.py", "%2e%2e/x", "..%2fx", "a%00b", "%ff", "//etc"],
)
def test_what_is_no_file_of_the_folder_is_not_there(ada: ApiClient, path: str) -> None:
    answer = ada.call(f"GET /downloads/{path}")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_a_file_whose_name_is_no_text_is_not_there(ada: ApiClient, tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"\xff.txt")).touch()
    except OSError:
        pytest.skip("this file system takes no such name")
    assert len(ada.call("GET /downloads").json["files"]) == 2
    assert ada.call("GET /downloads/%ff.txt").status_code == 404


def test_a_file_whose_name_no_header_can_hold_is_not_there(ada: ApiClient, tmp_path: Path) -> None:
    (tmp_path / "two\nlines.txt").touch()
    assert len(ada.call("GET /downloads").json["files"]) == 2
    assert ada.call("GET /downloads/two%0Alines.txt").status_code == 404


def test_nobody_signed_out_gets_a_file(ada: ApiClient, app: Flask) -> None:
    for path in ("/downloads", "/downloads/page.html", "/downloads/nothing"):
        assert ApiClient(app).call(f"GET {path}").status_code == 401
