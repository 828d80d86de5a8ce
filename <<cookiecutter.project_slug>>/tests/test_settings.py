"""What the app does with its settings, above all with wrong ones."""

from typing import Any

import pytest
from flask import Config, Flask

from app import config, create_app
from app.accounts import limits
from app.config import DEFAULTS, ConfigurationError
from tests.conftest import NUMBERS, SETTINGS

#: if cookiecutter.__backend == "mysql"
URL, DRIVER = "mysql://me@127.0.0.1/shop", "mysql+pymysql"
#: endif
#: if cookiecutter.__backend == "postgresql"
URL, DRIVER = "postgres://me@127.0.0.1/shop", "postgresql+psycopg"
#: endif
#: if cookiecutter.__backend == "sqlite"
URL, DRIVER = "sqlite:///shop.db", "sqlite+pysqlite"
#: endif
SCHEME = URL.partition("://")[0]


def started(settings: dict[str, Any]) -> Config:
    """Return the settings as the app has read them."""
    app = Flask("app", static_folder=None)
    config.load(app, settings)
    limits.init_app(app)
    return app.config


def refusal(settings: dict[str, Any]) -> str:
    """Return the one line with which the app refuses to start."""
    with pytest.raises(ConfigurationError) as caught:
        started(settings)
    message = str(caught.value)
    assert "\n" not in message
    return message


LONG_KEY = "4eT-9lq_Xo2VbN7rWz0sKdJ5hYpC8mGf"

# For each setting: values that are accepted, and values that are refused. Written as in the environment.
ROWS: dict[str, tuple[list[str], list[str]]] = {
    "APP_NAME": (
        ["My App", "Müller & Söhne", "می‌خواهم 👩‍💻"],
        ["My\nApp", "My\x1b[31mApp", "a\u2028b", "a\udcffb"],
    ),
    "APP_DESCRIPTION": (["Bookings for our sailing club."], ["Two\nlines"]),
    "SECRET_KEY": (
        [LONG_KEY, "your-" + LONG_KEY, "dev-" + LONG_KEY],
        [
            "short",
            "a" * 40,
            "abc" * 14,
            "change-me-change-me-0123456789-abcdefghijk",
            "your-secret-key-0123456789-abcdefghijklmnop",
            "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
            "development-key-refused-outside-debug-mode",
        ],
    ),
    "SECRET_KEY_FALLBACKS": (
        [LONG_KEY, f"{LONG_KEY}, {LONG_KEY}x"],
        ["short", f"{LONG_KEY},short"],
    ),
    "DATABASE_URL": (
        [URL],
        [
            "nonsense",
            "oracle://me@127.0.0.1/shop",
            "//x",
            f"{SCHEME}://me@h:port/x",
            f"{SCHEME}://me@h:65536/x",
            #: if cookiecutter.__backend == "sqlite"
            "sqlite:///shop.db?timeout=soon",
            #: endif
            #: if cookiecutter.__backend == "postgresql"
            "postgresql://me@127.0.0.1/shop?sslmod=require",
            "postgresql://me@127.0.0.1/shop?connect_timeout=soon",
            #: endif
            #: if cookiecutter.__backend == "mysql"
            "mysql://me@127.0.0.1",
            "mysql://me@127.0.0.1/shop?time_out=5",
            "mysql://me@127.0.0.1/shop?read_timeout=soon",
            #: endif
        ],
    ),
    "DATABASE_POOL_SIZE": (["1", "20"], ["0", "-1", "1001"]),
    "DATABASE_MAX_OVERFLOW": (["0", "20"], ["-1", "1001"]),
    **dict.fromkeys(
        [
            "DATABASE_POOL_TIMEOUT_SECONDS",
            #: if cookiecutter.__backend != "sqlite"
            "DATABASE_CONNECT_TIMEOUT_SECONDS",
            "DATABASE_STATEMENT_TIMEOUT_SECONDS",
            #: endif
            "DATABASE_LOCK_TIMEOUT_SECONDS",
        ],
        (["1", "60"], ["0", "-1", "1.5", "3601"]),
    ),
    "MIGRATE_ON_START": (["true", "No"], ["perhaps"]),
    "BASE_URL": (
        [
            "https://app.example.com:8443/",
            "https://bücher.example",
            "https://[2001:db8::1]",
            "https://example.com./shop/",
            "http://localhost:8000",
            "http://127.0.0.1",
            "http://[::1]:8000",
        ],
        [
            "app.example.com",
            "ftp://app.example.com",
            "https://",
            "https://a:x",
            "https://a:0",
            "https://a:65536",
            "https://a/?b",
            "https://a/#b",
            "https://a/../b",
            "https://a b",
            "https://ada:secret@example.com",
            "https://-.example",
            "https://[fe80::1%eth0]",
            "http://app.example.com",
            "http://localhost.example.com",
        ],
    ),
    "TRUSTED_PROXIES": (["0", "3"], ["-1", "17", "1.5", "yes"]),
    #: if cookiecutter.interface == "api"
    "CLIENT_URL": (
        ["https://client.example/app/"],
        ["client.example", "https://c/?x", "http://c.example"],
    ),
    #: endif
    #: if cookiecutter.interface != "html"
    "API_ALLOWED_ORIGINS": (
        ["https://a.example, https://b.example:8443"],
        ["*", "null", "a.example", "https://a.example/", "https://a.example/b"],
    ),
    #: endif
    #: if cookiecutter.__file_download
    "DOWNLOAD_FOLDER": (
        ["files", "/nowhere/at/all", "instance/files"],
        [
            ".",
            "/",
            "..",
            "app",
            "app/static",
            "instance",
            "instance/backups",
            "instance/..",
            "wsgi.py",
        ],
    ),
    "DOWNLOAD_ACCEL": (["nginx", "Apache"], ["yes", "lighttpd"]),
    "DOWNLOADS_AT_ONCE": (["1", "50"], ["0", "-1", "1001"]),
    #: endif
    "PASSWORD_MIN_LENGTH": (
        ["8", " 20 "],
        ["7", str(SETTINGS["PASSWORD_MAX_LENGTH"] + 1), "twelve"],
    ),
    "PASSWORD_MAX_LENGTH": (["64", "1000"], ["63", "1001"]),
    "PASSWORD_MIN_SCORE": (["0", "4"], ["5", "-1"]),
    "PASSWORD_HASH_METHOD": (
        ["scrypt:256:1:1", "scrypt:512:8:1", "pbkdf2:sha256:1000"],
        [
            "md5",
            "scrypt",
            "scrypt:fast",
            "scrypt:2:8:1",
            "scrypt:128:1:1",
            "scrypt:16:8:1",
            "scrypt:300:8:1",
            "scrypt:65536:1:1",
            "scrypt:1073741824:8:1",
            "scrypt:0512:8:1",
            "pbkdf2:sha256:1",
            "pbkdf2:sha3:1000",
            "pbkdf2:sha256:1000000000",
        ],
    ),
    **dict.fromkeys(
        [
            #: if cookiecutter.interface != "api"
            "SESSION_IDLE_SECONDS",
            "SESSION_REMEMBER_SECONDS",
            "RECENT_SIGN_IN_SECONDS",
            #: endif
            #: if cookiecutter.interface != "html"
            "API_SESSION_IDLE_SECONDS",
            #: endif
            "SESSION_ABSOLUTE_SECONDS",
            "DEVICE_SECONDS",
            "INVITATION_TOKEN_SECONDS",
            "CONFIRM_TOKEN_SECONDS",
            "TOTP_SETUP_SECONDS",
            "CHALLENGE_SECONDS",
            "PASSKEY_CHALLENGE_SECONDS",
            "EMAIL_CHANGE_TOKEN_SECONDS",
            "RESET_TOKEN_SECONDS",
            "UNCONFIRMED_ACCOUNT_SECONDS",
        ],
        (["1", "86400"], ["0", "-1", "999999999999", "1e3", "soon"]),
    ),
    **dict.fromkeys(
        ["SESSION_TOUCH_SECONDS", "HSTS_SECONDS"], (["0", "60"], ["-1", "999999999999"])
    ),
    "CLOCK_SKEW_SECONDS": (["0", "3600"], ["-1", "3601"]),
    **dict.fromkeys(
        ["SESSIONS_PER_ACCOUNT", "DEVICES_PER_ACCOUNT"], (["1", "50"], ["0", "-1", "x"])
    ),
    "TOTP_ISSUER": (["My App"], ["My\nApp"]),
    "TOTP_DRIFT_STEPS": (["0", "10"], ["-1", "11", "x"]),
    "RECOVERY_CODES": (["1", "100"], ["0", "101"]),
    "PASSKEYS_PER_ACCOUNT": (["1", "1000"], ["0", "1001"]),
    "RATELIMIT_STORAGE_URI": (
        ["memory://", "database://"],
        ["nonsense", "ftp://127.0.0.1", "redis+cluster://127.0.0.1:1", "mongodb://127.0.0.1"],
    ),
    "REGISTRATION": (["open", "closed", "Closed"], ["no", "true", "shut"]),
    **dict.fromkeys(
        [
            "LIMIT_PASSWORD_BY_IP",
            "LIMIT_PASSWORD_FAILURES",
            "LIMIT_CODE_FAILURES",
            "LIMIT_PASSKEYS_BY_IP",
            "LIMIT_NEW_PASSWORDS_BY_IP",
            "LIMIT_MAIL_BY_ADDRESS",
            "LIMIT_MAIL_BY_IP",
        ],
        (["5/minute"], ["often", "0 per minute", "5 per 99999999999 years", "5 per minute; often"]),
    ),
    "BODY_SECONDS": (["1", "60"], ["0", "3601"]),
    "MAX_CONTENT_LENGTH": (["1024", "1048576"], ["0", "1023", "999999999", "64K"]),
    "MAIL_SERVER": (
        ["mail.example.com", "127.0.0.1", "::1", "bücher.example"],
        ["smtp://mail.example.com", "mail.example.com:587", "mail server"],
    ),
    "MAIL_PORT": (["1", "65535"], ["0", "65536", "-1", "smtp"]),
    "MAIL_USE_TLS": (["true", "No", "1"], ["perhaps"]),
    "MAIL_USE_SSL": (["true", "No", "1"], ["perhaps"]),
    "MAIL_USERNAME": (["ada"], ["adä"]),
    "MAIL_PASSWORD": (["secret"], ["geheimniß"]),
    "MAIL_DEFAULT_SENDER": (
        [
            "no-reply@example.com",
            "My App <no-reply@example.com>",
            "Müller, Söhne & Co. <no-reply@bücher.example>",
        ],
        [
            "My App",
            "My App no-reply@example.com",
            "a@b@c",
            "nö@example.com",
            "a@example.com, b@example.com",
        ],
    ),
    "MAIL_SUPPRESS_SEND": (["false"], ["true", "perhaps"]),
    "SUPPORT_EMAIL": (["help@example.com"], ["help", "a@b@c.example", "h\u00e9lp@example.com"]),
    "JOBS_IN_PROCESS": (["true", "No"], ["perhaps"]),
    "JOB_LEASE_SECONDS": (["1", "300"], ["0", "999999"]),
    "JOB_PAUSES_SECONDS": (["60", "60, 300", ","], ["0", "soon", "60,-1"]),
    "CONFIRMATION_DEADLINE_SECONDS": (["3600"], ["0", "999999999"]),
    "NOTICE_DEADLINE_SECONDS": (["3600"], ["0", "999999999"]),
    "MAIL_TIMEOUT_SECONDS": (["1", "60"], ["0", "999999999"]),
}
# What some settings need beside them.
WITH = {
    "MAIL_USERNAME": {"MAIL_PASSWORD": "secret"},
    "MAIL_PASSWORD": {"MAIL_USERNAME": "ada"},
}


def pairs(column: int) -> list[tuple[str, str]]:
    """Return each setting with each value of a column of the table."""
    return [(name, value) for name, row in ROWS.items() for value in row[column]]


def test_every_setting_has_test_values() -> None:
    missing, old = DEFAULTS.keys() - ROWS.keys(), ROWS.keys() - DEFAULTS.keys()
    assert not missing, f"Add right and wrong values to ROWS in this file for: {missing}"
    assert not old, f"Remove from ROWS in this file, since app/config.py has no such setting: {old}"


def test_every_setting_of_the_tests_exists() -> None:
    old = NUMBERS.keys() - DEFAULTS.keys()
    assert not old, f"Remove from NUMBERS in tests/conftest.py what is no setting any more: {old}"


@pytest.mark.parametrize(("name", "value"), pairs(0))
def test_a_right_value_is_accepted(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    settings = {**SETTINGS, "DATABASE_URL": URL, **WITH.get(name, {})}
    given = started({**settings, name: value})[name]
    settings.pop(name, None)
    monkeypatch.setenv(name, value)
    assert started(settings)[name] == given


@pytest.mark.parametrize(("name", "value"), pairs(1))
def test_a_wrong_value_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    settings = {**SETTINGS, "DATABASE_URL": URL, **WITH.get(name, {})}
    as_override = refusal({**settings, name: value})
    settings.pop(name, None)
    monkeypatch.setenv(name, value)
    assert refusal(settings) == as_override
    assert as_override.startswith(f"{name} ")


@pytest.mark.parametrize("name", ROWS)
@pytest.mark.parametrize("blank", ["", "  "])
def test_a_blank_value_means_the_default(
    monkeypatch: pytest.MonkeyPatch, name: str, blank: str
) -> None:
    needed = {"DATABASE_URL", "SECRET_KEY", "BASE_URL", "MAIL_SERVER"}
    settings = {**SETTINGS, "DATABASE_URL": URL}
    for given in ({name: blank}, {}):
        settings = {**settings, name: blank} if given else without(settings, name)
        monkeypatch.setenv(name, blank)
        if name in needed and not DEFAULTS[name]:
            assert name in refusal(settings)
        else:
            assert started(settings)[name] == started(without(settings, name))[name]


def test_a_list_without_items_means_the_default() -> None:
    settings = {**SETTINGS, "DATABASE_URL": URL, "JOB_PAUSES_SECONDS": " , "}
    assert started(settings)["JOB_PAUSES_SECONDS"] == DEFAULTS["JOB_PAUSES_SECONDS"]


def without(settings: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the settings without one of them."""
    return {key: value for key, value in settings.items() if key != name}


def test_the_message_never_repeats_a_secret() -> None:
    for name, value in (
        ("SECRET_KEY", "short-secret"),
        ("BASE_URL", "https://ada:short-secret@a.b"),
    ):
        assert "short-secret" not in refusal({**SETTINGS, "DATABASE_URL": URL, name: value})


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"MAIL_USE_TLS": True, "MAIL_USE_SSL": True}, "MAIL_USE_SSL"),
        ({"MAIL_USERNAME": "ada"}, "MAIL_PASSWORD"),
        ({"MAIL_PASSWORD": "secret"}, "MAIL_USERNAME"),
        ({"PASSWORD_MIN_LENGTH": 65, "PASSWORD_MAX_LENGTH": 64}, "PASSWORD_MAX_LENGTH"),
        ({"BASE_URL": ""}, "BASE_URL is missing"),
        ({"MAIL_SERVER": ""}, "MAIL_SERVER is missing"),
    ],
)
def test_settings_are_checked_in_combination(settings: dict[str, Any], name: str) -> None:
    assert name in refusal({**SETTINGS, "DATABASE_URL": URL, **settings})


def test_the_first_invalid_setting_is_explained_and_the_others_are_named() -> None:
    message = refusal({"DATABASE_URL": URL})
    assert message.startswith("SECRET_KEY is missing; set it to the output of: python3")
    assert message.endswith("(also wrong: BASE_URL, MAIL_SERVER)")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("BASE_URL", "HTTPS://Bücher.Example:443/", "https://xn--bcher-kva.example"),
        ("BASE_URL", "https://[2001:DB8:0::1]:8000/", "https://[2001:db8::1]:8000"),
        ("BASE_URL", "https://example.com./shop/", "https://example.com/shop"),
        (
            "MAIL_DEFAULT_SENDER",
            "Müller, Söhne & Co. <no-reply@bücher.example>",
            '"Müller, Söhne & Co." <no-reply@xn--bcher-kva.example>',
        ),
        ("MAIL_DEFAULT_SENDER", '"A \\"B\\"" <a@example.com>', '"A \\"B\\"" <a@example.com>'),
        ("SECRET_KEY_FALLBACKS", f" {LONG_KEY},,{LONG_KEY}x ", [LONG_KEY, f"{LONG_KEY}x"]),
        ("PASSWORD_MIN_LENGTH", " 20 ", 20),
        ("MAIL_USE_TLS", "No", False),
    ],
)
def test_values_are_normalized(name: str, text: str, value: object) -> None:
    assert started({**SETTINGS, "DATABASE_URL": URL, name: text})[name] == value


@pytest.mark.parametrize(
    ("url", "sender"),
    [
        ("https://app.example.com:8000", "no-reply@app.example.com"),
        ("https://127.0.0.1", "no-reply@[127.0.0.1]"),
        ("https://[2001:db8::1]", "no-reply@[IPv6:2001:db8::1]"),
    ],
)
def test_the_default_sender_uses_the_host_of_the_app(url: str, sender: str) -> None:
    settings = started({**SETTINGS, "DATABASE_URL": URL, "BASE_URL": url})
    assert settings["MAIL_DEFAULT_SENDER"] == sender


@pytest.mark.parametrize(
    ("method", "warned"),
    [
        ("scrypt:32768:8:3", False),
        ("scrypt:32768:8:2", True),
        ("pbkdf2:sha256:600000", False),
        ("pbkdf2:sha256:599999", True),
        ("pbkdf2:sha512:210000", False),
    ],
)
def test_a_hash_weaker_than_owasp_asks_for_logs_a_warning(
    caplog: pytest.LogCaptureFixture, method: str, warned: bool
) -> None:
    settings = {"DATABASE_URL": URL, "TESTING": False, "PASSWORD_HASH_METHOD": method}
    create_app({**SETTINGS, **settings})
    assert ("PASSWORD_HASH_METHOD costs less than OWASP asks for" in caplog.text) is warned


#: if cookiecutter.__backend != "sqlite"
@pytest.mark.parametrize(
    "url",
    [
        #: if cookiecutter.__backend == "postgresql"
        "postgresql://me@/shop?host=/run/postgresql&sslmode=require&connect_timeout=5",
        "postgresql://me@/shop?host=first:5432&host=second:5433&target_session_attrs=read-write",
        #: endif
        #: if cookiecutter.__backend == "mysql"
        "mysql://me@127.0.0.1/shop?ssl_ca=/etc/ca.pem&read_timeout=5",
        "mysql://me@/shop?unix_socket=/run/mysqld/mysqld.sock&charset=utf8mb4",
        #: endif
    ],
)
def test_the_url_can_have_options_of_the_driver(url: str) -> None:
    assert create_app({**SETTINGS, "DATABASE_URL": url}).config["DATABASE_URL"] == url


#: endif
def test_the_installed_driver_is_used() -> None:
    scheme, _, rest = URL.partition("://")
    for name in (scheme, f"{scheme}+other"):
        app = create_app({**SETTINGS, "DATABASE_URL": f"{name}://{rest}"})
        assert app.config["SQLALCHEMY_DATABASE_URI"] == f"{DRIVER}://{rest}"
