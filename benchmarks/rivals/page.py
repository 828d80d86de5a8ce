"""The pages of a rendered app that are compared, for apps that are made in another way.

They are shown from the same templates, with the same links; only who is signed in comes from elsewhere.
"""

import os
import re
from pathlib import Path

from flask import Blueprint, Flask, jsonify, render_template, request, send_from_directory
from flask_login import current_user, login_required
from jinja2 import ChoiceLoader, FileSystemLoader
from werkzeug.security import generate_password_hash

FOLDER = Path(os.environ["APP_FOLDER"], "app")
TEMPLATES = [path.read_text("utf-8") for path in FOLDER.glob("web/templates/web/*.html")]
# Where the templates link to.
ELSEWHERE = set(re.findall(r'url_for\("web\.(\w+)"', "".join(TEMPLATES)))

web = Blueprint(
    "web", __name__, static_folder=FOLDER / "web" / "static", static_url_path="/static/web"
)
for name in ELSEWHERE - {"account", "home", "static"}:
    web.add_url_rule(f"/other/{name}", name, lambda: "")


@web.get("/")
def home() -> str:
    """Show the page for strangers."""
    return render_template("web/home.html")


@web.get("/account")
@login_required
def account() -> str:
    """Show the page."""
    return render_template("web/account.html", signals={})


@web.get("/api/account")
@login_required
def account_as_json():
    """Show the same as JSON."""
    user = current_user
    return jsonify(
        id=user.id, name=user.name, email=user.email, created_at=user.created_at.isoformat()
    )


@web.get("/downloads/<path:name>")
@login_required
def download(name: str):
    """Send a file."""
    return send_from_directory(FOLDER.parent / "files", name, as_attachment=True)


@web.post("/hash")
def hash_once() -> str:
    """Do what a sign-in cannot do without."""
    generate_password_hash(request.form["password"], os.environ["RIVAL_HASH"])
    return ""


def add(app: Flask) -> None:
    """Add the page and all it needs to an app."""
    folders = [FOLDER / "templates", FOLDER / "web" / "templates"]
    loaders = [FileSystemLoader(folder) for folder in folders]
    app.jinja_loader = ChoiceLoader([*loaders, app.jinja_loader])
    app.config |= {"APP_NAME": "Demo", "REGISTRATION": "open"}
    app.jinja_env.filters["moment"] = lambda moment: moment.strftime("%d %b %Y, %H:%M UTC")
    menu = [("web.account", "Account"), ("downloads.index", "Downloads")]
    app.jinja_env.globals |= {
        "csrf_token": lambda: "",
        "menu_entries": menu,
        "passkeys_are_possible": lambda: False,  # as where the host is an IP address
    }
    app.add_url_rule("/downloads/", "downloads.index", lambda: "")
    app.register_blueprint(web)
