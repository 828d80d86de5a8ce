"""Error pages. None of them asks who is signed in, because the database may have failed."""

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
from app.web import problems
from app.web.guards import ask_to_sign_in, way_back

# For each status: what happened, and what the person can do.
WORDS = {
    400: ("We couldn't read this request", "Go back, reload the page and try again."),
    401: ("You aren't signed in", "Sign in and try again."),
    403: ("You don't have access", "If you think you should, contact the owner of this site."),
    404: ("Page not found", "Check the address, or go to the home page."),
    405: ("This page can't do that", "Go back and try another way."),
    408: ("The request took too long", "Check your connection and try again."),
    #: if cookiecutter.__file_download
    412: ("This file has changed", "Go back, reload the page and try again."),
    #: endif
    413: ("The request is too large", "Shorten what you entered and try again."),
    415: ("We couldn't read this request", "This page doesn't support the format that was sent."),
    #: if cookiecutter.__file_download
    416: ("We couldn't send that part of the file", "Start the download again."),
    #: endif
    422: ("We couldn't process this request", "Go back, check what you entered and try again."),
    431: ("The request is too large", "Delete this site's cookies and try again."),
    429: ("Too many attempts", "Wait a moment before you try again."),
    500: ("Something went wrong", "We've logged the error. Try again later."),
    503: ("Temporarily unavailable", "Try again in a minute."),
}
FORGED = (
    "This form has expired",
    "You may have signed in or out in another tab since you opened it, or your browser blocks"
    " cookies from this site. Reload the page and submit the form again.",
)


def show(error: HTTPException | AccountError) -> ResponseReturnValue:
    """Return the page of an error, or a problem for a script. Raises an AccountError that only its
    view can handle."""
    if request.endpoint in problems.FOR_SCRIPTS:
        return problems.show(error)
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
    """Return the page of an HTTP error, with its headers."""
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
    """Return a waiting time in words, rounded up."""
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds >= 2 * size:
            return f"{-(-seconds // size)} {unit}s"
    return f"{seconds} seconds" if seconds != 1 else "a second"
