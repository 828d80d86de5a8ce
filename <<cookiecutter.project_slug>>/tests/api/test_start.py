"""The first page of an app without pages."""

from flask import Flask
from flask.testing import FlaskClient

from app.api import start
from tests.conftest import MakeApp


def test_in_debug_mode_it_leads_to_the_description(make_app: MakeApp) -> None:
    app = Flask(__name__)
    app.debug = True
    start.init_app(app)
    app.register_blueprint(make_app().blueprints["api_docs"])
    response = app.test_client().get("/")
    assert (response.status_code, response.location) == (302, "/api/docs")


def test_the_description_leads_on_to_the_mailbox(make_app: MakeApp) -> None:
    assert "/dev/mailbox" in make_app(DEBUG=True).test_client().get("/api/docs").text


def test_outside_debug_mode_nothing_leads_to_the_mailbox(client: FlaskClient) -> None:
    assert "/dev/mailbox" not in client.get("/api/docs").text
