"""Sign in, in one or two steps, and ask for the password again."""

from dataclasses import dataclass
from functools import partial

from app.accounts import (
    challenges,
    devices,
    events,
    limits,
    mailing,
    passwords,
    sessions,
    store,
    tokens,
)
from app.accounts.client import Client
from app.accounts.errors import (
    AccountError,
    FactorRequired,
    InvalidInput,
    NotConfirmed,
    WrongCredentials,
)
from app.accounts.factors import codes
from app.accounts.fields import address_key
from app.accounts.limits import Rule
from app.accounts.models import Account, Session
from app.extensions import transaction


@dataclass(frozen=True)
class SignedIn:
    """The result of a sign-in: the session, its token, the device's secret for the next one,
    and how many older sessions had to end."""

    session: Session
    token: str
    device: str
    surplus: int


@dataclass(frozen=True)
class Proof:
    """A password that matched, before the transaction that relies on it."""

    account: Account
    client: Client
    password_hash: str
    refusal: AccountError

    def hold(self) -> None:
        """Check, inside the transaction, that password and account still hold, and keep it so.

        Comparing a password takes long: a reset in the meantime must not leave a session, or a
        password, behind it. Raises `refusal`.
        """
        if not _lock(self.account, self.password_hash):
            reason = "password changed meanwhile"
            events.record("sign_in.refused", self.client, self.account.id, reason=reason)
            raise self.refusal


def sign_in(email: str, password: str, client: Client, kind: str) -> SignedIn:
    """Start a session of a kind for the owner of address and password.

    An unknown address costs the same work as a known one.
    Raises WrongCredentials, NotConfirmed, LimitReached; FactorRequired, with a challenge for
    `sign_in_with_code`, where the account has a second factor.
    """
    account = store.by_email(email)
    device = devices.identify(client.devices, account)
    account_id = account.id if account else None
    source, name = ("device", device) if device else ("address", address_key(email))
    password_hash = _compare(account, password, client, _failures(source, name, account_id))
    if account is None or password_hash is None:
        disabled = account is not None and account.disabled_at is not None
        reason = "disabled" if disabled else "wrong credentials"
        events.record("sign_in.refused", client, account_id, reason=reason)
        raise WrongCredentials
    if account.confirmed_at is None:
        events.record("sign_in.refused", client, account.id, reason="not confirmed")
        raise NotConfirmed
    proof = Proof(account, client, password_hash, WrongCredentials())
    with transaction():
        proof.hold()
        # Asked now that the account's row is locked: it may have been turned on meanwhile.
        needed = codes.is_needed(account)
        if needed:
            challenge, token = challenges.issue(account, "sign in", kind)
            challenge.device_hash = tokens.digest(device) if device else None
        else:
            signed_in = start_session(account, client, kind)
    if needed:
        events.record("sign_in.challenged", client, account.id)
        raise FactorRequired(token, codes.methods(account), challenge.expires_at)
    return note_sign_in(signed_in, client, method="password")


def sign_in_with_code(token: str, typed: str, client: Client, *kinds: str) -> SignedIn:
    """Start the session that a challenge is for, of one of `kinds`, after a correct code.

    Raises InvalidChallenge; InvalidInput on `code`, which leaves the challenge as it is;
    LimitReached.
    """
    challenge, account = challenges.find(token, "sign in", *kinds)
    with codes.spent(account, typed, client, partial(challenges.use, challenge)) as method:
        signed_in = start_session(
            account,
            client,
            challenge.kind,
            device_hash=challenge.device_hash,
            factor_verified=True,
        )
    return note_sign_in(signed_in, client, method=f"password and {method}")


#: if cookiecutter.interface != "api"
def reauthenticate(
    current: Session, password: str, client: Client, code: str | None = None
) -> SignedIn:
    """Replace a session with a new one of the same kind, after the password and, where a second
    factor is on, a code.

    Raises InvalidInput on `password` or `code`, LimitReached; SignedOut when the session has ended
    meanwhile.
    """
    proof = confirm_password(current, password, client, "password")
    account, still_there = proof.account, partial(sessions.hold, current)
    with codes.spent_if_needed(account, code, client, still_there) as method:
        proof.hold()
        signed_in = start_session(
            account, client, current.kind, current, factor_verified=bool(method)
        )
    return note_sign_in(signed_in, client, method="reauthentication")


#: endif
def confirm_password(current: Session, password: str, client: Client, field: str) -> Proof:
    """Check the password of someone who is signed in; the change it allows must `hold` the proof.

    Raises InvalidInput on `field`, LimitReached.
    """
    account = current.account
    refusal = InvalidInput({field: ["This isn't your current password."]})
    # Counted for this session alone: strangers cannot keep its owner from changing anything.
    password_hash = _compare(
        account, password, client, _failures("session", current.id, account.id)
    )
    if password_hash is None:
        events.record("sign_in.refused", client, account.id, reason="wrong password")
        raise refusal
    return Proof(account, client, password_hash, refusal)


def lift_limit(account: Account) -> None:
    """Let strangers try passwords for the account again."""
    limits.lift(_failures("address", account.email, account.id))


def _failures(source: str, name: str | int, account_id: int | None) -> Rule:
    """Return the limit on wrong passwords from one source: strangers who enter an email
    address, a known device, or a session. Each is counted separately."""
    return Rule("LIMIT_PASSWORD_FAILURES", "password failures", (source, name), account_id)


def _compare(account: Account | None, password: str, client: Client, failures: Rule) -> str | None:
    """Compare a password within the rate limits. Return the account's hash if the password matches.

    An attempt is counted before it is known to be a failure, so that guesses made at the same
    moment cannot pass the limit together.
    """
    by_network = limits.by_network(
        "LIMIT_PASSWORD_BY_IP", "passwords by address", client, failures.account_id
    )
    limits.spend(by_network, client)
    limits.reserve(failures, client)
    compared = account.password_hash if account else None
    try:
        matches = passwords.verify(password, compared)
    except BaseException:  # no guess was judged
        limits.release(failures)
        raise
    # Nothing tells a disabled account from a wrong password, the rate limit included.
    matches = matches and account is not None and account.disabled_at is None
    if account is None or compared is None or not matches:
        limits.fail(failures)
        return None
    limits.release(failures)
    return _renew(account, compared, password)


def _renew(account: Account, compared: str, password: str) -> str | None:
    """Return the hash of a correct password, hashed again if its cost has changed.

    None when another password was set in the meantime.
    """
    if not passwords.needs_renewal(compared):
        return compared
    renewed = passwords.hash_password(password)
    with transaction():
        if not _lock(account, compared):
            return None
        account.password_hash = renewed
    return renewed


def _lock(account: Account, password_hash: str) -> bool:
    """Lock the account's row. Return whether it has this hash, and is not disabled."""
    return store.lock(
        account, Account.password_hash == password_hash, Account.disabled_at.is_(None)
    )


def start_session(
    account: Account,
    client: Client,
    kind: str,
    #: if cookiecutter.interface != "api"
    replaces: Session | None = None,
    #: endif
    *,
    device_hash: str | None = None,
    factor_verified: bool = False,
) -> SignedIn:
    """Start a session, in the caller's transaction, which holds the account's row.

    `device_hash` is that of a device which proved itself earlier in the same sign-in.
    """
    #: if cookiecutter.interface != "api"
    from app.accounts.errors import SignedOut
    from app.accounts.factors import setups

    waiting = setups.find(replaces) if replaces else None
    if replaces is not None and not sessions.end(replaces):
        raise SignedOut
    #: endif
    surplus = sessions.end_surplus(account)
    session, token = sessions.start(account, kind, client, factor_verified=factor_verified)
    #: if cookiecutter.interface != "api"
    if waiting is not None:
        setups.keep(waiting, session)
    #: endif
    known = devices.identify(client.devices, account)
    renewed = devices.renew(account, device_hash) if device_hash and not known else None
    expected = known is not None or renewed is not None
    #: if cookiecutter.interface != "api"
    expected |= replaces is not None
    #: endif
    if not expected and devices.are_known(account):
        mailing.tell_of_new_device(account, client)
    device = renewed or devices.remember(account, known)
    return SignedIn(session, token, device, surplus)


def note_sign_in(signed_in: SignedIn, client: Client, method: str) -> SignedIn:
    """Record the events of a session that was started and committed."""
    account_id, surplus = signed_in.session.account_id, signed_in.surplus
    if surplus:
        events.record("session.ended_surplus", client, account_id, sessions=surplus)
    session_id = str(signed_in.session.public_id)
    events.record("sign_in.succeeded", client, account_id, method=method, session_id=session_id)
    return signed_in
