"""Downloads through the API."""

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.downloads import sending
from tests.api.conftest import ApiClient, errors_of
from tests.conftest import MakeApp, add_account

# Of the file systems at hand, the one that keeps any date.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a folder of its own


@pytest.fixture
def ada(app: Flask, account: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ApiClient:
    """A signed-in client of an app with three files, one of them hidden."""
    (tmp_path / "été").mkdir()
    (tmp_path / "été" / "a b.txt").write_text("0123456789")
    (tmp_path / "page.html").write_text("<h1>Hello</h1>")
    (tmp_path / ".hidden").write_text("secret")
    monkeypatch.setitem(app.config, "DOWNLOAD_FOLDER", str(tmp_path))
    return ApiClient(app).sign_in(account)


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


def test_a_part_of_a_file_can_be_requested(ada: ApiClient) -> None:
    path = "/downloads/été/a b.txt"
    part = ada.call(f"GET {path}", headers={"Range": "bytes=2-4"})
    assert (part.status_code, part.data) == (206, b"234")
    beyond = ada.call(f"GET {path}", headers={"Range": "bytes=50-"})
    assert (beyond.status_code, beyond.mimetype) == (416, "application/problem+json")
    assert beyond.headers["Content-Range"] == "bytes */10"


def test_an_unchanged_file_is_not_sent_again(ada: ApiClient) -> None:
    first = ada.call("GET /downloads/page.html")
    again = ada.call("GET /downloads/page.html", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    head = ada.call("HEAD /downloads/page.html")
    assert (head.headers["Content-Length"], head.data) == ("14", b"")


def test_another_file_than_the_one_meant_is_not_sent(ada: ApiClient) -> None:
    path = "/downloads/été/a b.txt"
    refused = ada.call(f"GET {path}", headers={"If-Match": '"another"'})
    assert (refused.status_code, refused.mimetype) == (412, "application/problem+json")
    assert refused.json["detail"] == "The file isn't the one that `If-Match` names."


def test_the_web_server_gets_the_path_of_the_file_to_send(
    ada: ApiClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.config, "DOWNLOAD_ACCEL", "nginx")
    answer = ada.call("GET /downloads/été/a b.txt", headers={"Range": "bytes=2-4"})
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["X-Accel-Redirect"] == "/_downloads/%C3%A9t%C3%A9/a%20b.txt"
    beyond = ada.call("GET /downloads/été/a b.txt", headers={"Range": "bytes=50-"})
    assert (beyond.status_code, beyond.mimetype) == (416, "application/problem+json")


def test_the_number_of_concurrent_downloads_is_limited(
    make_app: MakeApp, tmp_path: Path, account: str
) -> None:
    (tmp_path / "page.html").write_text("<h1>Hello</h1>")
    app = make_app(DOWNLOAD_FOLDER=str(tmp_path), DOWNLOADS_AT_ONCE="1")
    ada = ApiClient(app).sign_in(account)
    with sending.PLACES.of(app):
        answer = ada.call("GET /downloads/page.html")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
        assert answer.mimetype == "application/problem+json"
    for _ in range(2):
        assert ada.call("GET /downloads/page.html").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["nothing", ".hidden", "été", "../conftest.py", "%2e%2e/x", "..%2fx", "a%00b", "%ff", "//etc"],
)
def test_paths_outside_the_folder_are_not_found(ada: ApiClient, path: str) -> None:
    answer = ada.call(f"GET /downloads/{path}")
    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_a_file_with_an_undecodable_name_is_not_found(ada: ApiClient, tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"\xff.txt")).touch()
    except OSError:
        pytest.skip("this file system takes no such name")
    (tmp_path / "\U0001f36a.txt").touch()  # sorts after it
    answer = ada.call("GET /downloads?limit=3").json
    assert [file["name"] for file in answer["files"]] == ["page.html", "été/a b.txt", "🍪.txt"]
    assert "next" not in answer
    assert ada.call("GET /downloads/%ff.txt").status_code == 404


def test_a_file_with_a_name_that_no_header_can_hold_is_not_found(
    ada: ApiClient, tmp_path: Path
) -> None:
    (tmp_path / "two\nlines.txt").touch()
    assert len(ada.call("GET /downloads").json["files"]) == 2
    assert ada.call("GET /downloads/two%0Alines.txt").status_code == 404


def test_files_need_a_token(ada: ApiClient, app: Flask) -> None:
    for path in ("/downloads", "/downloads/page.html", "/downloads/nothing"):
        assert ApiClient(app).call(f"GET {path}").status_code == 401


def test_many_files_are_listed_a_page_at_a_time(ada: ApiClient, tmp_path: Path) -> None:
    for number in range(249):
        (tmp_path / f"{number:03}.txt").touch()
    names, lengths, page = [], [], "/api/v1/downloads"
    while page:
        answer = ada.call(f"GET {page.removeprefix('/api/v1')}").json
        names += [file["name"] for file in answer["files"]]
        lengths.append(len(answer["files"]))
        page = answer.get("next")
    assert lengths == [100, 100, 51]
    assert names == [*(f"{number:03}.txt" for number in range(249)), "page.html", "été/a b.txt"]


def test_the_document_says_that_the_last_page_has_no_next(app: Flask) -> None:
    document: Any = app.test_client().get("/api/v1/openapi.json").json
    files = document["components"]["schemas"]["Files"]
    assert files["required"] == ["files"]
    assert files["properties"]["next"]["type"] == "string"
    assert "default" not in files["properties"]["next"]


def test_a_client_chooses_the_size_and_start_of_a_page(ada: ApiClient) -> None:
    first = ada.call("GET /downloads?limit=1").json
    assert [file["name"] for file in first["files"]] == ["page.html"]
    assert first["next"] == "/api/v1/downloads?after=page.html&limit=1"
    rest = ada.call("GET /downloads?after=page.html&limit=1000").json
    assert [file["name"] for file in rest["files"]] == ["été/a b.txt"]
    assert "next" not in rest
    # é sorts after every ASCII letter
    assert ada.call("GET /downloads?after=zzz").json == {"files": rest["files"]}


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=", "offset=1"])
def test_an_invalid_query_is_refused(ada: ApiClient, query: str) -> None:
    assert list(errors_of(ada.call(f"GET /downloads?{query}"))) == [query.partition("=")[0]]


def test_a_file_with_an_impossible_date_is_not_found(make_app: MakeApp) -> None:
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        late = Path(folder, "late.txt")
        late.touch()
        os.utime(late, (2**55, 2**55))
        if late.stat().st_mtime != 2**55:
            pytest.skip("this file system keeps no such date")
        app = make_app(DOWNLOAD_FOLDER=folder)
        ada = ApiClient(app).sign_in(add_account(app))
        assert ada.call("GET /downloads").json["files"] == []
        assert ada.call("GET /downloads/late.txt").status_code == 404


def test_an_unreadable_file_is_not_found(ada: ApiClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*_: object) -> None:
        raise PermissionError

    # What a network file system may do, though `access` says that the file can be read.
    monkeypatch.setattr("werkzeug.utils.open", refusing, raising=False)
    assert ada.call("GET /downloads/page.html").status_code == 404
