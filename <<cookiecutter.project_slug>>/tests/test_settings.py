"""What the app does with its settings, above all with wrong ones."""

import subprocess
import sys
from typing import Any

import pytest

from app import create_app
from app.config import ConfigurationError
from tests.conftest import SETTINGS

#: if cookiecutter.__backend == "mysql"
URL, DRIVER = "mysql://me@127.0.0.1/shop", "mysql+pymysql"
#: endif
#: if cookiecutter.__backend == "postgresql"
URL, DRIVER = "postgres://me@127.0.0.1/shop", "postgresql+psycopg"
#: endif
#: if cookiecutter.__backend == "sqlite"
URL, DRIVER = "sqlite:///shop.db", "sqlite+pysqlite"
#: endif


def refusal(**settings: Any) -> str:
    """The one line with which the app refuses to start."""
    with pytest.raises(ConfigurationError) as caught:
        create_app({**SETTINGS, "DATABASE_URL": URL, **settings})
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    "key",
    [
        "",
        "short",
        "a" * 40,
        "abcabcabcabcabcabcabcabcabcabcabcabcabcabc",
        "change-me-change-me-0123456789-abcdefghijk",
        "your-secret-key-0123456789-abcdefghijklmnop",
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        "development-key-refused-outside-debug-mode",
    ],
)
def test_a_secret_key_must_be_secret(key: str) -> None:
    assert "SECRET_KEY" in refusal(SECRET_KEY=key)


def test_an_older_key_must_be_secret_too() -> None:
    assert "SECRET_KEY_FALLBACKS" in refusal(SECRET_KEY_FALLBACKS=["short"])


def test_base_url_must_be_there() -> None:
    assert "BASE_URL is missing" in refusal(BASE_URL="")


@pytest.mark.parametrize(
    "url",
    ["app.example.com", "ftp://app.example.com", "https://", "https://a/b", "https://a:x"],
)
def test_base_url_must_be_an_address(url: str) -> None:
    assert "BASE_URL" in refusal(BASE_URL=url)


@pytest.mark.parametrize("settings", [{"MAIL_SERVER": ""}, {"MAIL_SUPPRESS_SEND": True}])
def test_mail_must_go_somewhere(settings: dict[str, Any]) -> None:
    assert "MAIL_SERVER" in refusal(**settings)


@pytest.mark.parametrize("url", ["", "nonsense", "oracle://me@127.0.0.1/shop", "//x"])
def test_the_database_must_be_of_a_known_kind(url: str) -> None:
    assert f"{URL.partition(':')[0]}://" in refusal(DATABASE_URL=url)


def test_the_address_of_the_database_must_be_readable() -> None:
    scheme = URL.partition("://")[0]
    assert "DATABASE_URL" in refusal(DATABASE_URL=f"{scheme}://me@127.0.0.1:port/shop")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PASSWORD_HASH_METHOD", "md5"),
        ("PASSWORD_HASH_METHOD", "scrypt:fast"),
        ("PASSWORD_MIN_LENGTH", 129),
        ("PASSWORD_MIN_SCORE", 5),
    ],
)
def test_the_password_policy_must_be_one(name: str, value: object) -> None:
    assert name in refusal(**{name: value})


def test_a_limit_must_be_readable() -> None:
    assert "LIMIT_PASSWORD_BY_IP" in refusal(LIMIT_PASSWORD_BY_IP="often")


@pytest.mark.parametrize("uri", ["nonsense", "ftp://127.0.0.1"])
def test_the_storage_of_limits_must_be_known(uri: str) -> None:
    assert "RATELIMIT_STORAGE_URI" in refusal(RATELIMIT_STORAGE_URI=uri)


def test_the_installed_driver_is_used() -> None:
    scheme, _, rest = URL.partition("://")
    for name in (scheme, f"{scheme}+other"):
        app = create_app({**SETTINGS, "DATABASE_URL": f"{name}://{rest}"})
        assert app.config["SQLALCHEMY_DATABASE_URI"] == f"{DRIVER}://{rest}"


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("PASSWORD_MIN_LENGTH", " 20 ", 20),
        ("MAIL_USE_TLS", "true", True),
        ("MAIL_USE_TLS", "No", False),
        ("SECRET_KEY_FALLBACKS", "", []),
        (
            "SECRET_KEY_FALLBACKS",
            "older-0123456789abcdefghijklmnopqrst, oldest-0123456789abcdefghijklmnopqrs",
            ["older-0123456789abcdefghijklmnopqrst", "oldest-0123456789abcdefghijklmnopqrs"],
        ),
        ("MAIL_SERVER", "mail.example.com", "mail.example.com"),
    ],
)
def test_the_environment_overrides_a_default(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, value: object
) -> None:
    monkeypatch.setenv(name, text)
    settings = {key: setting for key, setting in SETTINGS.items() if key != name}
    assert create_app({"DATABASE_URL": URL, **settings}).config[name] == value


@pytest.mark.parametrize(
    ("name", "text"),
    [("PASSWORD_MIN_LENGTH", "twelve"), ("MAIL_PORT", "-1"), ("MAIL_USE_TLS", "perhaps")],
)
def test_a_value_of_the_wrong_kind_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.setenv(name, text)
    message = refusal()
    assert name in message
    assert text in message


def test_debug_mode_is_refused_under_a_production_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_SOFTWARE", "gunicorn/1.0")
    assert "FLASK_DEBUG" in refusal(DEBUG=True)


def test_debug_mode_needs_no_settings() -> None:
    app = create_app({"DATABASE_URL": URL, "DEBUG": True})
    assert app.config["BASE_URL"] == "http://localhost:5000"
    assert app.config["SECRET_KEY"]


@pytest.mark.parametrize("server", ["import wsgi", "from gunicorn.app.wsgiapp import run; run()"])
def test_a_wrong_setting_stops_the_server_with_one_line(server: str) -> None:
    result = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", server, "wsgi:app", "--bind", "127.0.0.1:0"],
        env={"PATH": "", "DATABASE_URL": URL},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode != 0
    assert result.stderr.count("Configuration error: SECRET_KEY is missing") == 1
    assert "Traceback" not in result.stdout + result.stderr
