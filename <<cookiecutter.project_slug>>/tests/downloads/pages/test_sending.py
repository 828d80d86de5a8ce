"""What a file is sent with, and to whom."""

import gc
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from werkzeug.http import http_date
from werkzeug.test import TestResponse
from werkzeug.wsgi import FileWrapper

from app.downloads import sending
from tests.conftest import MakeApp
from tests.downloads.pages.conftest import CONTENT, hrefs
from tests.web.conftest import Browser


def test_a_file_comes_as_an_attachment(reader: Browser) -> None:
    response = reader.get("/downloads/digits.txt")
    assert response.status_code == 200
    assert response.data == CONTENT
    assert response.headers["Content-Disposition"] == "attachment; filename=digits.txt"
    assert response.headers["Cache-Control"] == "no-store"
    assert reader.client.head("/downloads/digits.txt", buffered=True).content_length == 10
    assert reader.get("/downloads/sub/ünicode & <b>.txt").status_code == 200


def test_a_part_of_a_file_can_be_requested(reader: Browser) -> None:
    response = reader.get("/downloads/digits.txt", {"Range": "bytes=2-4"})
    assert (response.status_code, response.data) == (206, b"234")
    response = reader.get("/downloads/digits.txt", {"Range": "bytes=99-"})
    assert response.status_code == 416
    assert "send that part of the file" in response.text
    assert response.headers["Content-Range"] == "bytes */10"
    headers = {"Range": "bytes=2-4"}
    whole = reader.client.head("/downloads/digits.txt", headers=headers, buffered=True)
    assert (whole.status_code, whole.content_length) == (200, 10)


@pytest.mark.parametrize(
    "asked",
    [
        "items=0-1",
        "bytes=0-1,3-4",
        "bytes=x",
        "bytes",
        "bytes=-",
        "bytes=5-2",
        "bytes=" + "9" * 5000 + "-",
        "\x00",
    ],
)
def test_another_kind_of_range_is_ignored(reader: Browser, asked: str) -> None:
    response = reader.get("/downloads/digits.txt", {"Range": asked})
    assert (response.status_code, response.data) == (200, CONTENT)


def test_an_unchanged_file_is_not_sent_again(reader: Browser) -> None:
    tag = reader.get("/downloads/digits.txt").headers["ETag"]
    response = reader.get("/downloads/digits.txt", {"If-None-Match": tag})
    assert (response.status_code, response.data) == (304, b"")
    part = reader.get("/downloads/digits.txt", {"If-None-Match": tag, "Range": "bytes=2-4"})
    assert (part.status_code, part.data) == (304, b"")


@pytest.mark.parametrize("server", ["", "nginx"])
def test_another_file_than_the_one_meant_is_not_sent(
    app: Flask, reader: Browser, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    monkeypatch.setitem(app.config, "DOWNLOAD_ACCEL", server)
    tag = reader.get("/downloads/digits.txt").headers["ETag"]
    for meant in (tag, "*"):
        for more in ({}, {"Range": "bytes=2-4"}):
            response = reader.get("/downloads/digits.txt", {"If-Match": meant, **more})
            assert response.status_code == 200
            assert response.data == (b"" if server else CONTENT)
    for more in ({}, {"Range": "bytes=2-4"}):
        response = reader.get("/downloads/digits.txt", {"If-Match": '"another"', **more})
        assert response.status_code == 412
        assert "This file has changed" in response.text
        assert "Content-Disposition" not in response.headers


def test_a_file_that_was_changed_since_is_not_sent(reader: Browser, folder: Path) -> None:
    os.utime(folder / "digits.txt", (1_000_000_000, 1_000_000_000))
    for since, status in ((0, 200), (1, 200), (-1, 412)):
        headers = {"If-Unmodified-Since": http_date(1_000_000_000 + since)}
        assert reader.get("/downloads/digits.txt", headers).status_code == status
    for tag in (reader.get("/downloads/digits.txt").headers["ETag"], "*"):
        headers["If-Match"] = tag  # says it better
        assert reader.get("/downloads/digits.txt", headers).status_code == 200


def test_a_part_of_a_file_needs_the_very_same_file(reader: Browser) -> None:
    tag = reader.get("/downloads/digits.txt").headers["ETag"]
    for meant, status in ((tag, 206), (f"W/{tag}", 200), ('"another"', 200)):
        headers = {"Range": "bytes=2-4", "If-Range": meant}
        assert reader.get("/downloads/digits.txt", headers).status_code == status


@pytest.mark.parametrize(
    ("server", "header", "value"),
    [
        ("nginx", "X-Accel-Redirect", "/_downloads/sub/%C3%BCnicode%20%26%20%3Cb%3E.txt"),
        ("apache", "X-Sendfile", "{folder}/sub/Ã¼nicode & <b>.txt"),  # UTF-8, as Latin-1
    ],
)
def test_the_web_server_gets_the_path_of_the_file_to_send(
    app: Flask,
    reader: Browser,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    server: str,
    header: str,
    value: str,
) -> None:
    monkeypatch.setitem(app.config, "DOWNLOAD_ACCEL", server)
    (folder / "100%?.txt").symlink_to(folder / "sub" / "ünicode & <b>.txt")
    for name in ("sub/ünicode & <b>.txt", "100%25%3F.txt"):
        response = reader.get(f"/downloads/{name}", {"Range": "bytes=2-4"})
        assert (response.status_code, response.data) == (200, b"")
        assert response.headers[header] == value.format(folder=folder.resolve())
        assert response.headers["Content-Disposition"].startswith("attachment; filename")
        assert response.headers["Cache-Control"] == "no-store"
    tag = response.headers["ETag"]
    response = reader.get("/downloads/sub/ünicode & <b>.txt", {"If-None-Match": tag})
    assert (response.status_code, response.headers.get(header)) == (304, None)
    response = reader.get("/downloads/digits.txt", {"Range": "bytes=99-"})
    assert (response.status_code, response.headers.get(header)) == (416, None)
    for name in ("link.txt", ".hidden", "shown.txt", "../outside.txt"):
        response = reader.get(f"/downloads/{name}")
        assert (response.status_code, response.headers.get(header)) == (404, None)


@pytest.mark.parametrize("end", [TestResponse.close, TestResponse.get_data])
def test_the_number_of_concurrent_downloads_is_limited(
    make_app: MakeApp, folder: Path, account: str, end: Callable[[TestResponse], object]
) -> None:
    browser = Browser(make_app(DOWNLOAD_FOLDER=str(folder), DOWNLOADS_AT_ONCE="1"))
    browser.sign_in(account)
    for headers in ({}, {"Range": "bytes=2-4"}):
        first = browser.client.get("/downloads/digits.txt", headers=headers)
        second = browser.get("/downloads/digits.txt")
        assert (second.status_code, second.headers["Retry-After"]) == (503, "30")
        assert browser.client.head("/downloads/digits.txt").status_code == 200
        end(first)
        assert browser.get("/downloads/digits.txt").data == CONTENT


def test_a_download_that_never_began_counts_no_longer(make_app: MakeApp, folder: Path) -> None:
    app = make_app(DOWNLOAD_FOLDER=str(folder), DOWNLOADS_AT_ONCE="1")
    with app.test_request_context():
        for _ in range(2):
            sending.send("digits.txt").close()


class ServersWrapper(FileWrapper):
    """What a server sends in a way of its own."""


def test_a_server_sends_a_file_in_its_own_way(make_app: MakeApp, folder: Path) -> None:
    app = make_app(DOWNLOAD_FOLDER=str(folder), DOWNLOADS_AT_ONCE="1")
    environ = {"wsgi.file_wrapper": ServersWrapper}
    with app.test_request_context(environ_overrides=environ):
        for _ in range(2):  # neither reaches the server
            response = sending.send("digits.txt")
            assert isinstance(response.response, ServersWrapper)
            response.response.file.close()
            del response
            gc.collect()


@pytest.mark.parametrize("headers", [{}, {"Range": "bytes=2-4"}])
def test_the_connection_is_closed_if_a_file_became_shorter(
    reader: Browser, folder: Path, headers: dict[str, str]
) -> None:
    response = reader.client.get("/downloads/digits.txt", headers=headers)
    os.truncate(folder / "digits.txt", 1)
    with pytest.raises(ConnectionResetError):
        response.close()
    (folder / "digits.txt").write_bytes(CONTENT)
    assert reader.get("/downloads/digits.txt").data == CONTENT


@pytest.mark.parametrize("replaced", [True, False])
def test_a_file_may_be_replaced_or_removed_while_it_is_sent(
    reader: Browser, folder: Path, replaced: bool
) -> None:
    response = reader.client.get("/downloads/digits.txt")
    (folder / "digits.txt").rename(folder / "earlier.txt")
    if replaced:
        (folder / "digits.txt").write_bytes(b"x")
    assert response.data == CONTENT
    response.close()


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
def test_anything_else_is_not_found(reader: Browser, path: str) -> None:
    response = reader.get(f"/downloads/{path}")
    assert response.status_code == 404
    assert b"secret" not in response.data


def test_a_path_from_the_root_leads_back_into_the_folder(reader: Browser) -> None:
    response = reader.get("/downloads/%2Fetc/passwd")
    assert response.status_code == 308
    assert reader.get(response.location or "").status_code == 404


def test_an_unreadable_file_is_not_found(
    reader: Browser, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "private.txt").touch(0o000)
    if os.access(folder / "private.txt", os.R_OK):  # the superuser reads everything
        allowed = os.access
        monkeypatch.setattr(
            os,
            "access",
            lambda path, mode: Path(path).name != "private.txt" and allowed(path, mode),
        )
    assert len(hrefs(reader.get("/downloads/").text)) == 2
    assert reader.get("/downloads/private.txt").status_code == 404


def test_a_file_that_disappears_during_a_request_is_not_an_error(
    reader: Browser, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = folder / "digits.txt"
    access = os.access

    def removing(path: Path, mode: int) -> bool:
        readable = access(path, mode)
        gone.unlink(missing_ok=True)
        return readable

    monkeypatch.setattr(os, "access", removing)
    assert len(hrefs(reader.get("/downloads/").text)) == 1
    gone.write_bytes(CONTENT)
    assert reader.get("/downloads/digits.txt").status_code == 404
