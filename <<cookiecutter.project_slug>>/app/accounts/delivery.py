"""The way out of a mail: to the mail server or, in debug mode, into the development mailbox."""

import logging
import smtplib
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.utils import localtime, make_msgid, parseaddr

from blinker import Namespace
from email_validator import validate_email
from flask import current_app

from app import mailbox

logger = logging.getLogger(__name__)

# Sent with each mail on its way; the sender is the app.
mail_sent = Namespace().signal("mail-sent")


def send(to: str, subject: str, text: str, html: str) -> None:
    """Send a mail in text and HTML. A server that takes it not is tried again, and logged."""
    message = compose(to, subject, text, html)
    if current_app.debug:
        mailbox.keep(message)
        return
    tries = current_app.config["MAIL_TRIES"]
    for number in range(1, tries + 1):
        try:
            _hand_over(message)
            return
        except (OSError, smtplib.SMTPException) as error:
            logger.warning("Mail not sent, try %d of %d: %s", number, tries, type(error).__name__)
        if number < tries:
            time.sleep(current_app.config["MAIL_RETRY_SECONDS"])
    logger.error("Mail given up after %d tries: %s", tries, subject)


def compose(to: str, subject: str, text: str, html: str) -> EmailMessage:
    """The mail with its headers; links stand in it as they are, however long."""
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = current_app.config["MAIL_DEFAULT_SENDER"]
    message["To"] = _for_transport(to)
    message["Date"] = localtime()
    message["Message-ID"] = make_msgid(domain=parseaddr(message["From"])[1].rpartition("@")[2])
    message.set_content(text, cte="7bit" if text.isascii() else "8bit")
    message.add_alternative(html, subtype="html")
    return message


def _for_transport(address: str) -> str:
    """The address with its domain in ASCII, as mail servers know it (RFC 5891)."""
    parts = validate_email(address, check_deliverability=False, test_environment=True)
    return f"{parts.local_part}@{parts.ascii_domain}"


def _hand_over(message: EmailMessage) -> None:
    """Give a mail to the mail server. Raises OSError, SMTPException."""
    if not current_app.config["MAIL_SUPPRESS_SEND"]:
        with _connection() as server:
            server.send_message(message)
    # Flask types the proxy as the app that it stands for.
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    mail_sent.send(app, message=message)


@contextmanager
def _connection() -> Iterator[smtplib.SMTP]:
    """A connection that waits only so long, and checks the server's certificate."""
    config = current_app.config
    place = (config["MAIL_SERVER"], config["MAIL_PORT"])
    timeout = config["MAIL_TIMEOUT_SECONDS"]
    context = ssl.create_default_context()
    if config["MAIL_USE_SSL"]:
        server: smtplib.SMTP = smtplib.SMTP_SSL(*place, timeout=timeout, context=context)
    else:
        server = smtplib.SMTP(*place, timeout=timeout)
    try:
        if config["MAIL_USE_TLS"]:
            server.starttls(context=context)
        if config["MAIL_USERNAME"]:
            server.login(config["MAIL_USERNAME"], config["MAIL_PASSWORD"])
        yield server
        # A server that fails at this has the mail, and must not be sent it again.
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
    finally:
        server.close()
