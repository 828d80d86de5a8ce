"""The files of one folder, and nothing outside it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from flask import Response, abort, current_app, send_from_directory

# No header can hold a line break, no path a NUL; a backslash is a path elsewhere.
NOT_IN_NAMES = set("\0\r\n\\")


@dataclass(frozen=True)
class File:
    """A file that may be downloaded: its path below the folder, bytes, and last change."""

    name: str
    size: int
    modified_at: datetime


def folder() -> Path:
    """The folder of the files; a relative setting counts from the project's own."""
    return Path(current_app.root_path, "..", current_app.config["DOWNLOAD_FOLDER"])


def listing() -> list[File]:
    """All files below the folder, by name; none when there is no folder."""
    return sorted(_walk(folder().resolve()), key=lambda file: file.name)


def send(name: str) -> Response:
    """The file as an attachment, with ranges and `ETag`. Aborts with 404 for all else."""
    root = folder().resolve()
    path = _inside(root, name)
    if path is None:
        abort(404)
    response = send_from_directory(
        root, path.relative_to(root).as_posix(), as_attachment=True, download_name=Path(name).name
    )
    # Flask's own `no-cache` would let browsers keep a copy after the sign-out.
    response.headers["Cache-Control"] = "no-store"
    return response


def _walk(root: Path) -> Iterator[File]:
    for parent, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            relative = (Path(parent) / name).relative_to(root).as_posix()
            path = _inside(root, relative)
            if path is not None:
                status = path.stat()
                modified_at = datetime.fromtimestamp(int(status.st_mtime), UTC)
                yield File(relative, status.st_size, modified_at)


def _inside(root: Path, name: str) -> Path | None:
    """The real file of a name, unless it is hidden, no plain file, or leads out of the folder."""
    parts = name.split("/")
    if set(name) & NOT_IN_NAMES or any(part.startswith(".") or not part for part in parts):
        return None
    try:
        name.encode()  # a name that is no text has no URL
        path = (root / name).resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None
    if not path.is_relative_to(root) or not path.is_file():
        return None
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return None if hidden else path
