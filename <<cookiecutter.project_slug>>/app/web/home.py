"""The home page."""

from flask import current_app, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from app import closed
from app.web.blueprint import bp


@bp.get("/")
def home() -> ResponseReturnValue:
    """The home page."""
    pages = _pages() if current_app.debug else []
    return render_template("web/home.html", pages=pages)


@bp.get("/.well-known/change-password")
def change_password_hint() -> ResponseReturnValue:
    """Redirect password managers to the page to change a password (W3C, change-password-url)."""
    return redirect(url_for("web.password"))


def _pages() -> list[tuple[str, str]]:
    """List all pages with the first lines of their docstrings, for debug mode."""
    return sorted(
        (
            url_for(rule.endpoint),
            (current_app.view_functions[rule.endpoint].__doc__ or "").split("\n")[0],
        )
        for rule in current_app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and not rule.arguments
        if rule.endpoint not in closed.endpoints(current_app)
        #: if cookiecutter.interface == "both"
        if not rule.rule.startswith("/api/v1/")  # no pages: they need a token
        #: endif
    )
