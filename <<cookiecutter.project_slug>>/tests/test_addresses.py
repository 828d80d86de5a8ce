"""What counts as one client, however its address is written."""

import logging

import pytest
from flask import Flask, request

from app import addresses
from app.identity import current_client
from tests.conftest import MakeApp

FORMS = {
    "203.0.113.7": [
        "203.0.113.7",
        " 203.0.113.7\t",
        "203.0.113.7:49152",
        "::ffff:203.0.113.7",
        "::FFFF:cb00:7107",
        "[::ffff:203.0.113.7]:443",
        "[203.0.113.7]:443",
        "64:ff9b::203.0.113.7",
        '"203.0.113.7:80"',
    ],
    "2001:db8::1": [
        "2001:db8::1",
        "2001:DB8:0:0::0001",
        "[2001:db8::1]",
        "[2001:db8::1]:49152",
        "2001:db8::1%eth0",
        "[2001:db8::1%25eth0]:443",
        '"[2001:db8::1]:443"',
    ],
    addresses.UNREADABLE: [
        "",
        " ",
        "unknown",
        "_hidden",
        "localhost",
        "256.1.1.1",
        "203.000.113.7",
        "1.2.3",
        "٢٠٣.0.113.7",
        "[",
        "[]:80",
        "::1::",
        "a" * 10_000,
        "\0",
        "'; DROP TABLE accounts",
    ],
}
PAIRS = [(written, form) for form, all_written in FORMS.items() for written in all_written]


@pytest.mark.parametrize(("written", "form"), PAIRS)
def test_an_address_has_one_form(written: str, form: str) -> None:
    assert addresses.normalize(written) == form
    assert addresses.normalize(form) == form


@pytest.mark.parametrize(("written", "form"), PAIRS)
def test_every_request_has_its_client_address(app: Flask, written: str, form: str) -> None:
    with app.test_request_context(environ_overrides={"REMOTE_ADDR": written}):
        assert current_client().ip_address == form


@pytest.fixture
def seen(make_app: MakeApp) -> "Seen":
    """What the app takes for the client's address."""
    return Seen(make_app)


class Seen:
    """Asks apps with a number of trusted proxies."""

    def __init__(self, make_app: MakeApp) -> None:
        self.make_app = make_app

    def by(self, proxies: int, forwarded: str | None, peer: str = "192.0.2.9") -> str | None:
        """Return the address that an app sees, and everything that reads it."""
        app = self.make_app(TRUSTED_PROXIES=proxies)
        found: list[str | None] = []
        app.before_request(lambda: found.append(request.remote_addr))
        headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
        app.test_client().get("/healthz", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
        return found[0]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "203.0.113.7", "192.0.2.9"),
        (1, None, "192.0.2.9"),
        (1, "203.0.113.7:49152", "203.0.113.7"),
        (1, "198.51.100.1, ::ffff:203.0.113.7", "203.0.113.7"),
        (1, "198.51.100.1,", ""),
        (1, "198.51.100.1, unknown", ""),
        (2, "198.51.100.1, 203.0.113.7, 192.0.2.1", "203.0.113.7"),
        (2, "203.0.113.7", "203.0.113.7"),
        (3, "203.0.113.7, 192.0.2.1", "203.0.113.7"),
    ],
)
def test_the_trusted_proxies_say_who_the_client_is(
    seen: Seen, proxies: int, forwarded: str | None, address: str
) -> None:
    assert seen.by(proxies, forwarded) == address


@pytest.mark.parametrize(
    ("proxies", "forwarded", "peer", "words"),
    [
        (0, None, "", "no address that can be read"),
        (1, "unknown", "192.0.2.9", "no address that can be read"),
        (2, "203.0.113.7", "192.0.2.9", "fewer addresses than TRUSTED_PROXIES"),
    ],
)
def test_an_invalid_forwarded_address_is_logged_once(
    make_app: MakeApp,
    caplog: pytest.LogCaptureFixture,
    proxies: int,
    forwarded: str | None,
    peer: str,
    words: str,
) -> None:
    client = make_app(TRUSTED_PROXIES=proxies).test_client()
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    for _ in range(3):
        client.get("/healthz", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
    warnings = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert words in caplog.text
    assert "TRUSTED_PROXIES" in caplog.text


@pytest.mark.parametrize(
    ("forwarded", "scheme"),
    [
        ("https", "https"),
        ("http", "http"),
        ("http, HTTPS", "https"),
        ("gopher", "http"),
        ("", "http"),
    ],
)
def test_the_trusted_proxy_sets_the_scheme(make_app: MakeApp, forwarded: str, scheme: str) -> None:
    app = make_app(TRUSTED_PROXIES=1, PREFERRED_URL_SCHEME="http")
    schemes: list[str] = []
    app.before_request(lambda: schemes.append(request.scheme))
    app.test_client().get("/healthz", headers={"X-Forwarded-Proto": forwarded})
    assert schemes == [scheme]
