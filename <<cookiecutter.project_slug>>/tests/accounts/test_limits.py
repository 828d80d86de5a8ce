"""The counters behind the limits: in Redis, in memory, and when Redis is down."""

import os
from uuid import uuid4

import pytest
import redis
from flask import Flask

from app.accounts import limits
from app.accounts.client import Client
from app.accounts.errors import LimitReached
from tests.conftest import MakeApp

CLIENT = Client("192.0.2.1", "tests")
RULE = "LIMIT_PASSWORD_FAILURES"


@pytest.fixture
def redis_url() -> str:
    """The URL of a Redis that answers; others may use it, so each test counts for its own key."""
    url = os.environ.get("TEST_REDIS_URL", "redis://127.0.0.1:6379/15")
    try:
        with redis.Redis.from_url(url) as server:
            server.ping()
    except redis.ConnectionError as error:
        message = f"set TEST_REDIS_URL to a Redis that answers: {error}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    return url


def spend(app: Flask, key: str = "ada@example.com") -> bool:
    """Whether one more attempt is within the limit."""
    with app.app_context():
        try:
            limits.spend(RULE, "tests", key, CLIENT)
        except LimitReached as error:
            return not 0 < error.retry_after <= 15 * 60
    return True


@pytest.fixture
def address() -> str:
    """A mail address that nobody has counted for."""
    return f"{uuid4().hex}@example.com"


def test_two_processes_share_their_counters_in_redis(
    make_app: MakeApp, redis_url: str, address: str
) -> None:
    settings = {RULE: "3 per 15 minutes", "RATELIMIT_STORAGE_URI": redis_url}
    first, second = make_app(**settings), make_app(**settings)
    assert [spend(app, address) for app in (first, second, first)] == [True, True, True]
    assert [spend(app, address) for app in (second, first)] == [False, False]
    assert spend(second, f"another-{address}")
    with first.app_context():
        limits.lift(RULE, "tests", address)
    assert spend(second, address)


def test_an_attempt_can_be_given_back(make_app: MakeApp) -> None:
    app = make_app(**{RULE: "1 per 15 minutes"})
    assert spend(app)
    with app.app_context():
        limits.give_back(RULE, "tests", "ada@example.com")
    assert [spend(app), spend(app)] == [True, False]


def test_while_redis_is_down_each_process_counts_for_itself(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(**{RULE: "2 per 15 minutes", "RATELIMIT_STORAGE_URI": "redis://127.0.0.1:1"})
    assert [spend(app), spend(app), spend(app)] == [True, True, False]
    assert caplog.text.count("The storage of the limits is down") == 1


def test_the_storage_shows_no_mail_address(make_app: MakeApp, redis_url: str, address: str) -> None:
    spend(make_app(RATELIMIT_STORAGE_URI=redis_url), address)
    with redis.Redis.from_url(redis_url) as server:
        keys = server.keys("*tests*")
    assert keys
    assert not [key for key in keys if address.encode() in key]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        ("unix socket", "unix socket"),
    ],
)
def test_what_counts_as_one_network_address(address: str, counted: str) -> None:
    assert limits.network(address) == counted


def ask(app: Flask, kind: str, email: str, ip_address: str) -> bool:
    """Whether one more mail of a kind may be asked for."""
    with app.app_context():
        try:
            limits.spend_mail(kind, email, Client(ip_address))
        except LimitReached:
            return False
    return True


def test_one_network_asks_for_so_many_mails_whoever_they_are_for(make_app: MakeApp) -> None:
    app = make_app(LIMIT_MAIL_BY_IP="3 per hour")
    asked = [ask(app, "reset", f"person{number}@example.com", "192.0.2.1") for number in range(4)]
    assert asked == [True, True, True, False]
    assert ask(app, "reset", "person5@example.com", "192.0.2.2")


def test_each_kind_of_mail_has_a_limit_of_its_own(make_app: MakeApp) -> None:
    app = make_app(LIMIT_MAIL_BY_IP="1 per hour", LIMIT_MAIL_BY_ADDRESS="1 per hour")
    for kind in ("register", "confirm", "reset", "email change"):
        assert ask(app, kind, "ada@example.com", "192.0.2.1")
        assert not ask(app, kind, "ada@example.com", "192.0.2.1")
        assert not ask(app, kind, "ada@example.com", "192.0.2.2")
