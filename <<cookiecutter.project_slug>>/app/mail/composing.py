"""Compose messages from the words of emails."""

from collections.abc import Callable
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import localtime, make_msgid

from flask import Flask, current_app, render_template

from app.mail import emails
from app.mail.emails import Email
from app.per_app import PerApp


@dataclass(frozen=True)
class Action:
    """What an email asks its reader to follow or to copy: a link, a bare token, or both."""

    link: str | None = None
    token: str | None = None


# How a token is shown, given its purpose and the token; without one, where people ask for it.
Presenter = Callable[[str, str], Action]


@dataclass
class Mail:
    """What one app knows about its email."""

    presenter: Presenter = lambda _purpose, token: Action(token=token)
    # How many seconds the last email took to send.
    seconds: float = 0.0


MAIL: PerApp[Mail] = PerApp("mail")


def present_with(app: Flask, presenter: Presenter) -> None:
    """Let the pages or the API decide how emails show a token: as a link or by itself."""
    MAIL.of(app).presenter = presenter


def compose(email: Email, message_id: str | None = None) -> EmailMessage:
    """Compose the message with its headers.

    Both parts keep their links whole, however long: quoted-printable would break them.
    `message_id` is what comes before the @ in the Message-ID.

    Raises:
        EmailNotValidError: No mail server could deliver to the address.
    """
    from email_validator import EmailNotValidError

    config = current_app.config
    message = EmailMessage()
    message["Subject"] = f"{email.subject} · {config['APP_NAME']}"
    message["From"] = config["MAIL_DEFAULT_SENDER"]
    (sender,) = message["From"].addresses
    if not sender.display_name:
        named = Address(config["APP_NAME"], addr_spec=sender.addr_spec)
        message.replace_header("From", named)
    if email.to:
        message["To"] = _for_transport(email.to)
        # Where the email goes is read from the header, whose parser may find another address.
        if [each.addr_spec for each in message["To"].addresses] != [_for_transport(email.to)]:
            raise EmailNotValidError
    if config["SUPPORT_EMAIL"]:
        message["Reply-To"] = config["SUPPORT_EMAIL"]
    message["Date"] = localtime()
    domain = sender.domain.strip("[]")
    message["Message-ID"] = f"<{message_id}@{domain}>" if message_id else make_msgid(domain=domain)
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice answers it
    words = _words(email)
    text = render_template("mail/mail.txt", **words)
    html = render_template("mail/mail.html", **words)
    message.set_content(text, cte="7bit" if text.isascii() else "8bit")
    # Every character that is not ASCII as a reference, so that any mail server can carry it.
    ascii_html = html.encode("ascii", "xmlcharrefreplace").decode()
    message.add_alternative(ascii_html, subtype="html", cte="7bit")
    return message


def _words(email: Email) -> dict[str, object]:
    """Return what the templates need."""
    button, action = email.button, Action()
    closing = [email.closing] if email.closing else []
    if button is not None:
        action = MAIL.current().presenter(button.purpose, button.token)
        if button.lifetime:
            noun = "link" if action.link else "token"
            closing.insert(0, emails.validity(current_app.config[button.lifetime], noun))
    return {
        "subject": email.subject,
        "before": email.paragraphs,
        "label": button.label if button else None,
        "copy_link": emails.COPY_LINK,
        "action": action,
        "after": closing,
        "footer": list(email.footer()),
    }


def _for_transport(address: str) -> str:
    """Return the address with its domain in ASCII, as mail servers know it (RFC 5891).

    Raises:
        EmailNotValidError: No mail server could deliver to it.
    """
    from email_validator import validate_email

    parts = validate_email(address, check_deliverability=False, test_environment=True)
    return f"{parts.local_part}@{parts.ascii_domain}"
