"""A blueprint of the owner's below `/api/` is protected, and answers, as the API does."""

import pytest
from flask import Blueprint
from flask_login import login_required

from tests.api.conftest import ApiClient
from tests.conftest import MakeApp, add_account


@pytest.fixture
def api(make_app: MakeApp) -> ApiClient:
    """A client of an app with such a blueprint."""
    app = make_app()
    shop = Blueprint("shop", __name__, url_prefix="/api/v1/shop")
    shop.add_url_rule("/orders", "orders", login_required(lambda: {"id": 7}), methods=["POST"])
    app.register_blueprint(shop)
    add_account(app)
    return ApiClient(app)


def test_a_token_is_enough_for_a_change(api: ApiClient) -> None:
    assert api.sign_in("ada@example.com").call("POST /shop/orders", {}).json == {"id": 7}


def test_without_a_token_it_responds_with_a_problem(api: ApiClient) -> None:
    answer = api.call("POST /shop/orders", {})
    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["WWW-Authenticate"] == "Bearer"
