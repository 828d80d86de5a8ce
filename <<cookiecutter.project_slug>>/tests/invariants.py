"""What holds in every test: it fails, in the middle of the app, where it doesn't."""

import json
import logging
import re
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.event import listen
from sqlalchemy.orm import Mapper

from app.accounts import events, mailing
from app.jobs import Job

TABLE = (Path(__file__).parents[1] / "docs" / "events.md").read_text("utf-8")
WRITES = re.compile(r"(?:INSERT INTO|UPDATE|DELETE FROM) .?\b(\w+)")
OF_ACCOUNTS = {
    *("accounts", "sessions", "passkeys", "devices"),
    *("mailed_tokens", "totp_factors", "recovery_codes"),
}
# They may be about an address that has no account.
OF_ANYONE = (
    *("sign_in.refused", "password.reset_asked", "limit.reached", "request.refused"),
    "mail.given_up",
)
NOTICES = {*mailing.NOTICES, "email_change", "recovery_code_used", "new_device"}
# They are about an address that may have an account, or has none anymore.
TO_ANYONE = {"already_registered", "account_deleted"}


def is_documented(record: logging.LogRecord) -> bool:
    """Require that docs/events.md describes an event, and that it says which account it is about."""
    event = json.loads(record.getMessage())
    described = re.findall(rf"^\| `{event['event']}` .*", TABLE, re.MULTILINE)
    for member in {"method", "limit", "reason"} & set(event):
        assert f"`{event[member]}`" in "".join(described) or event["event"] == "mail.given_up", (
            f"docs/events.md doesn't say, beside {event['event']}, what this is: {event[member]}"
        )
    assert event["account_id"] or event["event"] in OF_ANYONE
    return True


def check_account(mapper: Mapper[Job], connection: Connection, job: Job) -> None:
    """Require that a notice about an account is deleted with it."""
    if job.name in NOTICES:
        assert job.email
        assert job.account_id or job.name in TO_ANYONE


def begin(connection: Connection) -> None:
    """Forget what the transaction before has written."""
    connection.info["written"] = set()


def check_lock(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
    """Require that a transaction that writes several tables of an account locks it first.

    Two that lock the same rows, each in another order, wait for each other.
    """
    found = WRITES.match(statement)
    written = connection.info["written"]
    if found is None or found[1] not in OF_ACCOUNTS or "accounts" in written:
        return
    written.add(found[1])
    assert len(written) == 1, f"The account is not locked before this: {statement}"


events.logger.addFilter(is_documented)
listen(Job, "before_insert", check_account)
listen(Engine, "begin", begin)
listen(Engine, "before_cursor_execute", check_lock)
