"""The development mailbox: in debug mode mails become files, shown at /dev/mailbox."""

import base64
import hashlib
import re
import time
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8, default
from pathlib import Path

from flask import Blueprint, Flask, Response, abort, current_app, render_template

from app import proxies
from app.security import CONTENT_SECURITY_POLICY

# More would only make the page long; the files of older mails stay.
SHOWN = 50
BARE_TOKEN = re.compile(r"^[\w-]{43}$", re.MULTILINE)
STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)

bp = Blueprint("mailbox", __name__)


@bp.before_request
def hide_from_others() -> None:
    """Respond to this machine only, even where others reach the app through a proxy."""
    if not proxies.is_local():
        abort(404)


@dataclass(frozen=True)
class Mail:
    """A mail as it was sent; `number` is its file's name, the nanosecond it was kept."""

    number: int
    subject: str
    to: str
    date: str
    text: str
    html: str

    @property
    def tokens(self) -> list[str]:
        """The tokens that stand alone on a line: to be copied, where a link would be followed."""
        return BARE_TOKEN.findall(self.text)


def init_app(app: Flask) -> None:
    """Add the pages, in debug mode alone."""
    if app.debug:
        app.register_blueprint(bp)


def keep(message: EmailMessage) -> None:
    """Write a mail as a file under `instance/mail/`, its name in the order of time."""
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{time.time_ns()}.eml").write_bytes(message.as_bytes(policy=SMTPUTF8))


@bp.get("/dev/mailbox")
def show() -> str:
    """The mails the app has sent, newest first."""
    paths = sorted(_folder().glob("*.eml"), reverse=True)[:SHOWN]
    return render_template("mailbox.html", mails=[_read(path) for path in paths])


@bp.get("/dev/mailbox/<int:number>")
def show_html(number: int) -> Response:
    """The HTML of one mail, as a mail program shows it."""
    path = _folder() / f"{number}.eml"
    if not path.is_file():
        abort(404)
    html = _read(path).html
    # The mail brings its own style: no other than just this one is allowed.
    hashes = [
        base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        for style in STYLE.findall(html)
    ]
    response = Response(html)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace(
        "style-src", " ".join(["style-src", *(f"'sha256-{value}'" for value in hashes)])
    )
    return response


def _read(path: Path) -> Mail:
    message = message_from_bytes(path.read_bytes(), policy=default)
    parts = [message.get_body((kind,)) for kind in ("plain", "html")]
    text, html = (part.get_content().replace("\r\n", "\n") if part else "" for part in parts)
    return Mail(
        number=int(path.stem),
        subject=message["Subject"],
        to=message["To"],
        date=message["Date"],
        text=text,
        html=html,
    )


def _folder() -> Path:
    return Path(current_app.instance_path) / "mail"
