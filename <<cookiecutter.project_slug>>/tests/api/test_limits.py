"""Too many attempts, as a client sees them."""

import pytest
import time_machine

from tests.api.conftest import Answer, ApiClient, errors_of
from tests.conftest import PASSWORD, Inbox, MakeApp, add_account


@pytest.fixture(autouse=True)
def standing_clock() -> object:
    """The clock stands still, so that no window of a limit ends in the middle of a test."""
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False):
        yield


def is_limit(answer: Answer) -> bool:
    """Return whether the response is 429, with the time to wait."""
    if answer.status_code != 429:
        return False
    assert answer.mimetype == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0
    return True


def test_after_ten_failures_even_the_right_password_is_refused(
    api: ApiClient, account: str
) -> None:
    body = {"email": account, "password": "wrong"}
    for _ in range(10):
        assert api.call("POST /sessions", body).status_code == 401
    assert is_limit(api.call("POST /sessions", body))
    assert is_limit(api.call("POST /sessions", body | {"password": PASSWORD}))


def test_an_unknown_address_has_the_same_limit(api: ApiClient) -> None:
    body = {"email": "nobody@example.com", "password": "wrong"}
    statuses = [api.call("POST /sessions", body).status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]


def test_an_ip_address_has_a_limit_too(api: ApiClient) -> None:
    statuses = [
        api.call("POST /sessions", {"email": f"{n}@example.com", "password": "wrong"}).status_code
        for n in range(21)
    ]
    assert statuses == [401] * 20 + [429]


def test_a_reset_lifts_the_limit(api: ApiClient, account: str, inbox: Inbox) -> None:
    for _ in range(11):
        api.call("POST /sessions", {"email": account, "password": "wrong"})
    api.call("POST /password-resets", {"email": account})
    new = "seven purple lanterns adrift"
    api.call("PUT /password-resets", {"token": inbox.token(account), "password": new})
    assert api.sign_in(account, new)


def test_strangers_cannot_keep_a_known_device_out(api: ApiClient, account: str) -> None:
    owner = {"email": account, "password": PASSWORD}
    owner["device"] = api.call("POST /sessions", owner).json["device"]
    wrong = {"email": account, "password": "wrong"}
    for _ in range(10):
        api.call("POST /sessions", wrong)
    assert is_limit(api.call("POST /sessions", owner | {"device": "x" * 43}))
    answer = api.call("POST /sessions", owner)
    assert (answer.status_code, answer.json["device"]) == (201, owner["device"])


def test_strangers_cannot_keep_the_owner_out_after_a_reset(
    api: ApiClient, account: str, inbox: Inbox
) -> None:
    old = api.call("POST /sessions", {"email": account, "password": PASSWORD}).json["device"]
    api.call("POST /password-resets", {"email": account})
    new = {"email": account, "password": "seven purple lanterns adrift"}
    reset = {"token": inbox.token(account), "password": new["password"]}
    device = api.call("PUT /password-resets", reset).json["device"]
    for _ in range(10):
        assert api.call("POST /sessions", new | {"password": "wrong"}).status_code == 401
    assert is_limit(api.call("POST /sessions", new | {"device": old}))
    assert api.call("POST /sessions", new | {"device": device}).status_code == 201


@pytest.mark.parametrize("device", [None, "", "x", "é" * 43, "\0" * 43, "x" * 60_000])
def test_an_invalid_device_is_ignored(api: ApiClient, account: str, device: str | None) -> None:
    body = {"email": account, "password": PASSWORD, "device": device}
    assert api.call("POST /sessions", body).status_code == 201


def test_a_device_of_another_type_is_refused(api: ApiClient, account: str) -> None:
    body = {"email": account, "password": PASSWORD}
    for device in (1, ["x"], {"x": "y"}):
        assert set(errors_of(api.call("POST /sessions", body | {"device": device}))) == {"device"}


@pytest.mark.parametrize(
    ("line", "body"),
    [
        ("PUT /account/password", {"current_password": "wrong", "password": "x"}),
        ("PUT /account/email", {"current_password": "wrong", "email": "ada@example.org"}),
        ("DELETE /account", {"password": "wrong"}),
    ],
)
def test_a_signed_in_person_cannot_guess_the_password(
    api: ApiClient, account: str, line: str, body: dict[str, str]
) -> None:
    ada = api.sign_in(account)
    statuses = [ada.call(line, body).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]


@pytest.mark.parametrize("path", ["/accounts", "/confirmations", "/password-resets"])
def test_the_number_of_emails_to_one_address_is_limited(api: ApiClient, path: str) -> None:
    body = {"email": "ada@example.com"}
    if path == "/accounts":
        body |= {"name": "Ada", "password": PASSWORD}
    for spelling in ("ada@example.com", "ADA@example.com", " ada@EXAMPLE.com") * 2:
        answer = api.call(f"POST {path}", body | {"email": spelling})
    assert is_limit(answer)


def test_a_limit_ends(make_app: MakeApp) -> None:
    app = make_app(LIMIT_PASSWORD_FAILURES="1 per 15 minutes")
    api = ApiClient(app)
    email = add_account(app)
    with time_machine.travel("2026-01-01T00:00:00Z", tick=False) as clock:
        api.call("POST /sessions", {"email": email, "password": "wrong"})
        answer = api.call("POST /sessions", {"email": email, "password": PASSWORD})
        assert is_limit(answer)
        clock.shift(int(answer.headers["Retry-After"]))
        assert api.sign_in(email)


@pytest.mark.parametrize(
    "written",
    [
        ["203.0.113.7", "203.0.113.7:1", "::ffff:203.0.113.7", "[::ffff:203.0.113.7]:2"],
        ["2001:db8::1", "[2001:DB8::1]:1", "2001:db8::1%eth0", "2001:db8::2"],
        ["unknown", "_hidden", "", "203.0.113.256"],
    ],
)
def test_other_spellings_of_an_address_share_its_limit(
    make_app: MakeApp, written: list[str]
) -> None:
    app = make_app(TRUSTED_PROXIES=1, LIMIT_PASSWORD_BY_IP="3 per minute")
    body = {"email": "ada@example.com", "password": "wrong"}

    def sign_in(address: str) -> int:
        headers = {"X-Forwarded-For": address}
        answer = app.test_client().post("/api/v1/sessions", json=body, headers=headers)
        return answer.status_code

    assert [sign_in(f"198.51.100.9, {address}") for address in written] == [401] * 3 + [429]
    # Nobody else is shut out by that.
    assert sign_in("::ffff:198.51.100.1") == 401
