"""The app as WebAuthn's relying party.

Its id is the host of `BASE_URL`, never that of a request.
"""

import logging
from functools import cache
from ipaddress import ip_address
from urllib.parse import urlsplit

from flask import Flask, current_app

logger = logging.getLogger(__name__)


def init_app(app: Flask) -> None:
    """Log if passkeys are off."""
    if not are_possible(app):
        logger.warning("Passkeys are off: the host of BASE_URL is an IP address.")


def are_possible(app: Flask | None = None) -> bool:
    """Return whether the app can have passkeys, which need a domain."""
    return _is_domain(relying_party_id(app))


@cache
def _is_domain(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return True
    return False


def relying_party_id(app: Flask | None = None) -> str:
    """Return the domain that passkeys belong to."""
    return urlsplit((app or current_app).config["BASE_URL"]).hostname or ""


def origins() -> set[str]:
    """Return the origins whose pages may use passkeys."""
    urls = [urlsplit(current_app.config["BASE_URL"])]
    #: if cookiecutter.interface == "api"
    client = urlsplit(current_app.config["CLIENT_URL"])
    domain = relying_party_id()
    if f".{client.hostname}".endswith(f".{domain}"):
        urls.append(client)
    #: endif
    return {f"{url.scheme}://{url.netloc}" for url in urls}
