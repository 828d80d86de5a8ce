"""Who is signed in: connects Flask-Login with the session rows.

What Flask-Login calls the user's id is the token of a session row. Ending the row ends every
copy of it, wherever it is kept.
"""

from typing import cast

from flask import request
from flask_login import UserMixin, current_user
from sqlalchemy import inspect, select

from app import addresses, logs
from app.accounts import sessions
from app.accounts.client import Client
from app.accounts.models import Account, Session
from app.extensions import db, in_transaction

USER_AGENT_LENGTH = 255


class Identity(UserMixin):  # type: ignore[misc]  # Flask-Login carries no types
    """Flask-Login's user: a session, and the token that its owner holds."""

    def __init__(self, session: Session, token: str) -> None:
        self.session = session
        self.token = token

    @property
    def account(self) -> Account:
        """The account of the session."""
        return self.session.account

    def get_id(self) -> str:
        """Return the token: Flask-Login's documentation calls it an alternative id."""
        return self.token


def load(token: str, *kinds: str) -> Identity | None:
    """Return the identity of a token's session, which this request marks as seen."""
    session = sessions.find(token, *kinds)
    if session is None:
        return None
    # Not inside a transaction of a view that asks late who is signed in: the next request will.
    if sessions.is_due(session) and not in_transaction():
        sessions.touch(session, current_client())
    return Identity(session, token)


def current_identity() -> Identity:
    """Return the identity of this request, for views that require a sign-in."""
    return cast(Identity, current_user._get_current_object())


def has_ended() -> bool:
    """Return whether the session of this request, or its account, was deleted meanwhile."""
    found = current_user._get_current_object()
    if not isinstance(found, Identity):
        return False
    (session_id,) = inspect(found.session).identity or (None,)
    return db.session.scalar(select(Session.id).where(Session.id == session_id)) is None


def current_client(*devices: str | None) -> Client:
    """Return the client of this request, with the secrets of the devices that it sent."""
    return Client(
        ip_address=addresses.normalize(request.remote_addr or ""),
        user_agent=_storable(request.user_agent.string, USER_AGENT_LENGTH),
        devices=tuple(filter(None, devices)),
        request_id=logs.current_id(),
    )


def _storable(header: str, length: int) -> str:
    """Make a header fit into a column: not every database accepts a NUL."""
    return header.replace("\0", "")[:length]
