"""Changes that an owner makes to an app's models, and programs that fill and read its tables."""

import re
from collections.abc import Callable
from pathlib import Path

Edit = Callable[[str], str]

# Fills every table that is empty with three rows, and deletes the third account.
FILL = """
from datetime import UTC, datetime, timedelta
from enum import Enum
from uuid import UUID
from sqlalchemy import TypeDecorator, insert, select
from app.extensions import db
from wsgi import app

def value(column, number):
    decorated = isinstance(column.type, TypeDecorator)
    kind = (column.type.impl if decorated else column.type).python_type
    if column.foreign_keys:
        # A row that another one is extended by can be extended once.
        return number if column.primary_key else min(number, 2)
    if column.name == "password_hash":
        return f"scrypt:512:8:1${number}$hash"
    if getattr(column.type, "enums", None):
        return list(kind)[0] if issubclass(kind, Enum) else column.type.enums[0]
    return {
        str: lambda: f"{number}{column.name}"[: getattr(column.type, "length", None) or 40],
        bytes: lambda: b"x",
        object: lambda: {"number": number},  # JSON
        datetime: lambda: datetime(2026, 1, number, tzinfo=UTC),
        timedelta: lambda: timedelta(number),
        UUID: lambda: UUID(int=number),
        bool: lambda: True,
    }.get(kind, lambda: kind(number))()

with app.app_context(), db.engine.begin() as connection:
    for table in db.metadata.sorted_tables:
        if connection.execute(select(table).limit(1)).first():
            continue
        for number in (1, 2, 3):
            row = {column.name: value(column, number) for column in table.columns}
            if table.primary_key.columns.keys() == ["id"]:
                del row["id"]
            connection.execute(insert(table).values(row))
    accounts = db.metadata.tables["accounts"]
    connection.execute(accounts.delete().where(accounts.c.id == 3))
"""
# Prints all rows of all tables as JSON.
READ = """
import json
from sqlalchemy import MetaData, select
from app.extensions import db
from wsgi import app

with app.app_context(), db.engine.connect() as connection:
    found = MetaData()
    found.reflect(connection)
    print(json.dumps({
        table.name: [
            dict(row._mapping)
            for row in connection.execute(select(table).order_by(*table.primary_key.columns))
        ]
        for table in found.tables.values() if table.name != "alembic_version"
    }, default=str))
"""
# Prints the type that a column has on this server.
TYPE = """
from app.extensions import db
from wsgi import app

with app.app_context(), db.engine.connect() as connection:
    print(db.metadata.tables["accounts"].c.public_id.type.compile(dialect=connection.dialect))
"""
# Adds an account as the app does, and prints its number.
ADD_ACCOUNT = """
from app.accounts import registration, store
from wsgi import app

with app.app_context():
    registration.create("Kim", "kim@example.com", "plenty of unrelated words", confirmed=True)
    print(store.by_email("kim@example.com").id)
"""

IMPORTS = """import enum
from datetime import UTC
from decimal import Decimal
from sqlalchemy import CHAR, JSON, Dialect, Enum, Numeric, Text, TypeDecorator, UniqueConstraint
from sqlalchemy.types import TypeEngine
from typing import Any
from uuid import UUID
"""
TYPES = '''
class Plan(enum.Enum):
    """What someone pays for."""

    FREE = "free"
    PRO = "pro"


class Cents(TypeDecorator[Decimal]):
    """An amount of money."""

    impl = Numeric(10, 2)
    cache_ok = True


class Code(TypeDecorator[str]):
    """A number that each kind of database stores in its own way."""

    impl = CHAR
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """The type in a database."""
        native = Uuid(as_uuid=False) if dialect.name == "postgresql" else CHAR(32)
        return dialect.type_descriptor(native)


'''
COLUMNS = """
    nickname: Mapped[str | None] = text_column(50, unique=True)
    language: Mapped[str] = mapped_column(String(5), server_default="en")
    visits: Mapped[int] = mapped_column(default=3)
    news: Mapped[bool] = mapped_column(default=False)
    motto: Mapped[str] = mapped_column(String(20), default="it's 100% :here")
    plan: Mapped[Plan] = mapped_column(Enum(Plan), default=Plan.FREE)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    owed: Mapped[Decimal] = mapped_column(Cents, default=Decimal("1.50"))
    code: Mapped[str | None] = mapped_column(Code)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=datetime(2026, 1, 2, tzinfo=UTC))
    tags: Mapped[list[str]] = mapped_column(JSON, default=["a"])
    about: Mapped[str] = mapped_column(Text, default="100% :all")
    size: Mapped[str] = mapped_column(Enum("50% :half", "whole", name="size"), default="50% :half")
    badge_id: Mapped[int | None] = mapped_column(ForeignKey("badges.id"), index=True)
    inviter_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
"""
TABLE = '''

class Note(Base):
    """Something that someone wrote."""

    __tablename__ = "notes"
    __table_args__ = (UniqueConstraint("account_id", "title"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"))
    title: Mapped[str] = text_column(50)
    words: Mapped[str] = mapped_column(Text)
    plan: Mapped[Plan] = mapped_column(Enum(Plan))
    mood: Mapped[str] = mapped_column(Enum("good", "bad", name="mood"))
    details: Mapped[dict[str, str]] = mapped_column(JSON)
    picture: Mapped[bytes | None] = mapped_column(LargeBinary)
    uuid: Mapped[UUID | None]
    written_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Label(Base):
    """A word on a note."""

    __tablename__ = "labels"

    id: Mapped[int] = mapped_column(primary_key=True)
    note_id: Mapped[int] = mapped_column(ForeignKey("notes.id", ondelete="CASCADE"), index=True)
    label: Mapped[str] = text_column(20)
'''
# A table that others refer to, until it is taken away together with their columns.
BADGE = '''

class Badge(Base):
    """What someone was given."""

    __tablename__ = "badges"

    id: Mapped[int] = mapped_column(primary_key=True)
'''
# Takes a while, and fails when it runs twice.
SLOW = '''"""Create a table slowly."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create it."""
    time.sleep(3)
    op.create_table("once", sa.Column("id", sa.Integer(), primary_key=True))


def downgrade() -> None:
    """Drop it."""
    op.drop_table("once")
'''
# Fails half way.
FAILING = SLOW.replace("time.sleep(3)", 'op.execute("CREATE TABLE half (id INTEGER)")').replace(
    'op.create_table("once", sa.Column("id", sa.Integer(), primary_key=True))',
    "op.execute(\"UPDATE nothing SET email = 'ada@example.com'\")",
)
# Other defaults for settings.
SETTINGS = {
    "PASSWORD_MIN_LENGTH": "15",
    "PASSWORD_MAX_LENGTH": "200",
    "SESSION_IDLE_SECONDS": "8 * HOUR",
    "SESSION_REMEMBER_SECONDS": "21 * DAY",
    "RECENT_SIGN_IN_SECONDS": "10 * MINUTE",
    "API_SESSION_IDLE_SECONDS": "21 * DAY",
    "SESSION_ABSOLUTE_SECONDS": "60 * DAY",
    "SESSION_TOUCH_SECONDS": "5 * MINUTE",
    "CLOCK_SKEW_SECONDS": "30",
    "SESSIONS_PER_ACCOUNT": "50",
    "DEVICE_SECONDS": "180 * DAY",
    "DEVICES_PER_ACCOUNT": "5",
    "INVITATION_TOKEN_SECONDS": "7 * DAY",
    "CONFIRM_TOKEN_SECONDS": "2 * DAY",
    "EMAIL_CHANGE_TOKEN_SECONDS": "2 * DAY",
    "RESET_TOKEN_SECONDS": "2 * HOUR",
    "UNCONFIRMED_ACCOUNT_SECONDS": "14 * DAY",
    "TOTP_DRIFT_STEPS": "2",
    "TOTP_SETUP_SECONDS": "20 * MINUTE",
    "CHALLENGE_SECONDS": "5 * MINUTE",
    "RECOVERY_CODES": "10",
    "PASSKEY_CHALLENGE_SECONDS": "10 * MINUTE",
    "PASSKEYS_PER_ACCOUNT": "20",
    "LIMIT_PASSWORD_BY_IP": '"40 per minute"',
    "LIMIT_PASSWORD_FAILURES": '"8 per 10 minutes"',
    "LIMIT_CODE_FAILURES": '"8 per 10 minutes"',
    "LIMIT_PASSKEYS_BY_IP": '"40 per minute"',
    "LIMIT_NEW_PASSWORDS_BY_IP": '"60 per minute"',
    "LIMIT_MAIL_BY_ADDRESS": '"6 per hour"',
    "LIMIT_MAIL_BY_IP": '"50 per hour"',
    "MAX_CONTENT_LENGTH": "128 * 1024",
    "BODY_SECONDS": "20",
    "JOB_LEASE_SECONDS": "10 * MINUTE",
    "CONFIRMATION_DEADLINE_SECONDS": "2 * DAY",
    "NOTICE_DEADLINE_SECONDS": "3 * DAY",
    "HSTS_SECONDS": "180 * DAY",
    "DATABASE_POOL_SIZE": "10",
    "DATABASE_MAX_OVERFLOW": "5",
    "DATABASE_POOL_TIMEOUT_SECONDS": "5",
    "DATABASE_LOCK_TIMEOUT_SECONDS": "6",
    "MIGRATE_ON_START": "True",
    "TRUSTED_PROXIES": "1",
    "REGISTRATION": '"closed"',
    "PASSWORD_MIN_SCORE": "4",
    "PASSWORD_HASH_METHOD": '"pbkdf2:sha256:600000"',
    "TOTP_ISSUER": '"Shop Inc"',
    "RATELIMIT_STORAGE_URI": '"memory://"',
    "API_ALLOWED_ORIGINS": '["https://shop.example"]',
    "DOWNLOAD_FOLDER": '"data"',
    "DOWNLOAD_ACCEL": '"nginx"',
    "DOWNLOADS_AT_ONCE": "3",
    "MAIL_PORT": "587",
    "MAIL_USE_TLS": "True",
    "MAIL_USERNAME": '"shop"',
    "MAIL_PASSWORD": '"only for tests"',
    "MAIL_DEFAULT_SENDER": '"Shop <hello@shop.example>"',
    "MAIL_TIMEOUT_SECONDS": "20",
    "SUPPORT_EMAIL": '"help@shop.example"',
    "JOBS_IN_PROCESS": "False",
}
RENAME = """op.alter_column(
        "accounts",
        "{}",
        new_column_name="{}",
        existing_type=sa.String(5),
        existing_nullable=False,
        existing_server_default="en",
    )"""


def replaced(source: str, old: str, new: str) -> str:
    """Return the source with one text in place of another, which it has to contain."""
    changed = source.replace(old, new, 1)
    assert changed != source, old
    return changed


def edit(path: Path, *edits: Edit) -> None:
    """Change a file."""
    text = path.read_text("utf-8")
    for each in edits:
        text = each(text)
    path.write_text(text, "utf-8")


def longer_name(length: int) -> Edit:
    """Let names be longer."""
    return lambda source: re.sub(
        r"^NAME_LENGTH = \d+", f"NAME_LENGTH = {length}", source, flags=re.M
    )


def additions(source: str) -> str:
    """Add types, columns of accounts, a unique constraint of theirs, and two tables."""
    check = '        CheckConstraint("email = lower(email)", name="email_lower"),\n'
    unique = '        UniqueConstraint("name", "email", name="uq_accounts_name"),\n'
    last = "    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)\n"
    source = replaced(source, "\nfrom datetime import", f"\n{IMPORTS}from datetime import")
    source = replaced(source, "\nclass TotpFactor(", f"{TYPES}\nclass TotpFactor(")
    source = replaced(source, check, check + unique)
    source = replaced(source, last, last + COLUMNS.removeprefix("\n"))
    return source + TABLE + BADGE


def second_thoughts(source: str) -> str:
    """Rename a column, drop one and a unique constraint, add a value to an enum, and drop a table
    that others refer to and an index that a foreign key uses."""
    source = replaced(source, "    language: Mapped", "    locale: Mapped")
    source = replaced(source, "    visits: Mapped[int] = mapped_column(default=3)\n", "")
    source = replaced(
        source, '        UniqueConstraint("name", "email", name="uq_accounts_name"),\n', ""
    )
    badge_id = (
        '    badge_id: Mapped[int | None] = mapped_column(ForeignKey("badges.id"), index=True)\n'
    )
    source = replaced(replaced(source, BADGE, ""), badge_id, "")
    # Those of other tables are needed by requests: the app's tests would say so.
    model = source[source.index("class RecoveryCode(Base)") :].partition("\n\n\n")[0]
    source = replaced(source, model, replaced(model, 'CASCADE"), index=True', 'CASCADE")'))
    title = 'UniqueConstraint("account_id", "title")'
    source = replaced(source, title, 'UniqueConstraint("title", "account_id")')
    return replaced(source, '    PRO = "pro"\n', '    PRO = "pro"\n    BUSINESS = "business"\n')


def rename_by_hand(source: str) -> str:
    """Write the rename into an empty migration."""
    for docstring, names in (
        ("Apply the change.", ("language", "locale")),
        ("Undo the change.", ("locale", "language")),
    ):
        line = f'    """{docstring}"""\n'
        source = replaced(source, line, f"{line}    {RENAME.format(*names)}\n")
    return source


def other_settings(source: str) -> str:
    """Change the app's name and the defaults of its settings."""
    source = re.sub(r"^APP_NAME = .*", 'APP_NAME = "Owner\'s <Shop> & Söhne"', source, flags=re.M)
    for name, default in SETTINGS.items():
        line = re.compile(rf'(    Setting\("{name}", .*, ).+\),\n')
        assert line.search(source), name
        source = line.sub(lambda found, to=default: f"{found[1]}{to}),\n", source)  # type: ignore[misc]
    return source
