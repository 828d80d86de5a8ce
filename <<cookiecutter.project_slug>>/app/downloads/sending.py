"""Send a file from this process, or have the web server in front of it send the file."""

import errno
import logging
import os
import re
import weakref
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any
from urllib.parse import quote

from flask import Flask, Response, abort, current_app, request, send_from_directory
from werkzeug.exceptions import PreconditionFailed, ServiceUnavailable

from app.downloads import files
from app.per_app import PerApp

logger = logging.getLogger(__name__)

# The address of the folder inside nginx: an `internal` location, see docs/operations.md.
NGINX_LOCATION = "/_downloads/"
# What the web server keeps of the app's response, or needs to answer conditional requests.
KEPT_HEADERS = ("Content-Type", "Content-Disposition", "ETag", "Last-Modified")
# The one form of `Range` that is answered: Werkzeug would refuse others, which are to be ignored.
ONE_RANGE = re.compile(r"bytes=\s*(?P<first>\d{1,18})?-(?P<last>\d{1,18})?\s*")
# Beside one of them the whole file is meant: they decide before a range does (RFC 9110, section
# 13.2.2), which Werkzeug looks at first.
CONDITIONS = ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since")
# When to come back while too many files are being sent, in seconds.
RETRY_AFTER = 30

PLACES: PerApp[BoundedSemaphore] = PerApp("download_places")


def init_app(app: Flask) -> None:
    """Limit how many files each process sends at the same time."""
    PLACES.set(app, BoundedSemaphore(app.config["DOWNLOADS_AT_ONCE"]))


def send(name: str) -> Response:
    """Return a file as an attachment, with ranges and `ETag`.

    Raises:
        NotFound: There is no such file.
        PreconditionFailed: It isn't the one that `If-Match` or `If-Unmodified-Since` means.
        ServiceUnavailable: This process is sending as many files as it may.
    """
    response = _response(name)
    if response.status_code == PreconditionFailed.code:
        response.close()  # Werkzeug would send the file with it
        raise PreconditionFailed("The file isn't the one that `If-Match` names.")
    if response.is_streamed and response.status_code in (200, 206):
        if current_app.config["DOWNLOAD_ACCEL"]:
            response = _handed_over(response, name)
        elif request.method == "HEAD":
            response.close()
        else:
            _take_a_place(response, name)
    # Flask's own `no-cache` would let browsers keep a copy after the sign-out.
    response.headers["Cache-Control"] = "no-store"
    return response


def _response(name: str) -> Response:
    """Return Flask's response, which has checked the conditions and the range of the request."""
    file = next(files.existing([name]), None)
    if file is None:
        abort(404)
    if not _may_be_a_part():
        request.environ.pop("HTTP_RANGE", None)  # see RFC 9110, section 14.2
    until = None if "If-Match" in request.headers else request.if_unmodified_since
    if until is not None and file.modified_at > until:  # see RFC 9110, section 13.1.4
        raise PreconditionFailed("The file was changed after `If-Unmodified-Since`.")
    if request.headers.get("If-Match", "").strip() == "*":
        request.environ.pop("HTTP_IF_MATCH")  # any file, which Werkzeug takes for a name
    accelerated = bool(current_app.config["DOWNLOAD_ACCEL"])
    # nginx makes this one, so a client's `ETag` is the same to both.
    etag = f"{int(file.modified_at.timestamp()):x}-{file.size:x}"
    try:
        return send_from_directory(
            files.folder().resolve(),
            name,
            as_attachment=True,
            download_name=Path(name).name,
            etag=etag if accelerated else True,
        )
    except OSError:  # removed since it was looked at, or refused by its file system
        abort(404)


def _may_be_a_part() -> bool:
    """Return whether the request is a GET for one range of the file, without a condition."""
    if request.method != "GET":
        return False
    asked = ONE_RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or any(name in request.headers for name in CONDITIONS):
        return False
    if request.headers.get("If-Range", "").startswith("W/"):
        return False  # equal enough for a reader, not byte by byte (section 13.1.5)
    first, last = asked["first"], asked["last"]
    return int(first) <= int(last) if first and last else bool(first or last)


def _handed_over(response: Response, name: str) -> Response:
    """Return an empty response that tells the web server which file to send.

    The server gets the real path, without links, so that it can refuse to follow any.
    """
    response.close()
    path = files.locate(name)
    if path is None:
        abort(404)
    empty = Response()
    for header in KEPT_HEADERS:
        empty.headers[header] = response.headers[header]
    if current_app.config["DOWNLOAD_ACCEL"] == "nginx":
        relative = path.relative_to(files.folder().resolve())
        empty.headers["X-Accel-Redirect"] = NGINX_LOCATION + quote(str(relative))
    else:
        # mod_xsendfile takes the bytes of the name; WSGI carries bytes as Latin-1 (PEP 3333).
        empty.headers["X-Sendfile"] = os.fsencode(path).decode("latin-1")
    return empty


def _take_a_place(response: Response, name: str) -> None:
    """Count this response until it ends, so that slow readers leave threads for others."""
    path = files.locate(name)
    places = PLACES.current()
    file: Any = response.response
    if not places.acquire(blocking=False):
        response.close()
        raise ServiceUnavailable(
            "Too many files are being downloaded. Try again in a minute.", retry_after=RETRY_AFTER
        )
    closing = ExitStack()
    # Also if a response is dropped unsent, such as by an error of an `after_request`.
    closing.callback(weakref.finalize(file, places.release))
    closing.callback(file.close)
    with suppress(OSError):  # it was removed meanwhile
        if path is not None:
            closing.callback(_check_length, path, path.stat())
    if "wsgi.file_wrapper" in request.environ:
        file.close = closing.close  # the server sends its own wrapper in a quicker way
    else:
        response.response = _closing(file, closing)
        next(response.response)  # what has not begun would not be closed


def _closing(file: Iterator[bytes], closing: ExitStack) -> Iterator[bytes]:
    """Yield what a file has. It is closed at its end, too: clients of tests seldom close it."""
    with closing:
        yield b""
        yield from file


def _check_length(path: Path, before: os.stat_result) -> None:
    """Raise ConnectionResetError if a file became shorter while it was sent.

    The client waits for the rest, so the server has to close the connection.
    """
    with suppress(FileNotFoundError):
        after = path.stat()
        if after.st_ino == before.st_ino and after.st_size < before.st_size:
            logger.error("A file became shorter while it was sent")
            raise ConnectionResetError(errno.ECONNRESET, "shorter than announced")
