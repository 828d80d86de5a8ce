"""Errors of the account rules. Pages and API turn each into a response."""

from collections.abc import Callable
from datetime import datetime
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class AccountError(Exception):
    """The base class of all errors below."""


class InvalidInput(AccountError):
    """Invalid values that a person can correct; `errors` has the messages of each field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(str(errors))
        self.errors = errors


class Refusals:
    """Collect the errors of several fields, so that a response can show all of them."""

    def __init__(self) -> None:
        self.errors: dict[str, list[str]] = {}

    def collect(
        self,
        check: Callable[Arguments, Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result | None:
        """Return the result of `check`, or None if it raised InvalidInput."""
        try:
            return check(*args, **kwargs)
        except InvalidInput as error:
            self.errors |= error.errors
            return None


class WrongCredentials(AccountError):
    """No account has this email address and password; the error doesn't tell which is wrong."""


class NotConfirmed(AccountError):
    """The password is correct, but the email address isn't confirmed."""


class FactorRequired(AccountError):
    """The password is right, and the account has a second factor.

    `token` is the challenge for the second step, `methods` are the kinds of codes that it
    accepts.
    """

    def __init__(self, token: str, methods: list[str], expires_at: datetime) -> None:
        super().__init__("a second factor is needed")
        self.token, self.methods, self.expires_at = token, methods, expires_at


class InvalidChallenge(AccountError):
    """The token of a second step is unknown, used, invalidated, expired, or for something else."""


#: if cookiecutter.interface != "api"
class FactorNotVerified(AccountError):
    """The account has a second factor, and this session began without it."""


#: endif
class SignedOut(AccountError):
    """The account was deleted, or the session ended, during the request."""


class InvalidToken(AccountError):
    """A token from an email that is unknown, used, invalidated or expired."""


class UsedToken(InvalidToken):
    """A token from an email that was already used; its effect still applies."""


class AddressTaken(AccountError):
    """Another account got the new email address before the link was used."""


class LimitReached(AccountError):
    """Too many attempts; `retry_after` is the number of seconds to wait."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many attempts, wait {retry_after} seconds")
        self.retry_after = retry_after
