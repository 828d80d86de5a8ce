"""The files of one folder, and nothing outside it."""

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from flask import current_app

# Control characters and line separators break headers and terminals, lone surrogates have no
# UTF-8, and a backslash separates folders elsewhere.
NOT_IN_NAMES = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\\]")
# Bytes of a name as part of a URL: gunicorn refuses a request line of more than 4,094.
MAX_NAME_LENGTH = 3500


@dataclass(frozen=True)
class File:
    """A file that can be downloaded: its path below the folder, size in bytes, last change."""

    name: str
    size: int
    modified_at: datetime


def folder() -> Path:
    """Return the folder of the files; a relative setting counts from the project's own."""
    return Path(current_app.root_path, "..", current_app.config["DOWNLOAD_FOLDER"])


def names() -> list[str]:
    """Return the sorted names of everything below the folder that may be a file.

    Only directories are read: a folder of many files must not cost a `stat` of each.
    """
    root = folder().resolve()
    found, waiting = [], [""]
    while waiting:
        parent = waiting.pop()
        # A folder that cannot be read, or that was removed meanwhile, has no files.
        with suppress(OSError), os.scandir(root / parent) as entries:
            for entry in entries:
                if not _presentable(entry.name):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(f"{parent}{entry.name}/")
                elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                    found.append(parent + entry.name)
    return sorted(found)


def locate(name: str) -> Path | None:
    """Return the real path of the file with this name, or None if it can't be downloaded."""
    return _inside(folder().resolve(), name)


def existing(names: list[str]) -> Iterator[File]:
    """Describe those of `names` that can be downloaded."""
    root = folder().resolve()
    for name in names:
        # It was removed since its folder was read, or its date is beyond the year 9999.
        with suppress(OSError, ValueError):
            path = _inside(root, name)
            if path is not None:
                status = path.stat()
                modified_at = datetime.fromtimestamp(int(status.st_mtime), UTC)
                yield File(name, status.st_size, modified_at)


def _presentable(name: str) -> bool:
    return not name.startswith(".") and not NOT_IN_NAMES.search(name)


def _inside(root: Path, name: str) -> Path | None:
    """Return the real path of a readable file in the folder.

    None if it is hidden, cannot be read, is no regular file, or leads out of the folder.
    """
    if not all(part and _presentable(part) for part in name.split("/")):
        return None
    if len(quote(name)) > MAX_NAME_LENGTH:
        return None
    try:
        path = (root / name).resolve(strict=True)
    except (OSError, RuntimeError):  # nothing there, or links in a circle
        return None
    if not path.is_relative_to(root) or not path.is_file() or not os.access(path, os.R_OK):
        return None
    hidden = any(part.startswith(".") for part in path.relative_to(root).parts)
    return None if hidden else path
