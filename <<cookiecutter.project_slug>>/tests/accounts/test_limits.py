"""The counters behind the limits: in the database, in Redis, and when Redis is down."""

import hashlib
import os
from collections.abc import Callable
from uuid import uuid4

import pytest
import redis
import time_machine
from flask import Flask
from sqlalchemy import select

from app.accounts import limits, recovery, registration
from app.accounts.client import Client
from app.accounts.errors import LimitReached
from app.accounts.limits import Rule
from app.accounts.models import LimitCounter
from app.extensions import db
from tests.conftest import MakeApp

CLIENT = Client("192.0.2.1", "tests")
RULE = "LIMIT_PASSWORD_FAILURES"


@pytest.fixture
def redis_url() -> str:
    """The URL of a running Redis. Others may use it, so each test counts under a key of its own."""
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
    """Return whether one more attempt is within the limit."""
    with app.app_context():
        try:
            limits.spend(Rule(RULE, "code failures", (key,)), CLIENT)
        except LimitReached as error:
            return not 0 < error.retry_after <= 60 * 60
    return True


@pytest.fixture
def address() -> str:
    """An email address without any attempts."""
    return f"{uuid4().hex}@example.com"


@pytest.fixture(params=["database", "redis"])
def storage(request: pytest.FixtureRequest) -> dict[str, str]:
    """The settings for a storage that several processes share."""
    if request.param == "database":
        return {}
    return {"RATELIMIT_STORAGE_URI": request.getfixturevalue("redis_url")}


def test_processes_share_their_counters(
    make_app: MakeApp, storage: dict[str, str], address: str
) -> None:
    settings = {RULE: "3 per 15 minutes", **storage}
    first, second = make_app(**settings), make_app(**settings)
    assert [spend(app, address) for app in (first, second, first)] == [True, True, True]
    assert [spend(app, address) for app in (second, first)] == [False, False]
    assert spend(second, f"another-{address}")
    with first.app_context():
        limits.lift(Rule(RULE, "code failures", (address,)))
    assert spend(second, address)


def test_all_limits_of_one_setting_are_enforced(
    make_app: MakeApp, storage: dict[str, str], address: str
) -> None:
    first = make_app(**{RULE: "1000 per hour; 2 per minute", **storage})
    second = make_app(**{RULE: "3 per hour; 1000 per minute", **storage})
    assert [spend(first, address) for _ in range(4)] == [True, True, False, False]
    assert [spend(second, address) for _ in range(4)] == [True, True, True, False]


def test_an_attempt_refused_by_one_window_is_not_counted_in_others(make_app: MakeApp) -> None:
    app = make_app(**{RULE: "3 per hour; 1 per minute"})
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        assert [spend(app), spend(app), spend(app)] == [True, False, False]
        clock.shift(61)
        assert [spend(app), spend(app)] == [True, False]
        clock.shift(61)
        assert [spend(app), spend(app)] == [True, False]
        clock.shift(61)
        assert not spend(app)


@pytest.mark.parametrize(("elapsed", "left"), [(0, 60), (10.5, 51), (59, 2), (59.9, 2)])
def test_the_wait_is_in_whole_seconds_rather_one_too_many(
    make_app: MakeApp, elapsed: float, left: int
) -> None:
    app = make_app(**{RULE: "1 per minute"})
    rule = Rule(RULE, "code failures", ("ada@example.com",))
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock, app.app_context():
        limits.spend(rule, CLIENT)
        clock.shift(elapsed)
        with pytest.raises(LimitReached) as refused:
            limits.spend(rule, CLIENT)
        assert refused.value.retry_after == left


def test_nobody_waits_for_longer_than_the_window(make_app: MakeApp) -> None:
    app = make_app(**{RULE: "1 per second"})
    rule = Rule(RULE, "code failures", ("ada@example.com",))
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False), app.app_context():
        limits.spend(rule, CLIENT)
        with pytest.raises(LimitReached) as refused:
            limits.spend(rule, CLIENT)
        assert refused.value.retry_after == 1


def test_the_rollback_of_a_request_keeps_its_attempt_counted(make_app: MakeApp) -> None:
    app = make_app(**{RULE: "1 per 15 minutes"})
    with app.app_context():
        limits.spend(Rule(RULE, "code failures", ("ada@example.com",)), CLIENT)
        db.session.rollback()
    assert not spend(app)


def test_a_successful_attempt_is_given_back_once(make_app: MakeApp) -> None:
    app = make_app(**{RULE: "1 per 15 minutes"})
    rule = Rule(RULE, "code failures", ("ada@example.com",))
    with app.app_context():
        limits.reserve(rule, CLIENT)
        for _ in range(3):
            limits.release(rule)
    assert [spend(app), spend(app)] == [True, False]


def test_an_attempt_that_waits_in_vain_for_others_is_refused(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(**{RULE: "1 per 15 minutes"})
    monkeypatch.setattr(limits, "IN_FLIGHT_PAUSE", 0)
    rule = Rule(RULE, "code failures", ("ada@example.com",))
    with app.app_context():
        limits.reserve(rule, CLIENT)
        with pytest.raises(LimitReached) as refused:
            limits.reserve(rule, CLIENT)
    assert refused.value.retry_after == 1


def test_failures_and_attempts_in_flight_cannot_pass_the_limit_together(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(**{RULE: "3 per 15 minutes"})
    monkeypatch.setattr(limits, "IN_FLIGHT_PAUSE", 0)
    rule = Rule(RULE, "code failures", ("ada@example.com",))
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock, app.app_context():
        limits.reserve(rule, CLIENT)
        limits.release(rule)
        clock.shift(14 * 60)
        for _ in range(2):
            limits.reserve(rule, CLIENT)
            limits.fail(rule)
        clock.shift(61)  # the right one's window ends
        limits.reserve(rule, CLIENT)
        with pytest.raises(LimitReached) as refused:
            limits.reserve(rule, CLIENT)
        assert refused.value.retry_after == 1  # it waits for the one that isn't judged yet
        assert limits.fail(rule)
        with pytest.raises(LimitReached) as refused:
            limits.reserve(rule, CLIENT)
        assert 13 * 60 < refused.value.retry_after <= 14 * 60
        clock.shift(refused.value.retry_after)
        for _ in range(3):
            limits.reserve(rule, CLIENT)
            limits.fail(rule)


def test_nothing_is_given_back_to_a_window_that_opened_later(make_app: MakeApp) -> None:
    app = make_app(**{RULE: "1 per 15 minutes"})
    rule = Rule(RULE, "code failures", ("ada@example.com",))
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock, app.app_context():
        limits.reserve(rule, CLIENT)
        clock.shift(15 * 60)
        limits.release(rule)
        assert [spend(app), spend(app)] == [True, False]


@pytest.mark.parametrize(
    "other",
    [
        Rule(RULE, "code failures", ("a b",)),
        Rule(RULE, "code failures", ("a", "b", "")),
        Rule(RULE, "code failures", ('a", "b',)),
        Rule(RULE, "code failures a", ("b",)),
        Rule(RULE, "code failures", ("ab", "")),
    ],
)
def test_keys_with_the_same_characters_in_other_parts_differ(app: Flask, other: Rule) -> None:
    with app.app_context():
        assert Rule(RULE, "code failures", ("a", "b")).digest != other.digest


def test_two_apps_on_one_redis_have_separate_counters(
    make_app: MakeApp, redis_url: str, address: str
) -> None:
    settings = {RULE: "1 per 15 minutes", "RATELIMIT_STORAGE_URI": redis_url}
    assert spend(make_app(**settings), address)
    assert spend(make_app(**settings, BASE_URL="https://other.example.com"), address)
    assert spend(
        make_app(**settings, SECRET_KEY="another-key-0123456789-abcdefghijklmnop"), address
    )
    assert not spend(make_app(**settings), address)


def test_without_redis_each_process_counts_for_itself(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(**{RULE: "2 per 15 minutes", "RATELIMIT_STORAGE_URI": "redis://127.0.0.1:1"})
    assert [spend(app), spend(app), spend(app)] == [True, True, False]
    assert caplog.text.count("The storage of the limits is down") == 1


def test_the_storage_shows_no_email_address(
    make_app: MakeApp, redis_url: str, address: str
) -> None:
    spend(make_app(RATELIMIT_STORAGE_URI=redis_url), address)
    spend(make_app(), address)
    with redis.Redis.from_url(redis_url) as server:
        keys = [key.decode() for key in server.keys("limits:localhost:*")]
    with make_app().app_context():
        names = [counter.name for counter in db.session.scalars(select(LimitCounter))]
    assert keys
    assert names
    digest = hashlib.sha256(address.encode()).hexdigest()
    assert not [name for name in keys + names if address in name or digest in name]


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:0:1:2:3:4:5", "2001:db8:0:1::/64"),
        ("unix socket", "unix socket"),
    ],
)
def test_ipv4_addresses_and_ipv6_networks_are_counted(address: str, counted: str) -> None:
    assert limits.network(address) == counted


def ask(app: Flask, kind: str, email: str, ip_address: str) -> bool:
    """Return whether one more email of a kind may be requested."""
    with app.app_context():
        try:
            limits.spend_mail(kind, email, Client(ip_address))
        except LimitReached:
            return False
    return True


def test_one_network_can_request_a_limited_number_of_emails(make_app: MakeApp) -> None:
    app = make_app(LIMIT_MAIL_BY_IP="3 per hour")
    asked = [ask(app, "reset", f"person{number}@example.com", "192.0.2.1") for number in range(4)]
    assert asked == [True, True, True, False]
    assert ask(app, "reset", "person5@example.com", "192.0.2.2")


def test_emails_refused_for_a_network_do_not_count_for_an_address(make_app: MakeApp) -> None:
    app = make_app(LIMIT_MAIL_BY_IP="1 per hour", LIMIT_MAIL_BY_ADDRESS="1 per hour")
    assert ask(app, "reset", "grace@example.com", "192.0.2.1")
    assert not ask(app, "reset", "ada@example.com", "192.0.2.1")
    assert ask(app, "reset", "ada@example.com", "192.0.2.2")


def test_each_kind_of_email_has_a_separate_limit(make_app: MakeApp) -> None:
    app = make_app(LIMIT_MAIL_BY_IP="1 per hour", LIMIT_MAIL_BY_ADDRESS="1 per hour")
    for kind in ("register", "confirm", "reset", "email change"):
        assert ask(app, kind, "ada@example.com", "192.0.2.1")
        assert not ask(app, kind, "ada@example.com", "192.0.2.1")
        assert not ask(app, kind, "ada@example.com", "192.0.2.2")


def register(email: str, client: Client) -> None:
    """Register an account with an address."""
    registration.register("Grace", email, "tangerine lorry at dusk", client)


@pytest.mark.parametrize(
    "send", [register, registration.resend_confirmation, recovery.request_reset]
)
def test_each_address_has_a_limit_of_its_own(
    make_app: MakeApp, send: Callable[[str, Client], None]
) -> None:
    app = make_app(LIMIT_MAIL_BY_ADDRESS="1 per hour")
    with app.app_context():
        send("grace@example.com", Client("192.0.2.1"))
        with pytest.raises(LimitReached):
            send("grace@example.com", Client("192.0.2.2"))
        send("joan@example.com", Client("192.0.2.3"))
