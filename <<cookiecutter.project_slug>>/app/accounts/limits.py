"""How often something may be tried: from a network address, for a mail address, by a device.

The counting is that of the `limits` package, in memory or in Redis. A rule is a setting in
its notation, such as "10 per 15 minutes"; its window opens with the first attempt. While the
storage does not answer, that is logged and each process counts for itself.
"""

import hashlib
import ipaddress
import logging
import time
from collections.abc import Callable
from typing import TypeVar, cast

from flask import Flask, current_app
from limits import errors, parse
from limits.storage import MemoryStorage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from app.accounts import events
from app.accounts.client import Client
from app.accounts.errors import LimitReached
from app.config import ConfigurationError

logger = logging.getLogger(__name__)

# Seconds that a request waits for the storage, and for which one that is down is left alone.
STORAGE_TIMEOUT = 1
STORAGE_PAUSE = 10

Result = TypeVar("Result")


class Limits:
    """The counters of one app: in the configured storage, in memory while that is down."""

    def __init__(self, uri: str) -> None:
        storage = storage_from_string(
            uri,
            wrap_exceptions=True,
            socket_timeout=STORAGE_TIMEOUT,
            socket_connect_timeout=STORAGE_TIMEOUT,
        )
        self.shared = FixedWindowRateLimiter(storage)
        self.local = FixedWindowRateLimiter(MemoryStorage())
        self.down_until = 0.0

    def use(self, action: Callable[[FixedWindowRateLimiter], Result]) -> Result:
        """The result of `action` on the shared counters or, while they are down, on the local."""
        if time.monotonic() >= self.down_until:
            try:
                return action(self.shared)
            except errors.StorageError as error:
                self.down_until = time.monotonic() + STORAGE_PAUSE
                logger.error("The storage of the limits is down: %s", error.storage_error)
        return action(self.local)


def init_app(app: Flask) -> None:
    """Open the storage that `RATELIMIT_STORAGE_URI` names.

    Raises ConfigurationError when it cannot be one, or a rule cannot be read.
    """
    for name in (name for name in app.config if name.startswith("LIMIT_")):
        try:
            parse(app.config[name])
        except ValueError:
            message = f'{name} must be a limit such as "10 per 15 minutes"'
            raise ConfigurationError(message) from None
    try:
        app.extensions["limits"] = Limits(app.config["RATELIMIT_STORAGE_URI"])
    except (errors.ConfigurationError, ValueError):
        message = "RATELIMIT_STORAGE_URI must be memory:// or redis://host:6379/0"
        raise ConfigurationError(message) from None


def spend(rule: str, name: str, key: str, client: Client) -> None:
    """Count one attempt: `rule` is a setting, `name` what is tried, `key` for whom.

    Raises LimitReached, with the seconds to wait, when the rule allows no more.
    """
    item = parse(current_app.config[rule])
    key = _digest(key)
    if _limits().use(lambda limiter: limiter.hit(item, name, key)):
        return
    stats = _limits().use(lambda limiter: limiter.get_window_stats(item, name, key))
    events.record("limit.reached", client, limit=name)
    raise LimitReached(max(1, round(stats.reset_time - time.time())))


def give_back(rule: str, name: str, key: str) -> None:
    """Take back an attempt that `spend` counted and that turned out to be no failure."""
    item = parse(current_app.config[rule])
    key = _digest(key)
    _limits().use(lambda limiter: limiter.hit(item, name, key, cost=-1))


def lift(rule: str, name: str, key: str) -> None:
    """Forget all attempts."""
    item = parse(current_app.config[rule])
    key = _digest(key)
    _limits().use(lambda limiter: limiter.clear(item, name, key))


def spend_mail(name: str, email: str, client: Client) -> None:
    """Count a request that mails to an address that anybody may name. Raises LimitReached."""
    spend("LIMIT_MAIL_BY_IP", f"{name} by address", network(client.ip_address), client)
    spend("LIMIT_MAIL_BY_ADDRESS", f"{name} for mail address", email, client)


def spend_new_password(client: Client) -> None:
    """Count a password that is checked against the policy, which takes time.

    Raises LimitReached.
    """
    address = network(client.ip_address)
    spend("LIMIT_NEW_PASSWORDS_BY_IP", "new passwords by address", address, client)


def network(ip_address: str) -> str:
    """What counts as one network address: an IPv6 customer has a whole /64 (RFC 6177)."""
    try:
        address = ipaddress.ip_address(ip_address)
    except ValueError:
        return ip_address
    if address.version == 4:
        return ip_address
    return str(ipaddress.ip_network((address, 64), strict=False))


def _limits() -> Limits:
    return cast(Limits, current_app.extensions["limits"])


def _digest(key: str) -> str:
    """A key of bounded length that shows no mail address to whoever reads the storage."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()
