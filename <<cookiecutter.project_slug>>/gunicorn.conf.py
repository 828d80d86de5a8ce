"""How the production server runs: `gunicorn wsgi:app`. Command-line options override it."""

import os
import socket
from typing import Any

# Load the app once, before the workers start: a wrong setting is one line, not one for each.
preload_app = True
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
# Seconds that requests in flight, and mails in the queue, have to finish after SIGTERM.
graceful_timeout = 30
# From any client on this machine gunicorn would otherwise take SCRIPT_NAME and PATH_INFO.
forwarder_headers = ""
# It would be made in the home folder, which a service's user often doesn't have.
control_socket_disable = True


def when_ready(server: Any) -> None:
    """Warn of clients without an address: a Unix socket has none, so only a proxy knows it."""
    unix = any(listener.FAMILY == socket.AF_UNIX for listener in server.LISTENERS)
    if unix and not server.app.wsgi().config["TRUSTED_PROXIES"]:
        server.log.warning(
            "Clients on a Unix socket have no address, so they share one rate limit: set"
            " TRUSTED_PROXIES to the number of your proxies"
        )
