"""The pages of downloads."""

import re

from flask import Blueprint, Flask, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_login import login_required

from app.downloads import files, sending
from app.web.blueprint import MENU

FILES_PER_PAGE = 100

bp = Blueprint("downloads", __name__, template_folder="templates")


def init_app(app: Flask) -> None:
    """Add the pages, and their entry in the menu."""
    app.register_blueprint(bp)
    MENU.of(app).append(("downloads.index", "Downloads"))


@bp.get("/downloads/")
@login_required
def index() -> ResponseReturnValue:
    """The files that you can download."""
    names = files.names()
    last = max(1, -(-len(names) // FILES_PER_PAGE))
    number = request.args.get("page", "1")
    if not re.fullmatch("[1-9][0-9]{0,8}", number) or int(number) > last:
        abort(404)
    end = int(number) * FILES_PER_PAGE
    return render_template(
        "downloads/index.html",
        files=list(files.existing(names[end - FILES_PER_PAGE : end])),
        number=int(number),
        last=last,
    )


@bp.get("/downloads/<path:name>")
@login_required
def download(name: str) -> ResponseReturnValue:
    """Download a file."""
    return sending.send(name)
