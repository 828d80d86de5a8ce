"""The development mailbox: in debug mode, emails become files that /dev/mailbox shows."""

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

# More would only make the page long; the files of older emails stay.
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
class KeptEmail:
    """An email from a file; `number` is the file's name, the time in nanoseconds."""

    number: int
    subject: str
    to: str
    date: str
    text: str
    html: str

    @property
    def tokens(self) -> list[str]:
        """The tokens on lines of their own, to be copied."""
        return BARE_TOKEN.findall(self.text)


def init_app(app: Flask) -> None:
    """Add the pages, only in debug mode."""
    if app.debug:
        app.register_blueprint(bp)


def keep(message: EmailMessage) -> None:
    """Write an email as a file under `instance/mail/`; the names are in the order of time."""
    folder = folder_of_emails()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{time.time_ns()}.eml").write_bytes(message.as_bytes(policy=SMTPUTF8))


@bp.get("/dev/mailbox")
def show() -> str:
    """The mailbox: every email the app has sent in debug mode."""
    paths = sorted(folder_of_emails().glob("*.eml"), reverse=True)[:SHOWN]
    return render_template("mailbox.html", emails=[_read(path) for path in paths])


@bp.get("/dev/mailbox/<int:number>")
def show_html(number: int) -> Response:
    """Show the HTML of one email, as a mail program does."""
    path = folder_of_emails() / f"{number}.eml"
    if not path.is_file():
        abort(404)
    html = _read(path).html
    # The email brings its own style: only this one is allowed.
    hashes = [
        base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        for style in STYLE.findall(html)
    ]
    response = Response(html)
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY.replace(
        "style-src", " ".join(["style-src", *(f"'sha256-{value}'" for value in hashes)])
    )
    return response


def _read(path: Path) -> KeptEmail:
    message = message_from_bytes(path.read_bytes(), policy=default)
    parts = [message.get_body((kind,)) for kind in ("plain", "html")]
    text, html = (part.get_content().replace("\r\n", "\n") if part else "" for part in parts)
    return KeptEmail(
        number=int(path.stem),
        subject=message["Subject"],
        to=message["To"],
        date=message["Date"],
        text=text,
        html=html,
    )


def folder_of_emails() -> Path:
    """Return where the emails are kept."""
    return Path(current_app.instance_path) / "mail"
