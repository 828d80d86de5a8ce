"""Flask's `session`, a signed cookie without an age: the session's row says when it ends."""

import hashlib
from typing import Any

from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import TimestampSigner, URLSafeTimedSerializer


class AgelessSigner(TimestampSigner):
    """Accepts a signature of any age, and one from a server whose clock is ahead of this one's."""

    def unsign(
        self, signed_value: str | bytes, max_age: int | None = None, *a: Any, **k: Any
    ) -> Any:
        """Return the value without its signature. Raises BadSignature."""
        return super().unsign(signed_value, None, *a, **k)


class SessionCookie(SecureCookieSessionInterface):
    """Flask's session, signed with SHA-256 and without an age."""

    # Flask's own is SHA-1, which no new design should use, not even where it is no weakness.
    digest_method = staticmethod(hashlib.sha256)

    def __init__(self) -> None:
        self._made: dict[tuple[str, ...], URLSafeTimedSerializer] = {}

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return the serializer of the app's keys, made once; nothing without a SECRET_KEY."""
        keys = (app.config["SECRET_KEY"], *app.config["SECRET_KEY_FALLBACKS"])
        serializer = self._made.get(keys) or super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = AgelessSigner
            self._made = {keys: serializer}
        return serializer
