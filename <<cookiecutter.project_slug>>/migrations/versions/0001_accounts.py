"""Accounts, sessions, tokens in emails, known devices, factors, passkeys, counters and jobs."""

from datetime import datetime

import sqlalchemy as sa
from alembic import context, op
from click import ClickException

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def text(name: str, length: int, *, nullable: bool = False) -> sa.Column[str]:
    """Return a column for text that people enter, compared exactly on every database."""
    #: if cookiecutter.__backend == "mysql"
    kind = sa.String(length, collation="utf8mb4_bin")
    #: endif
    #: if cookiecutter.__backend != "mysql"
    kind = sa.String(length)
    #: endif
    return sa.Column(name, kind, nullable=nullable)


def moment(name: str, *, nullable: bool = False) -> sa.Column[datetime]:
    """Return a column for a time in UTC."""
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("user_handle", sa.String(43), nullable=False),
        text("name", 100),
        text("email", 254),
        sa.Column("password_hash", sa.String(255), nullable=False),
        moment("created_at"),
        moment("confirmed_at", nullable=True),
        moment("disabled_at", nullable=True),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_accounts_email_lower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accounts")),
        sa.UniqueConstraint("email", name=op.f("uq_accounts_email")),
        sa.UniqueConstraint("public_id", name=op.f("uq_accounts_public_id")),
        sa.UniqueConstraint("user_handle", name=op.f("uq_accounts_user_handle")),
        #: if cookiecutter.__backend == "sqlite"
        sqlite_autoincrement=True,
        #: endif
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("factor_verified", sa.Boolean(), nullable=False),
        text("user_agent", 255),
        sa.Column("ip_address", sa.String(45), nullable=False),
        moment("created_at"),
        moment("last_seen_at"),
        moment("expires_at"),
        _foreign_key("sessions"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("public_id", name=op.f("uq_sessions_public_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
        #: if cookiecutter.__backend == "sqlite"
        sqlite_autoincrement=True,
        #: endif
    )
    op.create_table(
        "mailed_tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        text("email", 254),
        sa.Column("job_id", sa.Integer(), nullable=True),
        moment("created_at"),
        moment("expires_at"),
        moment("used_at", nullable=True),
        _foreign_key("mailed_tokens"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailed_tokens")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_mailed_tokens_token_hash")),
    )
    op.create_table(
        "devices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        moment("created_at"),
        moment("expires_at"),
        _foreign_key("devices"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_devices")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_devices_token_hash")),
    )
    op.create_table(
        "totp_factors",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.String(255), nullable=False),
        sa.Column("last_step", sa.Integer(), nullable=False),
        moment("confirmed_at"),
        _foreign_key("totp_factors"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_totp_factors")),
    )
    op.create_table(
        "totp_setups",
        sa.Column("session_id", sa.Integer(), nullable=False),
        sa.Column("secret", sa.String(255), nullable=False),
        moment("expires_at"),
        _foreign_key("totp_setups", "session_id", "sessions.id"),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_totp_setups")),
    )
    op.create_index(op.f("ix_totp_setups_expires_at"), "totp_setups", ["expires_at"])
    op.create_table(
        "recovery_codes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(64), nullable=False),
        moment("created_at"),
        _foreign_key("recovery_codes"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_codes")),
        sa.UniqueConstraint("code_hash", name=op.f("uq_recovery_codes_code_hash")),
    )
    op.create_index(op.f("ix_recovery_codes_account_id"), "recovery_codes", ["account_id"])
    op.create_table(
        "challenges",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("session_id", sa.Integer(), nullable=True),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("device_hash", sa.String(64), nullable=True),
        moment("created_at"),
        moment("expires_at"),
        _foreign_key("challenges"),
        _foreign_key("challenges", "session_id", "sessions.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_challenges")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_challenges_token_hash")),
    )
    op.create_index(op.f("ix_challenges_session_id"), "challenges", ["session_id"])
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("public_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("credential_hash", sa.String(64), nullable=False),
        sa.Column("credential", sa.LargeBinary(), nullable=False),
        text("name", 100),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("device_bound", sa.Boolean(), nullable=False),
        sa.Column("synced", sa.Boolean(), nullable=False),
        moment("created_at"),
        moment("last_used_at", nullable=True),
        _foreign_key("passkeys"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_hash", name=op.f("uq_passkeys_credential_hash")),
        sa.UniqueConstraint("public_id", name=op.f("uq_passkeys_public_id")),
    )
    op.create_index(op.f("ix_passkeys_account_id"), "passkeys", ["account_id"])
    op.create_table(
        "limit_counters",
        sa.Column("name", sa.String(128), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        moment("expires_at"),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_limit_counters")),
    )
    op.create_index(op.f("ix_limit_counters_expires_at"), "limit_counters", ["expires_at"])
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        text("email", 254, nullable=True),
        sa.Column("arguments", sa.Text(), nullable=False),
        moment("due_at"),
        sa.Column("tries", sa.Integer(), nullable=False),
        moment("give_up_at", nullable=True),
        moment("created_at"),
        sa.Column("last_error", sa.String(200), nullable=True),
        sa.Column("repeats", sa.String(40), nullable=True),
        _foreign_key("jobs"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("repeats", name=op.f("uq_jobs_repeats")),
        #: if cookiecutter.__backend == "sqlite"
        sqlite_autoincrement=True,
        #: endif
    )
    for column in ("name", "account_id", "email", "due_at"):
        op.create_index(op.f(f"ix_jobs_{column}"), "jobs", [column])
    for table in ("sessions", "mailed_tokens", "devices", "challenges"):
        for column in ("account_id", "expires_at"):
            op.create_index(op.f(f"ix_{table}_{column}"), table, [column])


def downgrade() -> None:
    """Drop the tables with all their rows.

    Raises ClickException if there are accounts, and nobody asked for their deletion.
    """
    asked = context.get_x_argument(as_dictionary=True).get("delete") == "all"
    accounts = sa.text("SELECT EXISTS (SELECT 1 FROM accounts)")
    if not (asked or context.is_offline_mode()) and op.get_bind().scalar(accounts):
        raise ClickException("This would delete all accounts. If you want that, add -x delete=all")
    op.drop_table("jobs")
    op.drop_table("limit_counters")
    op.drop_table("passkeys")
    op.drop_table("challenges")
    op.drop_table("recovery_codes")
    op.drop_table("totp_setups")
    op.drop_table("totp_factors")
    op.drop_table("devices")
    op.drop_table("mailed_tokens")
    op.drop_table("sessions")
    op.drop_table("accounts")


def _foreign_key(
    table: str, column: str = "account_id", target: str = "accounts.id"
) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        [column],
        [target],
        name=op.f(f"fk_{table}_{column}"),
        ondelete="CASCADE",
    )
