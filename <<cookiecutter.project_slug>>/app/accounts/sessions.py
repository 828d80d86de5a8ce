"""Sessions: a row for each signed-in browser or client, so that ending one ends every copy."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from flask import current_app
from sqlalchemy import ColumnElement, bindparam, delete, select, update
from sqlalchemy.orm import contains_eager

from app.accounts import challenges, events, mailing, store, tokens
from app.accounts.client import Client
from app.accounts.errors import SignedOut
from app.accounts.models import Account, Session
from app.columns import now, unchanged
from app.extensions import db, transaction

# For each kind, the setting that holds how many seconds it may stay idle.
IDLE_SETTINGS = {
    #: if cookiecutter.interface != "api"
    "browser": "SESSION_IDLE_SECONDS",
    "remembered": "SESSION_REMEMBER_SECONDS",
    #: endif
    #: if cookiecutter.interface != "html"
    "api": "API_SESSION_IDLE_SECONDS",
    #: endif
}

# By when they were seen.
NEWEST_FIRST = (Session.last_seen_at.desc(), Session.id.desc())
# Built once: every request of someone signed in runs it.
FIND = (
    select(Session)
    .join(Session.account)
    .options(contains_eager(Session.account))
    .where(
        Session.token_hash == bindparam("token_hash"),
        Session.expires_at > bindparam("now"),
        Account.disabled_at.is_(None),
    )
    #: if cookiecutter.__backend == "postgresql"
    .execution_options(alone=True)  # see app/database/postgresql.py
    #: endif
)


def start(
    account: Account, kind: str, client: Client, *, factor_verified: bool
) -> tuple[Session, str]:
    """Create a session. Return it and its token, which is not stored."""
    token, token_hash = tokens.new()
    session = Session(
        account=account,
        token_hash=token_hash,
        kind=kind,
        factor_verified=factor_verified,
        user_agent=client.user_agent,
        ip_address=client.ip_address,
        expires_at=_expiry(kind, now()),
    )
    db.session.add(session)
    return session, token


def find(token: str, *kinds: str) -> Session | None:
    """Return the session of a token with its account, in one statement; None if it has ended."""
    session = db.session.scalar(FIND, {"token_hash": tokens.digest(token), "now": now()})
    return session if session is not None and session.kind in kinds else None


def is_due(session: Session) -> bool:
    """Return whether to update when the session was last seen: at most once a minute."""
    config = current_app.config
    # A session must be seen before it ends, however short it may be idle.
    idle = config[IDLE_SETTINGS[session.kind]]
    pause = timedelta(seconds=min(config["SESSION_TOUCH_SECONDS"], idle / 2))
    skew = timedelta(seconds=config["CLOCK_SKEW_SECONDS"])
    # Written by a clock that was ahead, it is corrected: else the session would live too long.
    return not -skew <= now() - session.last_seen_at < pause


def touch(session: Session, client: Client) -> None:
    """Update when, from where and with which user agent the session was last seen."""
    # A statement of its own: a session that was ended meanwhile is not brought back.
    seen = update(Session).where(Session.id == session.id)
    with transaction():
        db.session.execute(
            seen.values(
                last_seen_at=now(),
                expires_at=_expiry(session.kind, session.created_at),
                user_agent=client.user_agent,
                ip_address=client.ip_address,
            )
        )


def of(account: Account) -> Sequence[Session]:
    """Return the sessions of an account, the one seen last first."""
    return db.session.scalars(select(Session).where(_living(account)).order_by(*NEWEST_FIRST)).all()


def end(session: Session) -> bool:
    """End one session. Return whether it existed."""
    return store.changed_rows(delete(Session).where(Session.id == session.id)) == 1


def hold(session: Session) -> None:
    """Keep a session from ending before the caller's transaction does. Raises SignedOut."""
    same = update(Session).where(Session.id == session.id).values(unchanged(Session.kind))
    if not store.changed_rows(same.execution_options(synchronize_session=False)):
        raise SignedOut


def end_all(account: Account, keep: Session | None = None) -> int:
    """End the sessions of an account except `keep`. Return how many there were."""
    query = delete(Session).where(Session.account_id == account.id)
    if keep is not None:
        query = query.where(Session.id != keep.id)
    return store.changed_rows(query)


def end_surplus(account: Account) -> int:
    """End the sessions seen least recently to make room for one. Return how many there were.

    The caller holds the account's row.
    """
    kept = current_app.config["SESSIONS_PER_ACCOUNT"] - 1
    newest_first = select(Session.id).where(_living(account)).order_by(*NEWEST_FIRST)
    surplus = db.session.scalars(newest_first.offset(kept)).all()
    if not surplus:
        return 0
    return store.changed_rows(delete(Session).where(Session.id.in_(surplus)))


def sign_out(session: Session, client: Client) -> None:
    """End the current session."""
    with transaction():
        store.lock(session.account)
        end(session)
    events.record("sign_out", client, session.account_id, session_id=str(session.public_id))


def revoke(current: Session, public_id: str, client: Client) -> bool:
    """End one of the account's sessions. Return whether it existed.

    With another one than the current, a change of address is cancelled, which a stranger may have
    requested there. Raises SignedOut.
    """
    account, session_id = current.account, read_id(public_id)
    chosen = (Session.public_id == session_id) & _living(account)
    with transaction():
        if not store.lock(account):
            raise SignedOut
        ended = store.changed_rows(delete(Session).where(chosen))
        if ended and session_id != current.public_id:
            mailing.cancel_email_change(account)
    event = "session.revoked" if ended else "session.revoke_refused"
    events.record(event, client, account.id, session_id=str(session_id) if session_id else None)
    return bool(ended)


def revoke_others(current: Session, client: Client) -> int:
    """End all other sessions of the account. Return how many there were.

    A sign-in that waits for its second step ends as well, and a change of address is cancelled.
    Raises SignedOut.
    """
    with transaction():
        if not store.lock(current.account):
            raise SignedOut
        challenges.void(current.account)
        mailing.cancel_email_change(current.account)
        ended = end_all(current.account, keep=current)
    events.record("session.revoked_others", client, current.account_id, sessions=ended)
    return ended


def _living(account: Account) -> ColumnElement[bool]:
    return (Session.account_id == account.id) & (Session.expires_at > now())


def read_id(public_id: str) -> UUID | None:
    """Convert input to an id that the column can hold."""
    try:
        return UUID(public_id)
    except ValueError:
        return None


def _expiry(kind: str, started_at: datetime) -> datetime:
    """Return when the session ends without another request: the idle or the absolute end."""
    idle = timedelta(seconds=current_app.config[IDLE_SETTINGS[kind]])
    absolute = timedelta(seconds=current_app.config["SESSION_ABSOLUTE_SECONDS"])
    return min(now() + idle, started_at + absolute)
