"""Rate limits: how often something may be tried, and for whom.

The `limits` package counts, in the app's database, in Redis or in memory. A setting such as
"10 per 15 minutes" says how often, or several separated by semicolons: all of them count. A
window opens with its first attempt. If Redis is unavailable, that is logged and each worker
process counts for itself.
"""

import hmac
import ipaddress
import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn, TypeVar, cast
from urllib.parse import urlsplit

from flask import Flask, current_app
from limits import RateLimitItem, errors, parse_many
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from app.accounts import events
from app.accounts.client import Client
from app.accounts.counters import DatabaseStorage
from app.accounts.errors import LimitReached
from app.config import ConfigurationError
from app.per_app import PerApp

logger = logging.getLogger(__name__)

# Seconds that a request waits for Redis, and for which an unavailable one is left alone.
STORAGE_TIMEOUT = 1
STORAGE_PAUSE = 10
# How often, and after how many seconds, an attempt is tried again that only others in flight
# keep out: they are judged in less time than this takes, and may turn out right.
IN_FLIGHT_TRIES = 20
IN_FLIGHT_PAUSE = 0.1
# What the counter of judged failures is called, beside that of attempts.
FAILED = "failed"
# What RATELIMIT_STORAGE_URI may begin with; the package knows others, whose drivers aren't here.
STORAGES = ("database://", "memory://", "redis://", "rediss://", "redis+unix://")

Result = TypeVar("Result")


@dataclass(frozen=True)
class Rule:
    """A limit: the setting that says how often, what is tried, and for whom.

    `key` is a tuple so that no part of it, which may be typed by anyone, can pass for two.
    """

    setting: str
    tried: str
    key: tuple[str | int, ...]
    # Whose account it is about, if there is one: for the audit log alone.
    account_id: int | None = None

    @property
    def items(self) -> list[RateLimitItem]:
        """The windows that the setting names."""
        return parse_many(current_app.config[self.setting])

    @property
    def digest(self) -> str:
        """The key as the storage sees it: of one length, and nothing to look addresses up by."""
        encoded = json.dumps([self.tried, *self.key]).encode()
        return hmac.digest(current_app.config["SECRET_KEY"].encode(), encoded, "sha256").hex()


class Limits:
    """The counters of one app: in the configured storage, in memory while Redis is down."""

    def __init__(self, uri: str, app_name: str) -> None:
        self.shared = FixedWindowRateLimiter(_storage(uri, app_name))
        self.local = FixedWindowRateLimiter(MemoryStorage())
        self.down_until = 0.0

    def use(self, action: Callable[[FixedWindowRateLimiter], Result]) -> Result:
        """Return the result of `action` on the shared counters or, while down, on the local."""
        if time.monotonic() >= self.down_until:
            try:
                return action(self.shared)
            except errors.StorageError as error:
                self.down_until = time.monotonic() + STORAGE_PAUSE
                logger.error("The storage of the limits is down: %s", error.storage_error)
        return action(self.local)


def _storage(uri: str, app_name: str) -> Storage:
    if not uri.startswith(STORAGES):
        raise ValueError(uri)
    if uri == "database://":
        # Its errors are those of every request: without its database the app responds with 503.
        return DatabaseStorage()
    storage = storage_from_string(
        uri,
        wrap_exceptions=True,
        # Several apps may share one Redis.
        key_prefix=f"limits:{app_name}",
        socket_timeout=STORAGE_TIMEOUT,
        socket_connect_timeout=STORAGE_TIMEOUT,
    )
    return cast(Storage, storage)


LIMITS: PerApp[Limits] = PerApp("limits")


def init_app(app: Flask) -> None:
    """Open the storage that `RATELIMIT_STORAGE_URI` names.

    Raises ConfigurationError if it can't.
    """
    base = urlsplit(app.config["BASE_URL"])
    try:
        LIMITS.set(app, Limits(app.config["RATELIMIT_STORAGE_URI"], base.netloc + base.path))
    except (errors.ConfigurationError, ValueError):
        message = "RATELIMIT_STORAGE_URI must be database://, memory:// or redis://host:6379/0"
        raise ConfigurationError(message) from None


def spend(rule: Rule, client: Client) -> None:
    """Count one attempt. Raises LimitReached, with the seconds to wait, if none is left."""
    full = _count(rule)
    if full:
        _refuse(rule, client, _seconds_left(rule, full))


def reserve(rule: Rule, client: Client) -> None:
    """Count an attempt that is to be judged: by `release` as right, by `fail` as wrong.

    Failures and what is not judged yet cannot pass the limit together. An attempt that is kept out
    by others which are not judged yet waits for them.
    Raises LimitReached, with the seconds to wait, if none is left.
    """
    for _ in range(IN_FLIGHT_TRIES):
        failed = [item for item in rule.items if _has_failed_too_often(rule, item)]
        if failed:
            _refuse(rule, client, _seconds_left(rule, failed, FAILED))
        if LIMITS.current().use(lambda limiter: _begin(limiter, rule)):
            return
        time.sleep(IN_FLIGHT_PAUSE)
    _refuse(rule, client, 1)


def release(rule: Rule) -> None:
    """Count an attempt that `reserve` counted no longer: it was no failure."""
    LIMITS.current().use(lambda limiter: _uncount(limiter, rule, rule.items))


def fail(rule: Rule) -> bool:
    """Note that an attempt which `reserve` counted has failed.

    Return whether it used up a window. Of several at the same moment, only one does.
    """

    def note(limiter: FixedWindowRateLimiter) -> bool:
        counts = [
            limiter.storage.incr(item.key_for(rule.digest, FAILED), item.get_expiry())
            for item in rule.items
        ]
        _uncount(limiter, rule, rule.items)
        return any(count == item.amount for count, item in zip(counts, rule.items, strict=True))

    return LIMITS.current().use(note)


def lift(rule: Rule) -> None:
    """Forget all attempts."""

    def forget(limiter: FixedWindowRateLimiter) -> None:
        for item in rule.items:
            limiter.clear(item, rule.digest)
            limiter.clear(item, rule.digest, FAILED)

    LIMITS.current().use(forget)


def spend_mail(kind: str, email: str, client: Client, account_id: int | None = None) -> None:
    """Count a request that sends email to an address that anyone may enter. Raises LimitReached.

    `account_id` is the account of who asks, if they are signed in.
    """
    spend(by_network("LIMIT_MAIL_BY_IP", f"{kind} by address", client, account_id), client)
    spend(Rule("LIMIT_MAIL_BY_ADDRESS", f"{kind} for mail address", (email,), account_id), client)


def spend_new_password(client: Client) -> None:
    """Count a password that is checked against the policy, which takes time.

    Raises LimitReached.
    """
    spend(by_network("LIMIT_NEW_PASSWORDS_BY_IP", "new passwords by address", client), client)


def by_network(setting: str, tried: str, client: Client, account_id: int | None = None) -> Rule:
    """Return a limit for the network address that a request comes from."""
    return Rule(setting, tried, (network(client.ip_address),), account_id)


def network(ip_address: str) -> str:
    """Return what counts as one network address: an IPv6 customer has a whole /64 (RFC 6177)."""
    try:
        address = ipaddress.ip_address(ip_address)
    except ValueError:
        return ip_address
    if address.version == 4:
        return ip_address
    return str(ipaddress.ip_network((address, 64), strict=False))


def _count(rule: Rule) -> list[RateLimitItem]:
    """Count one attempt in every window of a rule. Return the windows that have none left; if
    there are any, the attempt counts in none."""

    def count(limiter: FixedWindowRateLimiter) -> list[RateLimitItem]:
        counted: list[RateLimitItem] = []
        for number, item in enumerate(rule.items, start=1):
            # Looked at first: what is refused anyway, in great numbers, writes nothing.
            if limiter.test(item, rule.digest):
                counted.append(item)
                if limiter.hit(item, rule.digest):
                    continue
            _uncount(limiter, rule, counted)
            rest = rule.items[number:]
            return [item, *(each for each in rest if not limiter.test(each, rule.digest))]
        return []

    return LIMITS.current().use(count)


def _begin(limiter: FixedWindowRateLimiter, rule: Rule) -> bool:
    """Count an attempt in every window. Return whether each has room for it beside the failures;
    otherwise it counts in none."""
    for number, item in enumerate(rule.items):
        attempts, failures = item.key_for(rule.digest), item.key_for(rule.digest, FAILED)
        # In this order: what is judged meanwhile counts twice, never not at all.
        begun = limiter.storage.incr(attempts, item.get_expiry())
        if begun + limiter.storage.get(failures) > item.amount:
            _uncount(limiter, rule, rule.items[: number + 1])
            return False
    return True


def _uncount(limiter: FixedWindowRateLimiter, rule: Rule, items: list[RateLimitItem]) -> None:
    for item in items:
        # Not below 0: the window may have ended, or been lifted, since then.
        if limiter.storage.get(item.key_for(rule.digest)) > 0:
            limiter.hit(item, rule.digest, cost=-1)


def _has_failed_too_often(rule: Rule, item: RateLimitItem) -> bool:
    """Return whether failures alone fill a window, without the attempts that are not judged yet."""
    return not LIMITS.current().use(lambda limiter: limiter.test(item, rule.digest, FAILED))


def _seconds_left(rule: Rule, full: list[RateLimitItem], *counted: str) -> int:
    """Return how long the last of the windows stays open: whole seconds, rather one too many."""

    def seconds(limiter: FixedWindowRateLimiter) -> int:
        stats = [limiter.get_window_stats(item, rule.digest, *counted) for item in full]
        left = [math.ceil(each.reset_time - time.time()) + 1 for each in stats]
        return max(1, *map(min, left, (item.get_expiry() for item in full)))

    return LIMITS.current().use(seconds)


def _refuse(rule: Rule, client: Client, seconds: int) -> NoReturn:
    events.record("limit.reached", client, rule.account_id, limit=rule.tried)
    raise LimitReached(seconds)
