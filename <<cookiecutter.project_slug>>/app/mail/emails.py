"""Every word of every email.

Each email is written once: text and HTML are made from it. No email repeats a name or anything
else that a stranger may have typed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from flask import current_app

from app.columns import in_words

NOT_YOU = "If this wasn't you, you can ignore this email."
ENTERED = "your address was entered"
COPY_LINK = "Or copy this link into your browser:"


@dataclass(frozen=True)
class Button:
    """What an email asks its reader to do, and the token that allows it.

    Without a token it leads to the page where a person can ask for one.
    """

    label: str
    purpose: str
    token: str = ""
    lifetime: str = ""  # the setting with the token's lifetime in seconds


RESET = Button("Reset password", "reset")


@dataclass(frozen=True)
class Email:
    """An email before it is composed. One to "" is for nobody, and never leaves.

    Mail programs show the first paragraph after the subject in the list of emails.
    """

    to: str
    subject: str
    paragraphs: tuple[str, ...]
    button: Button | None = None
    closing: str = ""
    # Why the reader got it.
    reason: str = "you have an account"

    def to_nobody(self) -> "Email":
        """Return this email without a recipient. It takes as long, so that time reveals nothing."""
        return replace(self, to="")

    def footer(self) -> Iterator[str]:
        """Yield why the reader got the email, and where help is."""
        name, support = current_app.config["APP_NAME"], current_app.config["SUPPORT_EMAIL"]
        yield f"You received this email because {self.reason} at {name}."
        if support:
            yield f"Questions? Reply to this email or write to {support}."


def validity(seconds: float, noun: str) -> str:
    """Say how often and how long a link, or a bare token, works."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)):
        # 90 minutes are not called an hour.
        if seconds >= 2 * size or seconds == size:
            count = int(seconds // size)
            unit += "s" if count > 1 else ""
            return f"This {noun} works once and expires in {count} {unit}."
    return f"This {noun} works once and expires soon."


def confirm_address(to: str, token: str) -> Email:
    """Ask the owner of an email address to confirm it."""
    return Email(
        to,
        "Confirm your email address",
        ("We received a request to create an account with this email address.",),
        Button("Confirm email address", "confirm", token, "CONFIRM_TOKEN_SECONDS"),
        NOT_YOU,
        reason=ENTERED,
    )


def already_registered(to: str) -> Email:
    """Tell the owner of an account that their email address was registered again."""
    return Email(
        to,
        "You already have an account",
        (
            "We received a request to create an account with this email address, but you already"
            " have one. Nothing has changed.",
            "Sign in as usual. If you don't know your password, reset it, which also confirms your"
            " email address.",
        ),
        RESET,
        NOT_YOU,
    )


def invitation(to: str, token: str) -> Email:
    """Ask the owner of a new account to set its first password."""
    return Email(
        to,
        "You have been invited",
        (
            f"An account at {current_app.config['APP_NAME']} was created for you with this email"
            " address. Set a password to start using it.",
        ),
        Button("Set password", "reset", token, "INVITATION_TOKEN_SECONDS"),
        "If you weren't expecting this, you can ignore this email.",
    )


def reset_password(to: str, token: str) -> Email:
    """Let the owner of an account set a new password."""
    return Email(
        to,
        "Reset your password",
        ("We received a request to reset your password.",),
        Button("Reset password", "reset", token, "RESET_TOKEN_SECONDS"),
        f"{NOT_YOU} Your password hasn't changed.",
    )


def password_changed(to: str) -> Email:
    """Tell the owner that the password was changed."""
    return Email(
        to,
        "Your password was changed",
        (
            "The password for your account was changed. Other devices have to sign in again."
            " Passkeys still work: remove those that you don't recognize.",
            "If this wasn't you, reset your password right away.",
        ),
        RESET,
    )


def password_set(to: str) -> Email:
    """Tell the owner that the account has its first password, as far as they know."""
    return Email(
        to,
        "Your password was set",
        (
            "A password was set for your account. You can sign in with it now.",
            "If this wasn't you, reset your password right away.",
        ),
        RESET,
    )


def factor_added(to: str) -> Email:
    """Tell the owner that signing in now takes a second factor."""
    return Email(
        to,
        "Two-factor authentication was turned on",
        (
            "Signing in with your password now also needs a code from your authenticator app, or"
            " one of your recovery codes.",
        ),
        closing=f"If this wasn't you, {_contact()} right away.",
    )


def factor_replaced(to: str) -> Email:
    """Tell the owner that the codes come from another authenticator app."""
    return Email(
        to,
        "Your authenticator app was replaced",
        (
            "Signing in with your password now needs a code from another authenticator app. Codes"
            " from the one before, and your earlier recovery codes, no longer work.",
        ),
        closing=f"If this wasn't you, {_contact()} right away.",
    )


def factor_removed(to: str) -> Email:
    """Tell the owner that signing in takes no second factor any more."""
    return Email(
        to,
        "Two-factor authentication was turned off",
        (
            "Signing in with your password no longer needs a code. Your recovery codes no longer"
            " work.",
            "If this wasn't you, reset your password right away.",
        ),
        RESET,
    )


def recovery_codes_made(to: str) -> Email:
    """Tell the owner that the recovery codes were replaced."""
    return Email(
        to,
        "You have new recovery codes",
        (
            "New recovery codes were created for your account. The old ones no longer work.",
            "If this wasn't you, reset your password right away.",
        ),
        RESET,
    )


def recovery_code_used(to: str, left: int) -> Email:
    """Tell the owner that a recovery code was used, and how many are left."""
    rest = f"You have {left or 'no'} recovery {'code' if left == 1 else 'codes'} left."
    return Email(
        to,
        "A recovery code was used",
        (
            f"One of your recovery codes was used in place of your authenticator app. {rest}",
            "You can create new recovery codes at any time."
            if left
            else "Create new ones, so that you can still sign in if you lose your authenticator app.",
            "If this wasn't you, reset your password right away and create new recovery codes.",
        ),
        RESET,
    )


def codes_guessed(to: str) -> Email:
    """Tell the owner that someone has the password, or a session, and guesses codes."""
    return Email(
        to,
        "Wrong codes were entered for your account",
        (
            "Someone entered several wrong codes for your account. They know your password, or use a"
            " device that is signed in.",
            "If this wasn't you, reset your password right away.",
        ),
        RESET,
    )


def passkey_added(to: str) -> Email:
    """Tell the owner that a passkey was added."""
    return Email(
        to,
        "A passkey was added to your account",
        (
            "You can now sign in to your account with this passkey instead of your password.",
            "If this wasn't you, reset your password right away, and remove the passkey.",
        ),
        RESET,
    )


def passkey_removed(to: str) -> Email:
    """Tell the owner that a passkey was removed."""
    return Email(
        to,
        "A passkey was removed from your account",
        (
            "This passkey no longer signs in to your account. Your password still works.",
            "If this wasn't you, reset your password right away.",
        ),
        RESET,
    )


def new_device(to: str, signed_in_at: datetime, ip_address: str) -> Email:
    """Tell the owner of a sign-in from a device that the account doesn't know."""
    return Email(
        to,
        "New sign-in to your account",
        (
            "We noticed a sign-in to your account from a device that we don't recognize.",
            f"Time: {in_words(signed_in_at)}. IP address: {ip_address or 'unknown'}.",
            "If this was you, you don't need to do anything. If this wasn't you, reset your"
            " password right away. This signs out every device.",
        ),
        RESET,
    )


def confirm_new_address(to: str, token: str) -> Email:
    """Ask the owner of a new email address to confirm it."""
    return Email(
        to,
        "Confirm your new email address",
        ("We received a request to use this email address for an account.",),
        Button("Use this email address", "email", token, "EMAIL_CHANGE_TOKEN_SECONDS"),
        NOT_YOU,
        reason=ENTERED,
    )


def email_change_requested(to: str) -> Email:
    """Tell the old email address that a change was requested."""
    return Email(
        to,
        "Request to change your email address",
        (
            "We received a request to use another email address for your account. Nothing changes"
            " until the new address is confirmed.",
            "If this wasn't you, reset your password, which cancels the request.",
        ),
        RESET,
    )


def address_in_use(to: str) -> Email:
    """Tell the owner of an account that someone tried to move theirs to the same address."""
    return Email(
        to,
        "Your email address is already in use",
        (
            "We received a request to use this email address for another account, but it already"
            " belongs to yours. Nothing has changed.",
        ),
        closing=NOT_YOU,
    )


def email_changed(to: str) -> Email:
    """Tell the old email address that it no longer belongs to the account."""
    return Email(
        to,
        "Your email address was changed",
        (
            "Your account now uses another email address. We won't send any more emails to this one.",
        ),
        closing=f"If this wasn't you, {_contact()} right away.",
    )


def account_deleted(to: str) -> Email:
    """Tell the owner that the account is gone."""
    return Email(
        to,
        "Your account was deleted",
        ("Your account and everything stored about it have been deleted.",),
        closing=f"If you didn't want this, {_contact()}.",
        reason="you had an account",
    )


def _contact() -> str:
    """Return how to get help. Nobody reads replies unless SUPPORT_EMAIL is set."""
    if current_app.config["SUPPORT_EMAIL"]:
        return "reply to this email"
    return f"contact the people who run {current_app.config['APP_NAME']}"
