"""Forged forms: Flask-WTF's token in every form, and what the browser itself says of a request.

A Referer is not asked for: it is missing with privacy tools, and adds nothing to a token that is
bound to a `__Host-` cookie.
"""

from flask import Flask, request
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import BadRequest

from app.web.blueprint import bp

csrf = CSRFProtect()


def init_app(app: Flask) -> None:
    """Refuse with 400 what changes state without a token of this browser's session."""
    app.config["WTF_CSRF_SSL_STRICT"] = False
    # As long as the session: a form that lay open must not lose what was typed.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    # Newest last: it signs; the older ones keep open forms good through a rotation.
    app.config["WTF_CSRF_SECRET_KEY"] = [
        *app.config["SECRET_KEY_FALLBACKS"],
        app.config["SECRET_KEY"],
    ]
    app.before_request(refuse_nameless_fields)
    csrf.init_app(app)


def refuse_nameless_fields() -> None:
    """Refuse a part of a multipart body that has no name: Flask-WTF would fail over it."""
    if None in request.form:
        raise BadRequest("A field of the form has no name.")


@bp.before_request
def refuse_other_sites() -> None:
    """Refuse a form that the browser says was sent by another site (W3C Fetch Metadata)."""
    other = request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site")
    if request.method == "POST" and other:
        raise CSRFError("The form was sent by another site.")
