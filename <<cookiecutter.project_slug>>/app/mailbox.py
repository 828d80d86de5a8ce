"""The development mailbox: in debug mode mails become files, shown at /dev/mailbox."""

import time
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

from flask import Blueprint, Flask, current_app, render_template
from flask_mail import Message

bp = Blueprint("mailbox", __name__)


def init_app(app: Flask) -> None:
    """Add the page, in debug mode alone."""
    if app.debug:
        app.register_blueprint(bp)


def keep(message: Message) -> None:
    """Write a mail as a file under `instance/mail/`, its name in the order of time."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{time.time_ns()}.eml").write_bytes(message.as_bytes())


@bp.get("/dev/mailbox")
def show() -> str:
    """The mails the app has sent, newest first."""
    paths = sorted(_folder().glob("*.eml"), reverse=True)
    return render_template("mailbox.html", mails=[_read(path) for path in paths])


def _read(path: Path) -> EmailMessage:
    return message_from_bytes(path.read_bytes(), policy=default)


def _folder() -> Path:
    return Path(current_app.instance_path) / "mail"
