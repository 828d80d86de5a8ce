"""Whatever can be done on the pages can be done by the API, and the other way round."""

import re

from flask import Flask

FILE = "tests/test_parity.py"
# For each capability: the route of the pages and the operation of the API.
CAPABILITIES = {
    "register": ("POST /register", "POST /accounts"),
    "ask for the confirmation again": ("POST /confirm", "POST /confirmations"),
    "confirm an address": ("POST /confirm/<>", "PUT /confirmations"),
    "sign in": ("POST /login", "POST /sessions"),
    "sign in with a code": ("POST /login/factor", "POST /sessions/factor"),
    "see the second factor": ("GET /account/factor", "GET /account/factors"),
    "turn it on": ("POST /account/factor/set-up", "PUT /account/factors/totp"),
    "turn it off": ("POST /account/factor/remove", "DELETE /account/factors/totp"),
    "get new recovery codes": (
        "POST /account/factor/recovery-codes",
        "POST /account/recovery-codes",
    ),
    "sign out": ("POST /logout", "DELETE /sessions/current"),
    "begin to sign in with a passkey": ("POST /passkeys/options", "POST /passkeys/options"),
    "sign in with a passkey": ("POST /passkeys/sign-in", "POST /sessions/passkey"),
    "begin to add a passkey": (
        "POST /account/passkeys/options",
        "POST /account/passkeys/options",
    ),
    "add a passkey": ("POST /account/passkeys", "POST /account/passkeys"),
    "rename a passkey": ("POST /account/passkeys/<>/rename", "PATCH /account/passkeys/<>"),
    "remove a passkey": ("POST /account/passkeys/<>/remove", "DELETE /account/passkeys/<>"),
    "see one's sessions": ("GET /account/sessions", "GET /sessions"),
    "end a session": ("POST /account/sessions/<>/revoke", "DELETE /sessions/<>"),
    "end the other sessions": ("POST /account/sessions/revoke-others", "DELETE /sessions"),
    "ask for a password reset": ("POST /reset-password", "POST /password-resets"),
    "reset the password": ("POST /reset-password/<>", "PUT /password-resets"),
    "see one's account": ("GET /account", "GET /account"),
    "change the name": ("POST /account/profile", "PATCH /account"),
    "change the password": ("POST /account/password", "PUT /account/password"),
    "ask for another address": ("POST /account/email", "PUT /account/email"),
    "confirm another address": ("POST /account/email/<>", "PUT /account/email/confirmation"),
    "take one's data out": ("GET /account/export", "GET /account/export"),
    "delete the account": ("POST /account/delete", "DELETE /account"),
    #: if cookiecutter.__file_download
    "see the files": ("GET /downloads/", "GET /downloads"),
    "download a file": ("GET /downloads/<>", "GET /downloads/<>"),
    #: endif
}
# What only one interface has, and why.
ONE_FACED = {
    "GET /": "the home page",
    "POST /reauthenticate": "the API asks for the password with the request itself",
    "GET /.well-known/change-password": "where password managers look for the form",
    "GET /healthz": "for load balancers",
    "POST /api/v1/account/factors/totp": "the page shows the key together with its form",
    "POST /passkeys/reauthenticate": "the same, with a passkey",
    "GET /api/v1/account/passkeys": "the page is that of adding one",
    "GET /.well-known/passkey-endpoints": "where password managers look for the page of passkeys",
    "GET /api/v1/openapi.json": "the description of the API",
    "GET /api/docs": "the same for people",
}


def routes(app: Flask) -> set[str]:
    """Return every route as `METHOD /path` with `<>` for variables. A form's GET is left out."""
    found = {
        f"{method} {re.sub('<[^>]+>', '<>', rule.rule)}"
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.endpoint.rpartition(".")[2] != "static"
    }
    return {route for route in found if not _is_form(route) or _posted(route) not in found}


def _is_form(route: str) -> bool:
    return route.startswith("GET /") and not route.startswith("GET /api/")


def _posted(route: str) -> str:
    return route.replace("GET", "POST", 1)


def test_every_capability_is_in_both_pages_and_api(app: Flask) -> None:
    promised = {page for page, _ in CAPABILITIES.values()}
    promised |= {operation.replace(" ", " /api/v1", 1) for _, operation in CAPABILITIES.values()}
    missing = promised - routes(app)
    assert not missing, f"Correct CAPABILITIES in {FILE}: no route is {missing}"


def test_every_route_has_a_counterpart_or_a_reason(app: Flask) -> None:
    promised = {page for page, _ in CAPABILITIES.values()}
    promised |= {operation.replace(" ", " /api/v1", 1) for _, operation in CAPABILITIES.values()}
    alone = routes(app) - promised - ONE_FACED.keys()
    assert not alone, (
        f"Add to CAPABILITIES in {FILE}, with what does the same in the other interface, or to"
        f" ONE_FACED, with the reason why only one interface has it: {alone}"
    )
    old = ONE_FACED.keys() - routes(app)
    assert not old, f"Remove from ONE_FACED in {FILE}: no route is {old}"
