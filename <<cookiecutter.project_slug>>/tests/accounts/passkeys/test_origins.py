"""The hosts and origins that passkeys work on."""

import pytest

from app.accounts.passkeys import relying_party
from tests.conftest import MakeApp


@pytest.mark.parametrize(
    ("url", "off"),
    [
        ("https://localhost", False),
        ("https://app.example.com:8443/shop", False),
        ("https://192.0.2.1", True),
        ("https://[2001:db8::1]:8443", True),
    ],
)
def test_passkeys_are_off_and_logged_when_the_host_is_an_ip_address(
    make_app: MakeApp, caplog: pytest.LogCaptureFixture, url: str, off: bool
) -> None:
    app = make_app(BASE_URL=url)
    said = [record.message for record in caplog.records if "asskeys" in record.message]
    assert said == ["Passkeys are off: the host of BASE_URL is an IP address."] * off
    assert relying_party.are_possible(app) is not off


#: if cookiecutter.interface == "api"
@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        ("https://example.com/app", True),
        ("https://client.example.com:444", True),
        ("https://badexample.com", False),
        ("https://com", False),
        ("https://client.example", False),
    ],
)
def test_a_client_on_a_subdomain_can_use_passkeys(
    make_app: MakeApp, url: str, accepted: bool
) -> None:
    app = make_app(BASE_URL="https://example.com", CLIENT_URL=url)
    with app.app_context():
        origin = "/".join(url.split("/")[:3])
        assert relying_party.origins() == {"https://example.com"} | (
            {origin} if accepted else set()
        )


#: endif
def test_the_origin_must_match_the_base_url(make_app: MakeApp) -> None:
    app = make_app(BASE_URL="https://app.example.com:8443/shop")
    with app.test_request_context(headers={"Host": "evil.example"}):
        assert relying_party.relying_party_id() == "app.example.com"
        assert relying_party.origins() == {"https://app.example.com:8443"}
