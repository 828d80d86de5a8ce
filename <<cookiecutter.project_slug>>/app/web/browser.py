"""The cookies of a browser: session, remember-me, device and, between the two steps of a sign-in,
challenge.

The first two contain the token of a session row, so they stop working when the session ends.
"""

import re
from typing import Any

import flask
from flask import Flask, current_app, redirect, request, session, url_for
from flask_login import decode_cookie, encode_cookie, login_user, logout_user
from werkzeug.datastructures import ImmutableMultiDict
from werkzeug.utils import cached_property
from werkzeug.wrappers import Response

from app.accounts import sessions
from app.accounts.authentication import SignedIn
from app.accounts.client import Client
from app.accounts.devices import MAX_SECRETS
from app.extensions import login_manager
from app.identity import Identity, current_client, load
from app.web import csrf

BROWSER_KINDS = ("browser", "remembered")
# Secrets are base64url; the cookie separates them by dots.
DEVICE_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")


class Request(flask.Request):
    """A request with the remember-me cookie in Flask-Login's form."""

    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """All cookies; the remember-me cookie only if it was signed here, and by SECRET_KEY.

        Flask-Login ignores SECRET_KEY_FALLBACKS, and fails on a signature that isn't ASCII.
        """
        name = current_app.config["REMEMBER_COOKIE_NAME"]
        if name not in super().cookies:
            return super().cookies
        cookies = super().cookies.to_dict()
        token = _remembered_token(cookies.pop(name))
        if token is not None:
            cookies[name] = encode_cookie(token)
        return ImmutableMultiDict(cookies)


def init_app(app: Flask) -> None:
    """Set the cookies' names and attributes, and load who is signed in from them."""
    # The prefix makes browsers refuse the cookie from any other host, or over plain http.
    prefix = "" if app.debug else "__Host-"
    for cookie, name in {
        "SESSION": "session",
        "REMEMBER": "remember_token",
        "DEVICE": "device",
        "CHALLENGE": "challenge",
    }.items():
        app.config[f"{cookie}_COOKIE_NAME"] = prefix + name
        app.config[f"{cookie}_COOKIE_SECURE"] = not app.debug
        app.config[f"{cookie}_COOKIE_HTTPONLY"] = True
        app.config[f"{cookie}_COOKIE_SAMESITE"] = "Lax"
    # The row knows when it ends; the cookie need only last as long as the row may.
    app.config["REMEMBER_COOKIE_DURATION"] = app.config["SESSION_ABSOLUTE_SECONDS"]
    app.request_class = Request
    login_manager.user_loader(_load)


def client() -> Client:
    """Return the client of this request, with its device cookie."""
    return current_client(*_devices())


def enter(signed_in: SignedIn, target: str) -> Response:
    """Set the cookies of the session just started, and redirect to `target`."""
    return let_in(signed_in, redirect(target, 303))


def let_in(signed_in: SignedIn, response: Response) -> Response:
    """Set the cookies of the session just started on a response, and make this a known device."""
    remember = signed_in.session.kind == "remembered"
    login_user(Identity(signed_in.session, signed_in.token), remember=remember)
    csrf.prepare()
    make_known(response, signed_in.device)
    if not remember:
        _forget(response)
    return forget_challenge(response)


def ask_for_code(token: str, target: str) -> Response:
    """Give this browser the token for the second step of a sign-in, and go to its page.

    The browser's session for another account ends; `target` is where the sign-in leads.
    """
    session.clear()
    session["target"] = target
    response = redirect(url_for("web.login_factor"), 303)
    response.set_cookie(
        current_app.config["CHALLENGE_COOKIE_NAME"],
        token,
        max_age=current_app.config["CHALLENGE_SECONDS"],
        **_attributes("CHALLENGE"),
    )
    return response


def challenge() -> str:
    """Return the token for the second step of a sign-in, or nothing."""
    return request.cookies.get(current_app.config["CHALLENGE_COOKIE_NAME"], "")


def forget_challenge(response: Response) -> Response:
    """Delete the challenge cookie, if this browser has one."""
    if challenge():
        name = current_app.config["CHALLENGE_COOKIE_NAME"]
        response.delete_cookie(name, **_attributes("CHALLENGE"))
    return response


def make_known(response: Response, device: str) -> None:
    """Make this browser a known device, whose wrong passwords are counted separately.

    It may be used for several accounts, so the cookie keeps what it held, the newest first.
    """
    held = dict.fromkeys([device, *_devices()])
    response.set_cookie(
        current_app.config["DEVICE_COOKIE_NAME"],
        ".".join(list(held)[:MAX_SECRETS]),
        max_age=current_app.config["DEVICE_SECONDS"],
        **_attributes("DEVICE"),
    )


def leave(target: str) -> Response:
    """Take the session's cookies from this browser, end the other session that it may have, and go
    to `target`."""
    _end_remembered()
    logout_user()
    session.clear()
    response = redirect(target, 303)
    _forget(response)
    forget_challenge(response)
    # Not "cookies": the device cookie stays, so that the owner of an account is known again
    # by the limit on passwords, whatever strangers try meanwhile.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _devices() -> list[str]:
    cookie = request.cookies.get(current_app.config["DEVICE_COOKIE_NAME"], "")
    return DEVICE_SECRET.findall(cookie)[:MAX_SECRETS]


def _load(token: str) -> Identity | None:
    identity = load(token, *BROWSER_KINDS)
    if identity is None and current_app.config["REMEMBER_COOKIE_NAME"] in request.cookies:
        # Flask-Login copied the token from this cookie into the session, whose cookie would replace
        # that of another sign-in at this moment.
        session.modified = False
    return identity


def _remembered_token(cookie: str) -> str | None:
    """Return the token in a remember-me cookie, if one of our keys signed it."""
    if not cookie.isascii():
        return None
    for key in [current_app.config["SECRET_KEY"], *current_app.config["SECRET_KEY_FALLBACKS"]]:
        token: str | None = decode_cookie(cookie, key)
        if token is not None:
            return token
    return None


def _end_remembered() -> None:
    """End the session of the remember-me cookie: two sign-ins at once may leave another one there
    than in the session cookie."""
    token = _remembered_token(request.cookies.get(current_app.config["REMEMBER_COOKIE_NAME"], ""))
    identity = _load(token) if token else None
    if identity is not None:
        sessions.sign_out(identity.session, client())


def _forget(response: Response) -> None:
    """Delete the remember-me cookie: with its attributes, which `__Host-` needs, unlike
    Flask-Login. Another tab may have set one since this request was sent."""
    response.delete_cookie(current_app.config["REMEMBER_COOKIE_NAME"], **_attributes("REMEMBER"))


def _attributes(cookie: str) -> dict[str, Any]:
    names = ("secure", "httponly", "samesite")
    return {name: current_app.config[f"{cookie}_COOKIE_{name.upper()}"] for name in names}
