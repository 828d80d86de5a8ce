"""What can go wrong, in the words of the subject. The faces turn each into their own answer."""

from collections.abc import Callable
from datetime import datetime
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class AccountError(Exception):
    """The base of all below."""


class InvalidInput(AccountError):
    """Values that a person can put right: `errors` holds the messages of each field."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(str(errors))
        self.errors = errors


class Refusals:
    """Collect what is wrong with several fields, so that people hear of all at once."""

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
    """No account has this address and this password; which of the two is wrong is not told."""


class NotConfirmed(AccountError):
    """The password is right, but the email address isn't confirmed."""


class FactorRequired(AccountError):
    """The password is right, and the account has a second factor.

    `token` is that of the challenge for the second step, `methods` are the kinds of codes that it
    takes.
    """

    def __init__(self, token: str, methods: list[str], expires_at: datetime) -> None:
        super().__init__("a second factor is needed")
        self.token, self.methods, self.expires_at = token, methods, expires_at


class InvalidChallenge(AccountError):
    """The token of a second step is unknown, used, voided, too old, or for something else."""


#: if cookiecutter.interface != "api"
class FactorNotVerified(AccountError):
    """The account has a second factor, and this session began without it."""


#: endif
class SignedOut(AccountError):
    """The account was deleted, or the session ended, while the request was under way."""


class InvalidToken(AccountError):
    """A mailed token that is unknown, used, voided or too old."""


class UsedToken(InvalidToken):
    """A mailed token that was used already: what it was for has happened, and still holds."""


class AddressTaken(AccountError):
    """The new address became another account's while its link lay in the mail."""


class LimitReached(AccountError):
    """Too many attempts; `retry_after` is the number of seconds to wait."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"too many attempts, wait {retry_after} seconds")
        self.retry_after = retry_after
