"""The blueprint of all pages."""

from flask import Blueprint

from app.per_app import PerApp

bp = Blueprint(
    "web",
    __name__,
    template_folder="templates",
    static_folder="static",
    static_url_path="/static/web",
)
# The menu of people who are signed in: endpoints and labels. Other features add theirs.
MENU: PerApp[list[tuple[str, str]]] = PerApp("menu")
