"""Servers whose clocks differ, and a clock that is set back: nobody is signed out of the API."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from app.columns import now
from tests.conftest import PASSWORD, MakeApp

SKEWS = [timedelta(0), timedelta(minutes=1), timedelta(minutes=-1)]


@pytest.fixture
def nodes(make_app: MakeApp) -> tuple[Flask, Flask]:
    """Two servers of one app: the database and the keys are the same."""
    return make_app(), make_app()


@pytest.mark.parametrize("skew", [*SKEWS, timedelta(days=1)])
def test_a_token_works_on_a_server_whose_clock_differs(
    nodes: tuple[Flask, Flask], account: str, skew: timedelta
) -> None:
    start = now()
    with time_machine.travel(start + skew, tick=False):
        body = {"email": account, "password": PASSWORD}
        token = nodes[0].test_client().post("/api/v1/sessions", json=body).get_json()["token"]
    with time_machine.travel(start, tick=False):
        headers = {"Authorization": f"Bearer {token}"}
        answer = nodes[1].test_client().get("/api/v1/account", headers=headers)
    assert answer.status_code == 200
