"""Errors as pages. None of them asks who is signed in: the database may be what failed."""

from flask import Response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError, TooManyRequests

from app.accounts.errors import (
    AccountError,
    AddressTaken,
    InvalidToken,
    LimitReached,
    SignedOut,
    UsedToken,
)
from app.web.guards import ask_to_sign_in, way_back

# For each status: what happened, and what the person can do.
WORDS = {
    400: ("This request makes no sense to us", "Go back, reload the page and try again."),
    401: ("You are not signed in", "Sign in and try again."),
    403: ("You may not do that", "If you think you should, ask whoever runs this site."),
    404: ("There is no such page", "Check the address, or start again from the first page."),
    405: ("That does not work here", "This page exists, but not for what was tried."),
    408: ("That took too long", "Check your connection and send it again."),
    413: ("That is too much", "Shorten what you typed and send it again."),
    415: ("We cannot read that", "It was sent in a form that this page does not take."),
    422: ("We cannot use that", "Go back, check what you typed and try again."),
    431: ("That is too much", "Delete this site's cookies and try again."),
    429: ("Too many attempts", "Wait a moment before you try again."),
    500: ("Something went wrong", "The mistake is ours, and it was noted. Try again later."),
    503: ("We cannot answer right now", "Try again in a minute."),
}
FORGED = (
    "This form can no longer be used",
    "You may have signed in or out in another tab since you opened it, or your browser blocks"
    " cookies from this site. Open the page again and send the form from there.",
)


def show(error: HTTPException | AccountError) -> ResponseReturnValue:
    """The page of an error. Raises an AccountError that only its view can answer."""
    match error:
        case HTTPException():
            return _page(error)
        case LimitReached():
            return _page(TooManyRequests(retry_after=error.retry_after))
        case SignedOut():
            return ask_to_sign_in()
        case InvalidToken():
            # 404 for the link, 422 for the form behind it.
            status = 422 if request.method == "POST" else 404
            used = isinstance(error, UsedToken)
            return render_template("web/dead_link.html", used=used), status
        case AddressTaken():
            return render_template("web/address_taken.html"), 422
    raise error


def _page(error: HTTPException) -> Response:
    """The page of an HTTP error, with the headers that belong to it."""
    code = error.code or 500
    title, text = WORDS.get(code, (error.name, error.description or ""))
    again = None
    if isinstance(error, CSRFError):
        (title, text), again = FORGED, way_back("web.home")
    if isinstance(error, SecurityError):
        title, text = ("This address isn't set up", error.description or "")
    if isinstance(error, TooManyRequests) and isinstance(error.retry_after, int):
        text = f"Wait {_duration(error.retry_after)} before you try again."
    page = render_template("web/error.html", code=code, title=title, text=text, again=again)
    response = Response(page, code)
    for name, value in error.get_headers(request.environ):
        if name != "Content-Type":
            response.headers[name] = value
    return response


def _duration(seconds: int) -> str:
    """A waiting time in words, rounded up."""
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds > size:
            return f"{-(-seconds // size)} {unit}s"
    return f"{seconds} seconds" if seconds != 1 else "a second"
