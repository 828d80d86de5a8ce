"""Signs schemathesis in: it imports this module, named by SCHEMATHESIS_HOOKS, in its own process."""

import os
from typing import Any

import requests
import schemathesis
from schemathesis import AuthContext, Case

from tests import walk
from tests.nodes import ADA


# A fuzzer signs out too: a second later it is signed in again.
@schemathesis.auth(refresh_interval=1)
class BearerToken:
    """The token of a session of Ada's."""

    def get(self, _case: Case[Any], _context: AuthContext) -> str:
        """Sign in."""
        url = f"{os.environ['FUZZING_ADDRESS']}/api/v1/sessions"
        return str(requests.post(url, json=ADA, timeout=walk.WAIT).json()["token"])

    def set(self, case: Case[Any], token: str, _context: AuthContext) -> None:
        """Send the token with a request."""
        case.headers["Authorization"] = f"Bearer {token}"
