"""Bodies of requests and responses about passkeys."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.accounts import models
from app.accounts.fields import NAME_PATTERN
from app.accounts.models import NAME_LENGTH
from app.api.schemas import DEVICE, TOKEN, Body, Challenge, Id, Moment, Password

CREDENTIAL_ID = "Kq5n0cXr7tJw2uZb4yPd9eGm1hVs8aLf"
NAME_SCHEMA = {"minLength": 1, "maxLength": NAME_LENGTH, "pattern": NAME_PATTERN}

PasskeyName = Annotated[
    str,
    Field(
        description="One line with at least one visible character.",
        examples=["Work laptop"],
        json_schema_extra=NAME_SCHEMA,
    ),
]


def _credential(*response: str) -> dict[str, Any]:
    """Return an example of what a browser sends."""
    names = {"id": CREDENTIAL_ID, "rawId": CREDENTIAL_ID, "type": "public-key"}
    return {**names, "response": dict.fromkeys(response, "eyJ0eXBlIjoi")}


class Nothing(Body):
    """An empty object."""


class PasskeySignIn(Body):
    """A passkey's response to a challenge."""

    challenge: Challenge
    credential: Annotated[
        dict[str, Any],
        Field(
            description="The result of `navigator.credentials.get`, as its `toJSON()` gives it.",
            examples=[
                _credential("clientDataJSON", "authenticatorData", "signature", "userHandle")
            ],
        ),
    ]
    device: Annotated[
        str | None,
        Field(
            description="The `device` of an earlier sign-in or reset. Without it, or if it is no"
            " longer known, the owner of the account gets an email.",
            examples=[DEVICE],
        ),
    ] = None


class PasskeyStart(Body):
    """The password, and a code if two-factor authentication is on."""

    current_password: Password
    code: Annotated[
        str | None,
        Field(
            description="Required if two-factor authentication is on: a code from the authenticator"
            " app, or a recovery code.",
            examples=["492039"],
        ),
    ] = None


class NewPasskey(Body):
    """A passkey that was just created."""

    challenge: Challenge
    name: Annotated[
        PasskeyName | None,
        Field(description="If null, the passkey is named after what stores it."),
    ]
    credential: Annotated[
        dict[str, Any],
        Field(
            description="The result of `navigator.credentials.create`, as its `toJSON()` gives it.",
            examples=[_credential("clientDataJSON", "attestationObject")],
        ),
    ]


class PasskeyProfile(Body):
    """The fields of a passkey that can be changed."""

    name: PasskeyName


class CurrentPassword(Body):
    """The password, to prove who asks."""

    current_password: Password


class RequestOptions(BaseModel):
    """What a browser needs to use a passkey."""

    challenge: Challenge
    options: Annotated[
        dict[str, Any],
        Field(
            description="For `PublicKeyCredential.parseRequestOptionsFromJSON`; its result is the"
            " `publicKey` of `navigator.credentials.get`.",
            examples=[
                {
                    "challenge": TOKEN,
                    "timeout": 300000,
                    "rpId": "app.example.com",
                    "userVerification": "required",
                }
            ],
        ),
    ]
    expires_at: Moment


class CreationOptions(BaseModel):
    """What a browser needs to create a passkey."""

    challenge: Challenge
    options: Annotated[
        dict[str, Any],
        Field(
            description="For `PublicKeyCredential.parseCreationOptionsFromJSON`; its result is the"
            " `publicKey` of `navigator.credentials.create`.",
            examples=[
                {
                    "challenge": TOKEN,
                    "rp": {"id": "app.example.com", "name": "My App"},
                    "user": {"id": DEVICE, "name": "ada@example.com", "displayName": "Ada"},
                    "pubKeyCredParams": [{"type": "public-key", "alg": -7}],
                }
            ],
        ),
    ]
    expires_at: Moment


class Passkey(BaseModel):
    """A passkey."""

    id: Id
    name: PasskeyName
    created_at: Moment
    last_used_at: Moment | None
    synced: Annotated[
        bool, Field(description="Whether it is synced to other devices of its owner.")
    ]

    @classmethod
    def of(cls, passkey: models.Passkey) -> "Passkey":
        """Return what people see of a stored passkey."""
        return cls(
            id=passkey.public_id,
            name=passkey.name,
            created_at=passkey.created_at,
            last_used_at=passkey.last_used_at,
            synced=passkey.synced,
        )


class Passkeys(BaseModel):
    """Every passkey of the account, oldest first."""

    passkeys: list[Passkey]
