"""Decorators that restrict who can see a page."""

import functools
import re
from collections.abc import Callable
from datetime import timedelta
from typing import ParamSpec
from urllib.parse import quote, urlsplit

from flask import current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user, login_required
from werkzeug.urls import uri_to_iri
from werkzeug.wrappers import Response

from app.accounts.models import EMAIL_LENGTH, Session
from app.columns import now
from app.extensions import login_manager
from app.identity import current_identity

Arguments = ParamSpec("Arguments")
# Bytes. Escaped twice it has to fit into the headers that a proxy takes from the app.
MAX_TARGET = 500
PASSKEYS = "/account/passkeys"
# Where to go back to from paths below these that have no page.
PAGES = {PASSKEYS: "web.passkeys", "/account/sessions": "web.sessions"}
View = Callable[Arguments, ResponseReturnValue]

# One slash, then no other. Nowhere a backslash, which browsers take for a slash, nor a control
# character or a space, which they drop before they look.
SAFE_TARGET = re.compile(r"/(?!/)[^\\\x00-\x20\x7f]*")


def safe_target(target: str | None) -> str:
    """Return `target` if it is a path on this site, else the account's page (OWASP, 'Unvalidated
    Redirects and Forwards')."""
    if target and SAFE_TARGET.fullmatch(target) and _fits(target):
        return target
    return url_for("web.account")


def signed_out_only(view: View[Arguments]) -> View[Arguments]:
    """Redirect people who are signed in to their account."""

    @functools.wraps(view)
    def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> ResponseReturnValue:
        if current_user.is_authenticated:
            return redirect(url_for("web.account"), 303)
        return view(*args, **kwargs)

    return guarded


def recent_sign_in_required(view: View[Arguments]) -> View[Arguments]:
    """Require a recent sign-in; without one, ask for the password and return here.

    An email address in the form is kept until then.
    """

    @functools.wraps(view)
    @login_required
    def guarded(*args: Arguments.args, **kwargs: Arguments.kwargs) -> ResponseReturnValue:
        if is_recent(current_identity().session):
            return view(*args, **kwargs)
        if "email" in request.form:
            remember_typed_email(request.form["email"])
        return ask_to_reauthenticate()

    return guarded


def is_recent(session: Session) -> bool:
    """Return whether a session was started, or re-authenticated, a moment ago."""
    age = now() - session.created_at
    recent = timedelta(seconds=current_app.config["RECENT_SIGN_IN_SECONDS"])
    # A sign-in of the future: another server's clock is ahead, or this one's was.
    skew = timedelta(seconds=current_app.config["CLOCK_SKEW_SECONDS"])
    return -skew <= age < recent


def ask_to_reauthenticate() -> Response:
    """Redirect to the re-authentication page, and from there back to this page."""
    return redirect(url_for("web.reauthenticate", next=way_back("web.account")), 303)


def remember_typed_email(email: str) -> None:
    """Keep an email address that was entered, for the next form that asks for it."""
    session["typed_email"] = email[:EMAIL_LENGTH]


def ask_to_sign_in() -> Response:
    """Redirect to the sign-in page, and from there back to this page."""
    #: if cookiecutter.interface == "both"
    from flask import abort

    from app.gate import WITHOUT_COOKIES

    if request.path.startswith(WITHOUT_COOKIES):
        abort(401)
    #: endif
    # Its page says why, by the address: a flashed message would set the session's cookie again, and
    # replace that of a sign-in at this moment.
    return redirect(url_for("web.login", next=way_back("web.account")), 303)


login_manager.unauthorized_handler(ask_to_sign_in)


def way_back(otherwise: str) -> str:
    """Return this page, as path and query. For a path without a page, return the page that it
    belongs to, else the page `otherwise`."""
    if request.url_rule is None or "GET" not in (request.url_rule.methods or ()):
        above = (page for path, page in PAGES.items() if request.path.startswith(path))
        return url_for(next(above, otherwise))
    url = urlsplit(request.url)
    # Not the path of that URL, which has lost one level of quotation where a name has a %.
    path = uri_to_iri(quote(request.root_path + request.path))
    target = path + (f"?{url.query}" if url.query else "")
    return target if _fits(target) else url_for(otherwise)


def _fits(target: str) -> bool:
    return len(target.encode("utf-8", "replace")) <= MAX_TARGET
