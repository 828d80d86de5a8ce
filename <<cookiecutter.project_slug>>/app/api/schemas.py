"""The models of requests and responses. They check requests and are the document's schemas.

pydantic checks the shape of a body: its fields and their types. What a value may be is decided
in `app.accounts`; the lengths and patterns here tell clients about it.
"""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from flask import current_app
from pydantic import BaseModel, ConfigDict, Field

from app.accounts import models
from app.accounts.fields import EMAIL_PATTERN, NAME_PATTERN
from app.accounts.models import EMAIL_LENGTH, NAME_LENGTH

PERSON = {"name": "Ada Lovelace", "email": "ada@example.com"}
PASSPHRASE = "plenty of unrelated words"
TOKEN = "Zq3v0Yb7mB1s9dUo5XcR2hKfLw8TjNaE6pGiVtQxJyM"
DEVICE = "hJ4nR7wQ2eX9kTz0VbL5sYc8MfUa3GdPoI1rEjWtNqA"
ID = "6f1c9a52-3b0e-4d87-9c1f-2a7d5e8b4c60"
SECOND_FACTOR = "/api/docs#second-factor"
MOMENT = "2026-01-31T12:00:00Z"


def _password_lengths(schema: dict[str, Any]) -> None:
    """The policy as this app is set, when the document is made."""
    schema["minLength"] = current_app.config["PASSWORD_MIN_LENGTH"]
    schema["maxLength"] = current_app.config["PASSWORD_MAX_LENGTH"]


Name = Annotated[
    str,
    Field(
        description=(
            "The person's name: one line with at least one visible character. Its length is"
            " counted in code points, as sent. It is stored without spaces around it, in"
            " Unicode's form NFC unless that is longer."
        ),
        examples=[PERSON["name"]],
        json_schema_extra={"minLength": 1, "maxLength": NAME_LENGTH, "pattern": NAME_PATTERN},
    ),
]
Email = Annotated[
    str,
    Field(
        description=(
            "An email address. Its length is counted in code points, as sent and as stored: in"
            " lower case, in Unicode's form NFKC, without spaces and invisible characters around"
            " it. The part before the at sign has at most 64 characters, is never quoted and has no"
            " `=?`. The domain has a dot, and is valid by IDNA 2008 if it has letters that are not"
            " ASCII."
        ),
        examples=[PERSON["email"]],
        json_schema_extra={
            "format": "idn-email",
            "maxLength": EMAIL_LENGTH,
            "pattern": EMAIL_PATTERN,
        },
    ),
]
AnyEmail = Annotated[
    str, Field(description="The account's email address.", examples=[PERSON["email"]])
]
Password = Annotated[str, Field(description="The current password.", examples=[PASSPHRASE])]
NewPassword = Annotated[
    str,
    Field(
        description=(
            "Any characters. The length is counted in code points, as sent and after Unicode"
            " normalization (NFKC), which can turn one into several: both must be within the"
            " limits. A password that is easy to guess is refused, and so is the person's own name"
            " or email address."
        ),
        examples=[PASSPHRASE],
        json_schema_extra=_password_lengths,
    ),
]
MailedToken = Annotated[
    str,
    Field(
        description="The token from the email. It works once.",
        examples=[TOKEN],
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]{43}$"},
    ),
]
DeviceSecret = Annotated[
    str,
    Field(
        description="Store it, and send it with the next sign-in to this account. It works until"
        " the password changes.",
        examples=[DEVICE],
    ),
]
Code = Annotated[
    str,
    Field(
        description="A 6-digit code from the authenticator app, or a recovery code. Spaces and"
        " hyphens are ignored. Each code works once.",
        examples=["492039"],
    ),
]
Challenge = Annotated[
    str,
    Field(
        description="The `challenge` from the step before. It works once.",
        examples=[TOKEN],
    ),
]
Id = Annotated[UUID, Field(description="An opaque ID.", examples=[ID])]
Moment = Annotated[datetime, Field(examples=[MOMENT])]


class Body(BaseModel):
    """A request's body. Unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid")


class Registration(Body):
    """A new account."""

    name: Name
    email: Email
    password: NewPassword


class EmailAddress(Body):
    """An email address."""

    email: Email


class Token(Body):
    """A token from an email."""

    token: MailedToken


class Credentials(Body):
    """The credentials of a sign-in."""

    email: AnyEmail
    password: Password
    device: Annotated[
        str | None,
        Field(
            description="The `device` of an earlier sign-in or reset. Wrong passwords from a known"
            " device are counted separately, so nobody else can lock you out. Without it, or if it"
            " is no longer known, the sign-in still works, and the account's owner gets an email.",
            examples=[DEVICE],
        ),
    ] = None


class SecondStep(Body):
    """What completes a sign-in to an account with a second factor."""

    challenge: Challenge
    code: Code
    device: Annotated[
        str | None,
        Field(
            description="The `device` that you sent in the first step. If you leave it out, the"
            " response has a new one.",
            examples=[DEVICE],
        ),
    ] = None


class NewPasswordByToken(Body):
    """A new password and the token from an email."""

    token: MailedToken
    password: NewPassword


class PasswordChange(Body):
    """A new password and the current one."""

    current_password: Password
    password: NewPassword


class EmailChange(Body):
    """A new email address and the current password."""

    current_password: Password
    email: Email


class Profile(Body):
    """The fields of an account that can be changed."""

    name: Name


class PasswordConfirmation(Body):
    """The current password."""

    password: Password


class Account(BaseModel):
    """An account."""

    id: Id
    name: Name
    email: Email
    confirmed_at: Moment | None
    created_at: Moment

    @classmethod
    def of(cls, account: models.Account) -> "Account":
        """Return what people see of a stored account."""
        return cls(
            id=account.public_id,
            name=account.name,
            email=account.email,
            confirmed_at=account.confirmed_at,
            created_at=account.created_at,
        )


class NewSession(BaseModel):
    """A new session. The token is shown only once."""

    token: Annotated[str, Field(examples=[TOKEN])]
    token_type: Literal["Bearer"] = "Bearer"
    expires_at: Moment
    device: DeviceSecret
    account: Account


class KnownDevice(BaseModel):
    """A device that the account knows."""

    device: DeviceSecret


class Session(BaseModel):
    """One sign-in."""

    id: Id
    current: Annotated[bool, Field(description="Whether this is the session of the request.")]
    user_agent: Annotated[str, Field(examples=["curl/8.5.0"])]
    ip_address: Annotated[str, Field(examples=["192.0.2.7"])]
    created_at: Moment
    last_seen_at: Moment
    expires_at: Moment


class Sessions(BaseModel):
    """Every session of the account, the most recently seen first."""

    sessions: list[Session]


class Export(BaseModel):
    """Everything stored about an account, without hashes and tokens.

    Each other table that belongs to accounts is a list of its own if it has rows.
    """

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, list[dict[str, Any]]]

    account: dict[str, Any]
    sessions: list[dict[str, Any]]
    devices: list[dict[str, Any]]
    mailed_links: list[dict[str, Any]]


class Problem(BaseModel):
    """An error as defined by RFC 9457."""

    type: Annotated[str, Field(examples=["about:blank"])] = "about:blank"
    title: Annotated[str, Field(description="The name of the status.", examples=["Not Found"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str, Field(description="What went wrong with this request.")]


class InvalidFieldsProblem(Problem):
    """Invalid fields, each with its messages. The field `body` is the whole body."""

    errors: Annotated[
        dict[str, list[str]], Field(examples=[{"password": ["Use at least 12 characters."]}])
    ]


class SecondFactorProblem(Problem):
    """A sign-in that needs a second step: the password is right, and a factor is on."""

    type: Annotated[str, Field(examples=[SECOND_FACTOR])] = SECOND_FACTOR
    challenge: Challenge
    methods: Annotated[
        list[str],
        Field(
            description="The kinds of codes that the account accepts.",
            examples=[["totp", "recovery_code"]],
        ),
    ]
    expires_at: Moment
