"""The audit log: one line of JSON for each event, on the logger `app.events`.

Every line has `time` (UTC), `event`, `account_id`, `ip_address`, `user_agent`,
`request_id`; the table below lists what each event adds. Never log a password, a token or a cookie.
"""

import json
import logging
from datetime import UTC, datetime

from app.accounts.client import Client

logger = logging.getLogger("app.events")

# Every event there is, with the members it adds.
EVENTS: dict[str, tuple[str, ...]] = {
    "account.registered": (),
    "account.invited": (),
    "account.confirmed": (),
    "account.renamed": (),
    "account.exported": (),
    "account.disabled": (),
    "account.enabled": (),
    "account.deleted": (),
    "account.superseded": (),
    "account.purged": (),
    "sign_in.succeeded": ("method", "session_id"),
    "sign_in.challenged": (),
    "sign_in.refused": ("reason",),
    "sign_out": ("session_id",),
    "session.revoked": ("session_id",),
    "session.revoke_refused": ("session_id",),
    "session.revoked_others": ("sessions",),
    "session.revoked_all": ("sessions",),
    "session.ended_surplus": ("sessions",),
    "password.changed": (),
    "password.reset_asked": (),
    "password.reset": (),
    "factor.added": ("method",),
    "factor.used": ("method",),
    "factor.removed": ("method",),
    "recovery_codes.made": ("codes",),
    "recovery_codes.used": ("left",),
    "passkey.added": ("passkey_id",),
    "passkey.used": ("passkey_id",),
    "passkey.counter_fell": ("passkey_id",),
    "passkey.renamed": ("passkey_id",),
    "passkey.removed": ("passkey_id",),
    "email.change_asked": (),
    "email.changed": (),
    "mail.given_up": ("email", "reason"),
    "limit.reached": ("limit",),
    "request.refused": ("status", "endpoint"),
}


def init_app() -> None:
    """Send the events to standard error, unless the owner has given the logger a handler."""
    logger.setLevel(logging.INFO)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
        logger.propagate = False


def record(
    event: str, client: Client, account_id: int | None = None, **members: str | int | None
) -> None:
    """Write one event. JSON in ASCII keeps any line break inside its string.

    Raises ValueError for an event, or a member, that is not in the table.
    """
    if tuple(members) != EVENTS.get(event):
        raise ValueError(f"{event} with {tuple(members)} is not in the table of events")
    line = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": event,
        "account_id": account_id,
        "ip_address": client.ip_address,
        "user_agent": client.user_agent,
        "request_id": client.request_id,
        **members,
    }
    logger.info(json.dumps(line))
