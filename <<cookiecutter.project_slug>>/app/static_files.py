"""Static files: a hash of each file is part of its URL, so that browsers may keep it for a year."""

import hashlib
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, current_app, has_request_context, request
from werkzeug.security import safe_join

from app.routing import LazyRule

# The name of the hash in the query.
HASH = "v"
YEAR = 365 * 24 * 60 * 60
# Seconds to keep a file whose URL has no hash, or that of another version.
SHORT = 60


class App(Flask):
    """Flask, with the hash in every URL of a static file, of the app's and of all blueprints'."""

    url_rule_class = LazyRule

    def __init__(self, *arguments: Any, **keywords: Any) -> None:
        super().__init__(*arguments, **keywords)
        # By path of the app, endpoint and name of the file.
        self._known: dict[tuple[str, str, str], str] = {}
        self.after_request(_let_it_be_cached)

    def url_for(self, endpoint: str, **values: Any) -> str:
        """Return the URL of an endpoint.

        For templates, one without values, or of a static file alone, is built once: a page has a
        dozen. A file doesn't change until the next start.
        """
        if endpoint.startswith(".") and has_request_context():  # in the same blueprint, as in Flask
            endpoint = f"{request.blueprint or ''}{endpoint}".removeprefix(".")
        static = "filename" in values and _is_static(endpoint)
        if len(values) > static or self.debug or not has_request_context():
            return self._build(endpoint, static, values)
        key = request.script_root, endpoint, values.get("filename", "")
        if key not in self._known:
            url = self._build(endpoint, static, values)
            # A file without a hash isn't there, or not yet.
            if not self._is_constant(endpoint, url) or (static and f"?{HASH}=" not in url):
                return url
            self._known[key] = url
        return self._known[key]

    def _is_constant(self, endpoint: str, url: str) -> bool:
        """Return whether of a request, only the path of the app makes a difference to a URL."""
        if self.url_default_functions or self.url_build_error_handlers:
            return False  # the code decides
        if self.subdomain_matching or self.url_map.host_matching or not url.startswith("/"):
            return False  # the host does
        return len([*self.url_map.iter_rules(endpoint)]) == 1  # else the method may

    def _build(self, endpoint: str, static: bool, values: dict[str, Any]) -> str:
        found = _with_hash(endpoint, values["filename"]) if static else {}
        return super().url_for(endpoint, **found, **values)


def _with_hash(endpoint: str, filename: str) -> dict[str, Any]:
    found = _hash_of(endpoint, filename)
    return {HASH: found} if found else {}


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
