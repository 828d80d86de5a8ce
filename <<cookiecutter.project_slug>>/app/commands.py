"""What the commands of the `flask` program share."""

import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from click import ClickException, Context, UsageError
from flask.cli import AppGroup
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from app.accounts.errors import SignedOut
from app.database import faults

# Joiners that belong to words and emoji. They move no text, unlike the rest of their category.
JOINERS = "\u200c\u200d"
# Seconds between two lines of a command that takes long.
PROGRESS_SECONDS = 5


def say(*columns: object) -> None:
    """Print one line, its columns separated by tabs.

    Whatever the columns hold, this prints one line that cannot control the terminal.
    """
    click.echo("\t".join(printable(str(column)) for column in columns))


def count(number: int, noun: str) -> str:
    """Return a number with its noun, whose plural ends with s: "1 key", "2 keys"."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def printable(text: str) -> str:
    """Escape the characters that control a terminal or the direction of text.

    People choose names and user agents themselves, and may have chosen ones that erase the
    screen, or that make one address look like another (CWE-150).
    """
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") and character not in JOINERS
        else character
        for character in text
    )


@contextmanager
def progress() -> Iterator[Callable[[str], None]]:
    """Give the block what it calls, whenever it has done something, with what was done so far.

    That is printed to standard error every few seconds, and if the block fails.
    """
    last, shown_at = "", time.monotonic()

    def so_far(text: str) -> None:
        nonlocal last, shown_at
        last = text
        if time.monotonic() - shown_at >= PROGRESS_SECONDS:
            click.echo(f"{text} so far.", err=True)
            shown_at = time.monotonic()

    try:
        yield so_far
    except BaseException:  # also Ctrl+C
        if last:
            click.echo(f"{last}. The rest was not done.", err=True)
        raise


@contextmanager
def using_database() -> Iterator[None]:
    """Say in one line what keeps the database from being used.

    Raises ClickException.
    """
    #: if cookiecutter.__backend != "sqlite"
    from app.database import time_outs

    # What a command does may take any time.
    token = time_outs.limited.set(False)
    #: endif
    try:
        yield
    except IntegrityError as error:
        raise ClickException(
            f"Rows of another table forbid this: {faults.reason(error)}. See the table of changes"
            " to models in docs/operations.md: foreign keys need `ondelete`"
        ) from None
    except SQLAlchemyError as error:
        if faults.is_busy(error):
            raise ClickException(
                "Something else, such as a migration, uses the same rows or tables; run this"
                f" command again: {faults.reason(error)}"
            ) from None
        if not faults.is_passing(error):
            raise
        raise ClickException(
            "The database that DATABASE_URL names cannot be used; check that it runs and exists,"
            f" and that `flask db upgrade` has made its tables: {faults.reason(error)}"
        ) from None
    except SignedOut:
        raise ClickException("The account was deleted in the meantime.") from None
    #: if cookiecutter.__backend != "sqlite"
    finally:
        time_outs.limited.reset(token)
    #: endif


class DatabaseGroup(AppGroup):
    """Commands that use the database."""

    def invoke(self, ctx: Context) -> Any:
        """Run one of them. Raises ClickException, which says what is wrong in printable lines."""
        try:
            with using_database():
                return super().invoke(ctx)
        except UsageError as error:
            raise UsageError(_printable_lines(error), error.ctx) from None
        except ClickException as error:
            raise ClickException(_printable_lines(error)) from None


def _printable_lines(error: ClickException) -> str:
    """Return the message; it may repeat what someone typed or stored."""
    return "\n".join(map(printable, error.format_message().split("\n")))
