"""The files as pages."""

from flask import Blueprint, Flask, render_template
from flask.typing import ResponseReturnValue
from flask_login import login_required

from app.downloads import files

bp = Blueprint("downloads", __name__, template_folder="templates")


def init_app(app: Flask) -> None:
    """Add the pages, and their entry in the menu."""
    app.register_blueprint(bp)
    app.extensions["menu"].append(("downloads.index", "Downloads"))


@bp.get("/downloads/")
@login_required
def index() -> ResponseReturnValue:
    """The files you can download."""
    return render_template("downloads/index.html", files=files.listing())


@bp.get("/downloads/<path:name>")
@login_required
def download(name: str) -> ResponseReturnValue:
    """A file, as an attachment."""
    return files.send(name)
