"""Email: what it says (`emails`), how it is composed, how it is sent (`delivery`).

Nothing here depends on accounts or jobs. In debug mode, emails go to the development mailbox.
"""

from flask import Flask

from app.mail import mailbox
from app.mail.composing import MAIL, Action, Mail, present_with
from app.mail.delivery import DeliveryError, send
from app.mail.emails import Email

__all__ = ["Action", "DeliveryError", "Email", "init_app", "present_with", "send"]


def init_app(app: Flask) -> None:
    """Set up email, and the development mailbox in debug mode."""
    MAIL.set(app, Mail())
    mailbox.init_app(app)
