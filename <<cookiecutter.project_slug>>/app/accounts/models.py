"""The tables: accounts, what belongs to them, and rate-limit counters."""

import secrets
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Uuid,
    select,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from app.columns import Base, UtcDateTime, now, text_column

EMAIL_LENGTH = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
NAME_LENGTH = 100


def random_handle() -> str:
    """Return 32 random bytes in base64url."""
    return secrets.token_urlsafe(32)


class TotpFactor(Base):
    """An account's second factor: the key of its authenticator app, encrypted."""

    __tablename__ = "totp_factors"

    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True
    )
    secret: Mapped[str] = mapped_column(String(255), info={"export": False})
    # The time step (RFC 6238) of the newest code that was accepted: no code works twice.
    last_step: Mapped[int] = mapped_column(Integer, info={"export": False})
    confirmed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Passkey(Base):
    """A passkey (a discoverable WebAuthn credential) that signs in to an account."""

    __tablename__ = "passkeys"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    public_id: Mapped[UUID] = mapped_column(Uuid, unique=True, default=uuid4)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    # The SHA-256 of the credential's id, which may be too long for a unique index.
    credential_hash: Mapped[str] = mapped_column(String(64), unique=True)
    # WebAuthn's attested credential data: the kind of authenticator, the id, the public key.
    credential: Mapped[bytes] = mapped_column(LargeBinary, info={"export": False})
    name: Mapped[str] = text_column(NAME_LENGTH)
    # The authenticator's count of its signatures. Most synced passkeys always say 0.
    sign_count: Mapped[int] = mapped_column(BigInteger)
    # Whether it can never leave its authenticator, and whether it is synced to others now.
    device_bound: Mapped[bool]
    synced: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Account(Base):
    """A person: a name, an email address and a password."""

    __tablename__ = "accounts"
    __table_args__ = (
        # With the unique constraint: one account an address, whatever the case it is written in.
        CheckConstraint("email = lower(email)", name="email_lower"),
        #: if cookiecutter.__backend == "sqlite"
        # Without it SQLite gives a deleted account's id to the next one.
        {"sqlite_autoincrement": True},
        #: endif
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    # What people see: the number above would tell them how many accounts there are, and when
    # the next one is made.
    public_id: Mapped[UUID] = mapped_column(Uuid, unique=True, default=uuid4)
    # How passkeys identify the account, wherever they are stored. Random, and shown nowhere else.
    user_handle: Mapped[str] = mapped_column(
        String(43), unique=True, default=random_handle, info={"export": False}
    )
    name: Mapped[str] = text_column(NAME_LENGTH)
    email: Mapped[str] = text_column(EMAIL_LENGTH, unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # Since when a second factor is on, and whether there are passkeys. Loaded with the account, so
    # that a page needs one statement.
    factor_since: Mapped[datetime | None] = column_property(
        select(TotpFactor.confirmed_at)
        .where(TotpFactor.account_id == id)
        .correlate_except(TotpFactor)
        .scalar_subquery()
    )
    #: if cookiecutter.interface != "api"
    has_passkeys: Mapped[bool] = column_property(
        select(Passkey.id).where(Passkey.account_id == id).correlate_except(Passkey).exists()
    )
    #: endif

    @property
    def own_words(self) -> list[str]:
        """What others know about the person, so that a password made of it is easy to guess.

        `registration.clean` does the same for someone who has no account yet.
        """
        return [self.name, self.email]


class Session(Base):
    """A signed-in browser or API client. Only the SHA-256 of its token is stored."""

    __tablename__ = "sessions"
    #: if cookiecutter.__backend == "sqlite"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012 - SQLAlchemy reads it as it is
    #: endif

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    public_id: Mapped[UUID] = mapped_column(Uuid, unique=True, default=uuid4)
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    # Whether its owner proved a second factor, and not the password alone.
    factor_verified: Mapped[bool] = mapped_column(default=False)
    user_agent: Mapped[str] = text_column(255)
    ip_address: Mapped[str] = mapped_column(String(45))
    # Also the moment of the sign-in: a re-authentication starts a new row.
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)

    account: Mapped[Account] = relationship()


class MailedToken(Base):
    """The SHA-256 of a token in an email, and the address the email went to."""

    __tablename__ = "mailed_tokens"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, info={"export": False})
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(16))
    email: Mapped[str] = text_column(EMAIL_LENGTH)
    # The job that sent it: attempts of one job don't invalidate each other's tokens.
    job_id: Mapped[int | None] = mapped_column(Integer, info={"export": False})
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    # Kept, so that a second click on the link can explain what happened.
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Device(Base):
    """A browser or client that signed in before. Only the SHA-256 of its secret is stored."""

    __tablename__ = "devices"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, info={"export": False})
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    # Moved on at each sign-in.
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class TotpSetup(Base):
    """A key that waits for its first code. It belongs to the session that asked for it, so that
    nobody can confirm, or be shown, a key that someone else has seen."""

    __tablename__ = "totp_setups"
    __table_args__ = {"info": {"export": False}}  # noqa: RUF012 - SQLAlchemy reads it as it is

    session_id: Mapped[int] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True
    )
    secret: Mapped[str] = mapped_column(String(255))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class RecoveryCode(Base):
    """The SHA-256 of a code that signs in once in place of the authenticator app."""

    __tablename__ = "recovery_codes"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, info={"export": False})
    account_id: Mapped[int] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Challenge(Base):
    """The SHA-256 of a token for the second step of something that takes two, such as a sign-in."""

    __tablename__ = "challenges"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, info={"export": False})
    # None for a sign-in with a passkey: the second step says whose it is.
    account_id: Mapped[int | None] = mapped_column(
        ForeignKey("accounts.id", ondelete="CASCADE"), index=True
    )
    # The session that asked for it, if there was one. The challenge ends with it.
    session_id: Mapped[int | None] = mapped_column(
        ForeignKey("sessions.id", ondelete="CASCADE"), index=True, info={"export": False}
    )
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    purpose: Mapped[str] = mapped_column(String(16))
    # Of the session that the second step starts.
    kind: Mapped[str] = mapped_column(String(16))
    # Of the known device that took the first step, so that the second step need not name it again.
    device_hash: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class LimitCounter(Base):
    """How often something was tried in a window; `name` doesn't reveal by whom."""

    __tablename__ = "limit_counters"

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    attempts: Mapped[int] = mapped_column(Integer)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
