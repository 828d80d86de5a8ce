"""Bodies of requests and responses about two-factor authentication."""

from typing import Annotated

from pydantic import BaseModel, Field

from app.api.schemas import Body, Code, Moment, Password


class PasswordAndCode(Body):
    """The password and a code, to prove who asks."""

    current_password: Password
    code: Code


class TotpStart(Body):
    """The password, and a code where an authenticator app is set up already."""

    current_password: Password
    code: Annotated[
        str | None,
        Field(
            description="Required if an authenticator app is already set up: a code from it, or a"
            " recovery code.",
            examples=["492039"],
        ),
    ] = None


class TotpConfirmation(Body):
    """The first code of a key."""

    code: Annotated[
        str, Field(description="What the authenticator app shows.", examples=["492039"])
    ]


class Totp(BaseModel):
    """An authenticator app that is set up."""

    confirmed_at: Moment


class Factors(BaseModel):
    """The second factors of an account."""

    totp: Totp | None
    recovery_codes_left: Annotated[int, Field(examples=[8])]
    passkeys: Annotated[int, Field(description="The number of passkeys.", examples=[1])]


class TotpSetUp(BaseModel):
    """A key for an authenticator app, which waits for its first code."""

    secret: Annotated[
        str, Field(description="In base32.", examples=["JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"])
    ]
    uri: Annotated[
        str,
        Field(
            description="The content of the QR code.",
            examples=["otpauth://totp/App:ada@example.com?secret=JBSWY3DPEHPK3PXP&issuer=App"],
        ),
    ]
    expires_at: Moment


class RecoveryCodes(BaseModel):
    """Codes that sign in once each, in place of the authenticator app."""

    recovery_codes: Annotated[list[str], Field(examples=[["3Q7K-0ZRD-91XV-5TBN-HC2M-W8GE"]])]
