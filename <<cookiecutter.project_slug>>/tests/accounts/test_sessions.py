"""Sessions that have ended by themselves."""

from datetime import timedelta

import time_machine
from flask import Flask

from app.accounts import authentication, sessions
from app.accounts.client import Client
from app.accounts.models import now
from tests.conftest import PASSWORD

CLIENT = Client("192.0.2.1", "tests")
KIND = next(iter(sessions.IDLE_SETTINGS))


def test_a_session_that_ended_is_neither_listed_nor_found_nor_ended_again(
    app: Flask, account: str
) -> None:
    with app.app_context():
        signed_in = authentication.sign_in(account, PASSWORD, CLIENT, KIND)
        session = signed_in.session
        assert sessions.of(session.account) == [session]
        idle = timedelta(seconds=app.config[sessions.IDLE_SETTINGS[KIND]])
        with time_machine.travel(now() + idle + timedelta(seconds=1), tick=False):
            assert sessions.of(session.account) == []
            assert sessions.find(signed_in.token, KIND) is None
            assert not sessions.revoke(session.account, session.id, CLIENT)
