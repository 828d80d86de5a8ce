"""Static files: a hash of each file is part of its URL, so that browsers may keep it for a year."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.security import safe_join

from app.per_app import PerApp

# The name of the hash in the query.
HASH = "v"
YEAR = 365 * 24 * 60 * 60
# Seconds to keep a file whose URL has no hash, or that of another version.
SHORT = 60

# Hashes by endpoint and name: outside debug mode the app is restarted when its files change.
KNOWN: PerApp[dict[tuple[str, str], str]] = PerApp("static_files")


def init_app(app: Flask) -> None:
    """Add the hash to every URL from `url_for`, of the app's and of all blueprints' files."""
    KNOWN.set(app, {})
    app.url_defaults(_add_hash)
    app.after_request(_let_it_be_cached)


def _add_hash(endpoint: str, values: dict[str, Any]) -> None:
    if not _is_static(endpoint):
        return
    key = endpoint, values.get("filename", "")
    found = KNOWN.current().get(key) or _hash_of(*key)
    if found:
        values.setdefault(HASH, found)
        if not current_app.debug:
            KNOWN.current()[key] = found


def _let_it_be_cached(response: Response) -> Response:
    """Compare the hash with the file itself: during a deployment, servers have other versions."""
    if request.endpoint and _is_static(request.endpoint) and response.status_code < 400:
        found = _hash_of(request.endpoint, (request.view_args or {}).get("filename", ""))
        same = found is not None and request.args.get(HASH) == found
        response.cache_control.no_cache = None
        response.cache_control.public = True
        response.cache_control.max_age = YEAR if same else SHORT
        response.cache_control.immutable = same
    return response


def _is_static(endpoint: str) -> bool:
    return endpoint == "static" or endpoint.endswith(".static")


def _hash_of(endpoint: str, filename: str) -> str | None:
    """Return the hash of a file, or nothing where there is no such file."""
    blueprint = endpoint.rpartition(".")[0]
    folder = (current_app.blueprints[blueprint] if blueprint else current_app).static_folder
    path = safe_join(folder or "", filename)
    try:
        stat = Path(path or "").stat()
        return _digest(path or "", stat.st_mtime_ns, stat.st_size)
    except OSError:
        return None


@lru_cache(maxsize=1024)
def _digest(path: str, _changed: int, _size: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]
