"""WebAuthn's ceremonies, of two requests each: sign in, re-authenticate, and add a passkey.

The first request returns options for the browser and a token. The 32 bytes of the token are the
challenge that the passkey signs. A challenge works once, whether or not the response is valid.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError

from app.accounts import authentication, challenges, fields, limits, sessions
from app.accounts import store as accounts
from app.accounts.authentication import SignedIn
from app.accounts.client import Client
from app.accounts.errors import InvalidInput, SignedOut
from app.accounts.models import Account, Challenge, Passkey, Session
from app.accounts.passkeys import names, responses, store
from app.accounts.passkeys.responses import Match, Refusal
from app.accounts.passkeys.store import NewCredential
from app.extensions import transaction

SIGN_IN = "passkey sign-in"
REGISTRATION = "passkey new"
REFUSED = "This passkey couldn't be added. Try again."


@dataclass(frozen=True)
class Options:
    """The token for the second request, and the argument of `parseRequestOptionsFromJSON` or
    `parseCreationOptionsFromJSON`."""

    token: str
    options: dict[str, Any]
    expires_at: datetime


def sign_in_options(client: Client, kind: str) -> Options:
    """Begin a sign-in that starts a session of a kind. Raises LimitReached."""
    _spend("passkey options", client)
    with transaction():
        issued = challenges.issue(None, SIGN_IN, kind)
    return _request(*issued)


def sign_in(token: str, credential: object, client: Client, kind: str) -> SignedIn:
    """Start a session for the owner of a passkey. It counts as both factors.

    Every invalid credential raises the same error after the same work. A browser may choose
    another kind of session than it began with, but its challenge doesn't work in the API.
    Raises WrongCredentials, NotConfirmed, InvalidChallenge, LimitReached.
    """
    _spend("passkeys", client)
    kinds = [each for each in sessions.IDLE_SETTINGS if (each == "api") == (kind == "api")]
    challenge = challenges.find_without_account(token, SIGN_IN, *kinds)
    found = responses.judge(token, credential, client)
    signed_in = None
    with transaction():
        challenges.use(challenge)
        if isinstance(found, Match) and responses.accept(found):
            signed_in = authentication.start_session(
                found.account, client, kind, factor_verified=True
            )
    return _conclude(found, signed_in, client, "passkey")


#: if cookiecutter.interface != "api"
def reauthentication_options(current: Session, client: Client) -> Options:
    """Begin a re-authentication. Raises LimitReached, SignedOut."""
    _spend("passkey options", client)
    with transaction():
        issued = _issue(current, "passkey again")
    return _request(*issued, store.passkeys_of(current.account))


def reauthenticate(current: Session, token: str, credential: object, client: Client) -> SignedIn:
    """Replace a session with a new one of the same kind, after a passkey of its account.

    Raises WrongCredentials, InvalidChallenge, LimitReached; SignedOut when the session has ended
    in the meantime.
    """
    _spend("passkeys", client)
    challenge = challenges.find_of(current, token, "passkey again")
    found = responses.judge(token, credential, client, current.account)
    signed_in = None
    with transaction():
        if not accounts.lock(current.account):
            raise SignedOut
        challenges.use(challenge)
        if isinstance(found, Match) and responses.accept(found):
            signed_in = authentication.start_session(
                found.account, client, current.kind, current, factor_verified=True
            )
    return _conclude(found, signed_in, client, "reauthentication")


def registration_options(current: Session, client: Client) -> Options:
    """Begin to add a passkey, after a recent sign-in.

    Raises FactorNotVerified where a second factor is on and the session began without it;
    InvalidInput on `body` if there are too many; LimitReached, SignedOut.
    """
    from app.accounts.factors import store as factors

    _spend("passkey options", client)
    with transaction():
        if not accounts.lock(current.account):
            raise SignedOut
        factors.check_verified(current)
        return _creation(current)


#: endif
#: if cookiecutter.interface != "html"
def registration_options_with_password(
    current: Session, code: str | None, proof: authentication.Proof
) -> Options:
    """Begin to add a passkey, after the password and, where a second factor is on, a code.

    Raises InvalidInput on `code`, on `body` if there are too many, and what the proof raises;
    LimitReached, SignedOut.
    """
    from app.accounts.factors import codes

    with codes.spent_if_needed(current.account, code, proof.client):
        proof.hold()
        return _creation(current)


#: endif
def register(
    current: Session,
    token: str,
    name: str | None,
    credential: object,
    client: Client,
    otherwise: str = "Passkey",
) -> Passkey:
    """Add a passkey, and tell the owner.

    Without a name, it gets the name of what stores it, or `otherwise` if that is unknown.
    Raises InvalidInput on `name`, on `credential`, on `body` if there are too many;
    InvalidChallenge, LimitReached, SignedOut.
    """
    from app.accounts.passkeys import credentials

    _spend("passkeys", client)
    if name is not None:
        name = fields.clean_name(name, "a")
    account = current.account
    challenge = challenges.find_of(current, token, REGISTRATION)
    new = credentials.read_new(credential, token)
    try:
        passkey = _store(account, challenge, new, name, otherwise)
    except IntegrityError as error:
        if not store.is_taken(error):
            raise
        passkey = None  # another account added it at the same moment
    if passkey is None:
        raise InvalidInput({"credential": [REFUSED]})
    store.record("passkey.added", passkey, client)
    return passkey


def _store(
    account: Account,
    challenge: Challenge,
    new: NewCredential | None,
    name: str | None,
    otherwise: str,
) -> Passkey | None:
    """Use a challenge, and store a credential unless it was refused or is someone's already."""
    with transaction():
        if not accounts.lock(account):
            raise SignedOut
        challenges.use(challenge)
        store.check_room(account)
        if new is None or responses.find(new.credential_hash) is not None:
            return None
        return store.add(account, new, name or names.default(new.aaguid, otherwise))


def _spend(tried: str, client: Client) -> None:
    limits.spend(limits.by_network("LIMIT_PASSKEYS_BY_IP", f"{tried} by address", client), client)


def _conclude(
    found: Match | Refusal, signed_in: SignedIn | None, client: Client, method: str
) -> SignedIn:
    """Record how a sign-in ended, after its transaction. Raises WrongCredentials, NotConfirmed."""
    if signed_in is None or isinstance(found, Refusal):
        responses.refuse(found, client)
    store.record("passkey.used", found.passkey, client)
    return authentication.note_sign_in(signed_in, client, method)


def _issue(current: Session, purpose: str) -> tuple[Challenge, str]:
    """Issue a challenge that ends with a session."""
    if not accounts.lock(current.account):
        raise SignedOut
    sessions.hold(current)
    return challenges.issue(current.account, purpose, current.kind, current)


def _request(challenge: Challenge, token: str, allowed: Sequence[Passkey] | None = None) -> Options:
    """Return the options for a response from one of the allowed passkeys, or from any."""
    from app.accounts.passkeys import options

    return Options(token, options.to_use(token, allowed), challenge.expires_at)


def _creation(current: Session) -> Options:
    """Return the options for a new passkey, in the caller's transaction."""
    from app.accounts.passkeys import options

    account = current.account
    store.check_room(account)
    challenge, token = _issue(current, REGISTRATION)
    made = options.to_create(token, account, store.passkeys_of(account))
    return Options(token, made, challenge.expires_at)
