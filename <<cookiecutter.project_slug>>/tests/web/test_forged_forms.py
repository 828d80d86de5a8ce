"""Forms that someone else made a browser send."""

import re
from datetime import timedelta

import pytest
import time_machine
from flask import Blueprint, Flask

from app.columns import now
from app.web.blueprint import bp
from app.web.csrf import csrf
from tests.conftest import PASSWORD, MakeApp
from tests.web.conftest import Browser

probe = Flask(__name__)
probe.register_blueprint(bp)
# Every path that takes a form.
POSTS = sorted(
    re.sub(r"<int.*?>", "1", rule.rule).replace("<token>", "token")
    for rule in probe.url_map.iter_rules()
    if "POST" in (rule.methods or ())
)


@pytest.mark.parametrize("path", POSTS)
@pytest.mark.parametrize("token", [None, "", "x", "foreign"])
def test_every_form_needs_the_token_of_this_browser(
    app: Flask, signed_in: Browser, path: str, token: str | None
) -> None:
    if token == "foreign":
        token = Browser(app).csrf_token()
    data = {"password": PASSWORD, "name": "Mallory"} | (
        {} if token is None else {"csrf_token": token}
    )
    response = signed_in.client.post(path, data=data)
    assert response.status_code == 400
    assert re.search("This (form|page) has expired", response.text)
    assert signed_in.is_signed_in()
    assert "Mallory" not in signed_in.get("/account").text


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_sent_by_another_site_is_refused(signed_in: Browser, site: str) -> None:
    headers = {"Sec-Fetch-Site": site}
    response = signed_in.submit("/account/profile", {"name": "M"}, page="/account", headers=headers)
    assert response.status_code == 400
    assert "Ada" in signed_in.get("/account").text


@pytest.mark.parametrize(("exempt", "status"), [(False, 400), (True, 200)])
def test_a_form_of_an_own_page_sent_by_another_site_is_refused(
    make_app: MakeApp, exempt: bool, status: int
) -> None:
    app = make_app()
    own = Blueprint("own", __name__)
    own.add_url_rule("/own", "own", lambda: "Done", methods=["POST"])
    if exempt:  # such as one for webhooks
        csrf.exempt(own)
    app.register_blueprint(own)
    response = Browser(app).submit("/own", headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == status


def test_a_link_on_another_site_may_lead_here(signed_in: Browser) -> None:
    assert signed_in.get("/account", {"Sec-Fetch-Site": "cross-site"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "same-origin", "Referer": "https://localhost/account/profile"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
)
def test_a_browser_without_fetch_metadata_can_use_forms(
    signed_in: Browser, headers: dict[str, str]
) -> None:
    values = {"name": "Countess"}
    response = signed_in.submit("/account/profile", values, page="/account", headers=headers)
    assert response.status_code == 303


def test_a_form_that_was_open_for_long_can_still_be_sent(browser: Browser, account: str) -> None:
    token = browser.csrf_token()
    values = {"csrf_token": token, "email": account, "password": PASSWORD}
    with time_machine.travel(now() + timedelta(hours=11), tick=False):
        assert browser.client.post("/login", data=values).status_code == 303


def test_a_refused_form_can_be_opened_again(signed_in: Browser) -> None:
    response = signed_in.client.post("/account/profile?x=<b>", data={"name": "Countess"})
    assert response.status_code == 400
    assert 'href="/account/profile?x=&lt;b&gt;">Reload the page' in response.text


def test_the_csrf_token_is_in_no_url(signed_in: Browser) -> None:
    page = signed_in.get("/account").text
    assert 'method="get"' not in page
    assert "csrf_token=" not in page
