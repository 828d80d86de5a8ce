"""CSRF protection: Flask-WTF's token in every form, and Fetch Metadata from the browser.

A Referer isn't required: it is missing with privacy tools, and adds nothing to a token that is
bound to a `__Host-` cookie.
"""

import json
from typing import cast

from flask import Flask, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError, generate_csrf
from itsdangerous import TimestampSigner, URLSafeTimedSerializer, base64_encode
from werkzeug.exceptions import BadRequest

from app.per_app import PerApp

csrf = CSRFProtect()
# What Flask-WTF signs with, made once.
SALT = "wtf-csrf-token"
SIGNER: PerApp[TimestampSigner] = PerApp("csrf_signer")


def init_app(app: Flask) -> None:
    """Respond with 400 to a change of state without a token of this browser's session."""
    app.config["WTF_CSRF_SSL_STRICT"] = False
    # As long as the session: a form that lay open must not lose what was typed.
    app.config["WTF_CSRF_TIME_LIMIT"] = None
    # Newest last: it signs; the older ones keep open forms good through a rotation.
    app.config["WTF_CSRF_SECRET_KEY"] = [
        *app.config["SECRET_KEY_FALLBACKS"],
        app.config["SECRET_KEY"],
    ]
    app.config["WTF_CSRF_CHECK_DEFAULT"] = False  # the function below checks
    csrf.init_app(app)
    serializer = URLSafeTimedSerializer(app.config["WTF_CSRF_SECRET_KEY"], SALT)
    SIGNER.set(app, cast(TimestampSigner, serializer.make_signer(SALT)))
    app.context_processor(lambda: {"csrf_token": token})  # after Flask-WTF's own
    app.before_request(refuse_forged_forms)


def token() -> str:
    """Return the same as Flask-WTF's `generate_csrf`, which is on every page, in half the time."""
    if "csrf_token" not in g:
        if not isinstance(session.get("csrf_token"), str):
            return str(generate_csrf())
        # What the serializer's own `dumps` makes, which would also try to compress it.
        value = base64_encode(json.dumps(session["csrf_token"]))
        g.csrf_token = SIGNER.current().sign(value).decode()
    return str(g.csrf_token)


def prepare() -> None:
    """Give this browser its secret now, so that the next page doesn't set the cookie again."""
    g.pop("csrf_token", None)  # it may be signed with the secret from before the sign-in
    generate_csrf()


def refuse_forged_forms() -> ResponseReturnValue | None:
    """Refuse a form without this browser's token. An old sign-out form may still work."""
    if request.method not in current_app.config["WTF_CSRF_METHODS"]:
        return None
    #: if cookiecutter.interface == "both"
    from app.gate import WITHOUT_COOKIES

    if request.path.startswith(WITHOUT_COOKIES):
        return None  # nothing is signed in there by a cookie, so no form could be forged
    #: endif
    _refuse_nameless_fields()
    try:
        csrf.protect(apply_exemptions=True)
        _refuse_other_sites()
    except CSRFError:
        if request.endpoint != "web.logout":
            raise
        return _sign_out_from_another_tab()
    return None


def _refuse_nameless_fields() -> None:
    """Refuse a part of a multipart body that has no name: Flask-WTF would fail over it."""
    if None in request.form:
        raise BadRequest("A field of the form has no name.")


def _refuse_other_sites() -> None:
    """Refuse a form that the browser says was sent by another site (W3C Fetch Metadata)."""
    checked = g.get("csrf_valid")  # not so for a view that is exempt from the protection
    if checked and request.headers.get("Sec-Fetch-Site") in ("cross-site", "same-site"):
        raise CSRFError("The form was sent by another site.")


def _sign_out_from_another_tab() -> ResponseReturnValue | None:
    """Serve the sign-out button of a page that was opened before a sign-in or sign-out elsewhere.

    Raises CSRFError if another site may have sent the form.
    """
    sent_by = request.headers.get("Sec-Fetch-Site", "none")
    if sent_by == "same-origin":
        return None  # the browser vouches for the page, so the view may sign out
    if sent_by == "none" and not current_user.is_authenticated:
        # A form of another site arrives without cookies (`SameSite`) and looks like this. Nothing
        # may set or delete one here: it would replace that of a session that goes on.
        return redirect(url_for("web.home"), 303)
    raise CSRFError
