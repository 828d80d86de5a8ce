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
    digest_method: Any = staticmethod(hashlib.sha256)

    def __init__(self) -> None:
        self._serializer: URLSafeTimedSerializer | None = None

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return the serializer, made once; nothing without a SECRET_KEY."""
        if self._serializer is None:
            self._serializer = super().get_signing_serializer(app)
            if self._serializer is not None:
                self._serializer.signer = AgelessSigner
        return self._serializer
