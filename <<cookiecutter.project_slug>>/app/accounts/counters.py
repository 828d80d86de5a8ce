"""Rate-limit counters in the app's own database, for the `limits` package.

The counters apply to all worker processes and machines, and survive restarts.
"""

from datetime import timedelta

from limits.storage import Storage
from sqlalchemy import Integer, bindparam, delete, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.accounts.models import LimitCounter
from app.columns import UtcDateTime, now
from app.extensions import db, transaction

COUNTERS = LimitCounter.metadata.tables[LimitCounter.__tablename__]
#: if cookiecutter.__backend == "mysql"
ON_CONFLICT = "ON DUPLICATE KEY UPDATE"
#: endif
#: if cookiecutter.__backend != "mysql"
ON_CONFLICT = "ON CONFLICT (name) DO UPDATE SET"
#: endif
# One statement, so that attempts at the same moment are all counted. A window that is over
# starts again. `attempts` comes first: some servers assign from left to right.
INCREMENT = text(
    f"""
    INSERT INTO {COUNTERS.name} (name, attempts, expires_at)
    VALUES (:name, :amount, :window_end)
    {ON_CONFLICT}
    attempts = CASE WHEN {COUNTERS.name}.expires_at > :now
        THEN {COUNTERS.name}.attempts + :amount ELSE :amount END,
    expires_at = CASE WHEN {COUNTERS.name}.expires_at > :now
        THEN {COUNTERS.name}.expires_at ELSE :window_end END
    """  # noqa: S608 - only constants are put in
).bindparams(
    bindparam("amount", type_=Integer),
    bindparam("now", type_=UtcDateTime),
    bindparam("window_end", type_=UtcDateTime),
)


# Built once: every request that is limited runs it several times.
ATTEMPTS = select(COUNTERS.c.attempts).where(
    COUNTERS.c.name == bindparam("name"), COUNTERS.c.expires_at > bindparam("now")
)


class DatabaseStorage(Storage):
    """A row for each counter, chosen by `RATELIMIT_STORAGE_URI=database://`.

    Each call is a transaction of its own, so that the rollback of a request does not give an
    attempt back. It therefore comes before that of the request.
    """

    STORAGE_SCHEME = ["database"]  # noqa: RUF012 - `limits` declares it like this

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return the exceptions that the database raises when it fails."""
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Add to a counter whose window lasts `expiry` seconds, and return its value."""
        values = {
            "name": key,
            "amount": amount,
            "now": now(),
            "window_end": now() + timedelta(seconds=expiry),
        }
        with transaction():
            db.session.execute(INCREMENT, values)
            # The row is locked by the statement above, so this is the value it wrote.
            return self._attempts(key)

    def get(self, key: str) -> int:
        """Return the value of a counter."""
        with transaction():
            return self._attempts(key)

    def get_expiry(self, key: str) -> float:
        """Return when the window of a counter ends, in seconds since the epoch."""
        window_end = select(LimitCounter.expires_at).where(LimitCounter.name == key)
        with transaction():
            return (db.session.scalar(window_end) or now()).timestamp()

    def check(self) -> bool:
        """Return whether the table can be read."""
        self.get("")
        return True

    def reset(self) -> int | None:
        """Delete all counters."""
        with transaction():
            db.session.execute(delete(LimitCounter))
        return None

    def clear(self, key: str) -> None:
        """Delete one counter."""
        with transaction():
            db.session.execute(delete(LimitCounter).where(LimitCounter.name == key))

    def _attempts(self, key: str) -> int:
        return db.session.scalar(ATTEMPTS, {"name": key, "now": now()}) or 0
