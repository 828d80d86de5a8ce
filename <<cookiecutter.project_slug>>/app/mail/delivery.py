"""Send emails to the mail server or, in debug mode, to the development mailbox."""

import io
import logging
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from functools import partial
from threading import Event
from typing import Any

from blinker import Namespace
from flask import current_app

from app import deadlines
from app.mail import mailbox
from app.mail.composing import MAIL, compose
from app.mail.emails import Email

logger = logging.getLogger(__name__)

# How many times MAIL_TIMEOUT_SECONDS a whole delivery may take, and the share of a job's lease, after
# which another worker would send the email again.
STEPS, SHARE_OF_LEASE = 10, 0.5
# Sent with each message that has left; the sender is the app.
mail_sent = Namespace().signal("mail-sent")


class DeliveryError(Exception):
    """An email was not sent. `reason` has no personal data, so that it can be logged.

    `permanent` says that trying again is useless.
    """

    def __init__(self, reason: str, *, permanent: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent


def send(email: Email, message_id: str | None = None) -> None:
    """Send an email once, as text and HTML. Raises DeliveryError.

    An email to nobody takes the same work, except for the delivery, and as long as the last one
    that was sent: neither the time of the next email nor that of the next response reveals
    whether an account exists.
    """
    from email_validator import EmailNotValidError

    app = current_app._get_current_object()  # type: ignore[attr-defined]  # typed as the app
    try:
        message = compose(email, message_id)
    except EmailNotValidError:
        raise DeliveryError("no mail server can deliver to the address", permanent=True) from None
    begin = time.monotonic()
    if app.debug:
        if email.to:
            mailbox.keep(message)
    elif email.to:
        _hand_over(message)
        MAIL.of(app).seconds = time.monotonic() - begin
        mail_sent.send(app, message=message)
    else:
        _hand_over(None)
        time.sleep(max(0, MAIL.of(app).seconds - (time.monotonic() - begin)))


def _hand_over(message: EmailMessage | None) -> None:
    """Give a message, or none, to the mail server. Raises DeliveryError."""
    if current_app.config["MAIL_SUPPRESS_SEND"]:
        return
    try:
        with _connection() as server:
            if message is None:
                server.ehlo_or_helo_if_needed()
                for _ in range(3):  # as many turns as sender, recipient and message take
                    server.noop()
            else:
                # smtplib's own reading of the headers misses addresses such as no-reply@[192.0.2.1]
                # on some Pythons.
                (sender,), (recipient,) = message["From"].addresses, message["To"].addresses
                server.send_message(message, sender.addr_spec, recipient.addr_spec)
    except smtplib.SMTPRecipientsRefused as error:
        ((code, _),) = error.recipients.values()
        raise DeliveryError(
            f"the mail server refused the recipient ({code})", permanent=code >= 500
        ) from None
    except smtplib.SMTPDataError as error:
        raise DeliveryError(
            f"the mail server refused the email ({error.smtp_code})",
            permanent=error.smtp_code >= 500,
        ) from None
    except smtplib.SMTPSenderRefused as error:
        raise DeliveryError(
            f"the mail server refused the sender ({error.smtp_code}): check MAIL_DEFAULT_SENDER"
        ) from None
    except smtplib.SMTPNotSupportedError:
        raise DeliveryError(
            "the mail server does not support email addresses outside ASCII (SMTPUTF8)",
            permanent=True,
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryError(_reason(error)) from None


@contextmanager
def _connection() -> Iterator[smtplib.SMTP]:
    """Yield a connection that waits only so long, and checks the server's certificate.

    Raises DeliveryError, OSError, SMTPException.
    """
    config = current_app.config
    timeout = config["MAIL_TIMEOUT_SECONDS"]
    context = ssl.create_default_context()
    options: dict[str, Any] = {"context": context} if config["MAIL_USE_SSL"] else {}
    kind = smtplib.SMTP_SSL if config["MAIL_USE_SSL"] else smtplib.SMTP
    # Known before it connects, because a server may never end its greeting.
    server = kind.__new__(kind)
    seconds = min(STEPS * timeout, SHARE_OF_LEASE * config["JOB_LEASE_SECONDS"])
    late = Event()
    with deadlines.within(seconds, partial(_end, server, late)):
        try:
            server.__init__(  # type: ignore[misc]  # see above
                config["MAIL_SERVER"], config["MAIL_PORT"], timeout=timeout, **options
            )
            _set_up(server, context)
            yield server
            # A server that fails at this has the email, and must not be sent it again.
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
        except (OSError, smtplib.SMTPException):
            if late.is_set():
                raise DeliveryError("the mail server was too slow") from None
            raise
        finally:
            server.close()


def _end(server: smtplib.SMTP, late: Event) -> None:
    """End a connection whose server responds too slowly, in whatever it does."""
    late.set()
    if server.sock is not None:
        server.file = io.BytesIO()  # where it reads on, if the server sends more than it can read
        with suppress(OSError):
            # Not the method of an SSL socket, which would stop encrypting as well.
            socket.socket.shutdown(server.sock, socket.SHUT_RDWR)


def _set_up(server: smtplib.SMTP, context: ssl.SSLContext) -> None:
    """Encrypt and sign in, as configured. What fails here is for the administrator to correct."""
    config = current_app.config
    problem = ""
    try:
        if config["MAIL_USE_TLS"]:
            server.starttls(context=context)
        if config["MAIL_USERNAME"]:
            server.login(config["MAIL_USERNAME"], config["MAIL_PASSWORD"])
    except smtplib.SMTPAuthenticationError as error:
        problem = f"refused the sign-in ({error.smtp_code}): check MAIL_USERNAME and MAIL_PASSWORD"
    except smtplib.SMTPNotSupportedError:
        problem = "does not support the encryption or the sign-in that MAIL_* settings ask for"
    except UnicodeError:
        problem = "can't be given a MAIL_USERNAME or MAIL_PASSWORD outside ASCII"
    if problem:
        logger.error("The mail server %s", problem)
        raise DeliveryError(f"the mail server {problem}")


def _reason(error: Exception) -> str:
    """Return what went wrong, without the server's own words, which may repeat an address."""
    name = type(error).__name__
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{name} ({error.smtp_code})"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    return name
