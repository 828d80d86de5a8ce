"""The table of jobs."""

from datetime import datetime

from sqlalchemy import ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.models import EMAIL_LENGTH
from app.columns import Base, UtcDateTime, now, text_column

ERROR_LENGTH = 200


class Job(Base):
    """Something to be done: what was intended, never the result, and never a token or a password.

    While a worker has it, `due_at` is the end of that worker's lease, and `tries` tells the
    worker that it still has it.
    """

    __tablename__ = "jobs"
    #: if cookiecutter.__backend == "sqlite"
    # Without it SQLite gives a finished job's id to the next one.
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy reads it as it is
    #: endif

    # Numbers of rows are shown to nobody: they would tell how many there are.
    id: Mapped[int] = mapped_column(Integer, primary_key=True, info={"export": False})
    name: Mapped[str] = mapped_column(String(40), index=True)
    # A job about an account ends with it.
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    # Whom it writes to: as typed by anyone, when nothing was looked up yet.
    email: Mapped[str | None] = text_column(EMAIL_LENGTH, index=True)
    # Whatever else the job needs, as JSON.
    arguments: Mapped[str] = mapped_column(Text, info={"export": False})
    due_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    give_up_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_error: Mapped[str | None] = mapped_column(String(ERROR_LENGTH))
    # The name of a job that repeats: there is only one row of it.
    repeats: Mapped[str | None] = mapped_column(String(40), unique=True)
