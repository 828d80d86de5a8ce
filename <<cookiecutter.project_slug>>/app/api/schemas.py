"""What the API takes and gives. These models check requests and are the document's schemas.

pydantic checks the shape of a body: its fields and their types. What a value may be is decided
in `app.accounts`; the lengths and patterns here tell clients about it.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from flask import current_app
from pydantic import BaseModel, ConfigDict, Field

from app.accounts.models import EMAIL_LENGTH, NAME_LENGTH

PERSON = {"name": "Ada Lovelace", "email": "ada@example.com"}
PASSPHRASE = "plenty of unrelated words"
TOKEN = "Zq3v0Yb7mB1s9dUo5XcR2hKfLw8TjNaE6pGiVtQxJyM"
CONTROLS = r"\u0000-\u001F\u007F-\u009F\u2028\u2029"
MOMENT = "2026-01-31T12:00:00Z"


def _password_lengths(schema: dict[str, Any]) -> None:
    """The policy as this app is set, when the document is made."""
    schema["minLength"] = current_app.config["PASSWORD_MIN_LENGTH"]
    schema["maxLength"] = current_app.config["PASSWORD_MAX_LENGTH"]


Name = Annotated[
    str,
    Field(
        description="What to call the person: one line, no control characters.",
        examples=[PERSON["name"]],
        json_schema_extra={
            "minLength": 1,
            "maxLength": NAME_LENGTH,
            "pattern": rf"^[^{CONTROLS}]*[^\s{CONTROLS}][^{CONTROLS}]*$",
        },
    ),
]
Email = Annotated[
    str,
    Field(
        description="A mail address; upper and lower case are the same.",
        examples=[PERSON["email"]],
        json_schema_extra={"format": "email", "maxLength": EMAIL_LENGTH},
    ),
]
Password = Annotated[str, Field(description="The password as it is now.", examples=[PASSPHRASE])]
NewPassword = Annotated[
    str,
    Field(
        description="Any characters; one that is easy to guess is refused.",
        examples=[PASSPHRASE],
        json_schema_extra=_password_lengths,
    ),
]
MailedToken = Annotated[
    str,
    Field(
        description="The token from the mail: good for one use.",
        examples=[TOKEN],
        json_schema_extra={"pattern": "^[A-Za-z0-9_-]{43}$"},
    ),
]
Id = Annotated[int, Field(description="Its number, opaque to clients.", examples=[7])]
Moment = Annotated[datetime, Field(examples=[MOMENT])]


class Body(BaseModel):
    """A request's body: a field it does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class Registration(Body):
    """A person who wants an account."""

    name: Name
    email: Email
    password: NewPassword


class EmailAddress(Body):
    """An address to write to."""

    email: Email


class Token(Body):
    """A token that a mail carried."""

    token: MailedToken


class Credentials(Body):
    """What one signs in with."""

    email: Email
    password: Password


class NewPasswordByToken(Body):
    """A password to set by the token that a mail carried."""

    token: MailedToken
    password: NewPassword


class PasswordChange(Body):
    """A password to set by somebody who knows the present one."""

    current_password: Password
    password: NewPassword


class EmailChange(Body):
    """An address to move the account to."""

    current_password: Password
    email: Email


class Profile(Body):
    """What may be changed about an account at will."""

    name: Name


class PasswordConfirmation(Body):
    """The password, to prove who asks."""

    password: Password


class Account(BaseModel):
    """An account."""

    model_config = ConfigDict(from_attributes=True)

    id: Id
    name: Name
    email: Email
    confirmed_at: Moment | None
    created_at: Moment


class NewSession(BaseModel):
    """A session that has just begun: the token is shown this once."""

    token: Annotated[str, Field(examples=[TOKEN])]
    token_type: Literal["Bearer"] = "Bearer"
    expires_at: Moment
    account: Account


class Session(BaseModel):
    """A signed-in browser or client."""

    id: Id
    current: Annotated[bool, Field(description="Whether it is the one that asks.")]
    user_agent: Annotated[str, Field(examples=["curl/8.5.0"])]
    ip_address: Annotated[str, Field(examples=["192.0.2.7"])]
    created_at: Moment
    last_seen_at: Moment
    expires_at: Moment


class Sessions(BaseModel):
    """Every session of the account, the one seen last first."""

    sessions: list[Session]


class Export(BaseModel):
    """All that is stored about an account, without hashes and tokens."""

    account: dict[str, Any]
    sessions: list[dict[str, Any]]
    mailed_links: list[dict[str, Any]]


class Problem(BaseModel):
    """An error, by RFC 9457."""

    type: Annotated[str, Field(examples=["about:blank"])] = "about:blank"
    title: Annotated[str, Field(description="The status in words.", examples=["Not Found"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str, Field(description="What went wrong this time.")]


class InvalidFieldsProblem(Problem):
    """A body whose fields are not valid: the messages of each, `body` for the whole."""

    errors: Annotated[
        dict[str, list[str]], Field(examples=[{"password": ["Use at least 12 characters."]}])
    ]
