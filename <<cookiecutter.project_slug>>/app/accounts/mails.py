"""Every mail the app sends: what it says.

A mail is written once, as paragraphs and perhaps a link; its text and its HTML are made of the
same. No mail repeats a name or anything else that a stranger may have typed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app, render_template

from app.accounts import delivery


@dataclass(frozen=True)
class Action:
    """What a mail asks its reader to follow or to copy: a link, a bare token, or both."""

    link: str | None = None
    token: str | None = None


# How a face shows a mailed token: given its purpose and the token.
Presenter = Callable[[str, str], Action]


def present_with(app: Flask, presenter: Presenter) -> None:
    """Let a face decide what a mailed token looks like: a page's address or the token itself."""
    app.extensions["mail_presenter"] = presenter


def confirm(to: str, token: str) -> None:
    """Ask the owner of an address to confirm it."""
    _send(
        to,
        "Confirm your e-mail address",
        ["Somebody, probably you, opened an account with this address. Confirm that it is yours:"],
        ("Confirm address", "confirm", token),
        [f"This works once, within {_lifetime('CONFIRM_TOKEN_SECONDS')}.", _NOT_YOU],
    )


def already_registered(to: str) -> None:
    """Tell the owner of an account that somebody tried to register their address again."""
    _send(
        to,
        "You already have an account",
        [
            "Somebody, probably you, tried to open an account with this address, which has one"
            " already. Nothing was changed.",
            "Sign in as before. If you do not know your password, ask for a new one:"
            " the reset also confirms your address.",
        ],
        after=[_NOT_YOU],
    )


def reset(to: str, token: str) -> None:
    """Give the owner of an account the way to a new password."""
    _send(
        to,
        "Set a new password",
        ["Somebody, probably you, asked to set a new password for your account."],
        ("Set a new password", "reset", token),
        [f"This works once, within {_lifetime('RESET_TOKEN_SECONDS')}.", _NOT_YOU],
    )


def password_changed(to: str) -> None:
    """Tell the owner that the password is another one now."""
    _send(
        to,
        "Your password was changed",
        [
            "The password of your account was changed, and other devices were signed out.",
            "If that was not you, set a new password at once: ask for a reset on the sign-in page.",
        ],
    )


def email_change_link(to: str, token: str) -> None:
    """Ask the owner of a new address to confirm it."""
    _send(
        to,
        "Confirm your new e-mail address",
        ["Somebody, probably you, wants to use this address for their account."],
        ("Use this address", "email", token),
        [f"This works once, within {_lifetime('EMAIL_CHANGE_TOKEN_SECONDS')}.", _NOT_YOU],
    )


def email_change_asked(to: str) -> None:
    """Tell the old address that a change was asked for."""
    _send(
        to,
        "A change of your e-mail address was asked for",
        [
            "Somebody, probably you, asked to use another address for your account. Nothing"
            " changes until the link sent to that address is used.",
            "If that was not you, change your password: it makes that link worthless.",
        ],
    )


def email_in_use(to: str) -> None:
    """Tell the owner of an account that somebody wanted to move theirs to the same address."""
    _send(
        to,
        "Your e-mail address is in use",
        [
            "Somebody, probably you, wanted to use this address for their account, but it belongs"
            " to yours already. Nothing was changed.",
        ],
        after=[_NOT_YOU],
    )


def email_changed(to: str) -> None:
    """Tell the old address that it is no longer the account's."""
    _send(
        to,
        "Your e-mail address was changed",
        [
            "Your account uses another address from now on; this one got its last mail.",
            "If that was not you, answer this mail at once.",
        ],
    )


def account_deleted(to: str) -> None:
    """Tell the owner that the account is gone."""
    _send(
        to,
        "Your account was deleted",
        ["Your account and all that was stored about it was deleted, as you asked."],
    )


_NOT_YOU = "If it was not you, you need not do anything."


def _lifetime(setting: str) -> str:
    """A setting in seconds, in words."""
    seconds = current_app.config[setting]
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}" + ("s" if count > 1 else "")
    return "no time"


def _send(
    to: str,
    subject: str,
    before: list[str],
    ask: tuple[str, str, str] | None = None,
    after: list[str] | None = None,
) -> None:
    """Write a mail and bring it on its way. `ask` is a button's label, a purpose and a token."""
    action = Action()
    if ask is not None:
        presenter = cast(Presenter, current_app.extensions["mail_presenter"])
        action = presenter(ask[1], ask[2])
    words = {
        "subject": subject,
        "before": before,
        "label": ask[0] if ask else None,
        "action": action,
        "after": after or [],
    }
    delivery.send(
        to,
        f"{subject} · {current_app.config['APP_NAME']}",
        render_template("mail/mail.txt", **words),
        render_template("mail/mail.html", **words),
    )
