"""How the production server runs: `gunicorn wsgi:app`. Command-line options override it."""

import os
import socket
from contextlib import suppress
from threading import Timer
from typing import Any

from gunicorn.workers.gthread import ThreadWorker

# Seconds in which the headers of a request must arrive.
HEADER_SECONDS = 3


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """Gunicorn's threads, which would wait without end for the headers of a request."""

    def handle(self, conn: Any) -> Any:
        """Serve a request on a connection, if its headers arrive in time."""
        conn.deadline = Timer(HEADER_SECONDS, _stop_receiving, (conn,))
        conn.deadline.daemon = True
        conn.deadline.start()
        try:
            return super().handle(conn)
        finally:
            conn.deadline.cancel()

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Serve a request whose headers arrived. `app.bodies` looks after its body."""
        conn.deadline.cancel()
        return super().handle_request(req, conn)


def _stop_receiving(conn: Any) -> None:
    with suppress(OSError):
        # Not the method of an SSL socket, which would stop encrypting as well.
        socket.socket.shutdown(conn.sock, socket.SHUT_RD)


worker_class = Worker
# Load the app once, before the workers start: a wrong setting is one line, not one for each.
preload_app = True
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
threads = 4
# Seconds that requests in flight, and the job in hand, have to finish after SIGTERM.
graceful_timeout = 30
# From any client on this machine gunicorn would otherwise take SCRIPT_NAME and PATH_INFO.
forwarder_headers = ""
# It would be made in the home folder, which a service's user often doesn't have.
control_socket_disable = True


def when_ready(server: Any) -> None:
    """Warn of clients without an address: a Unix socket has none, so only a proxy knows it."""
    unix = any(listener.FAMILY == socket.AF_UNIX for listener in server.LISTENERS)
    if unix and os.environ.get("TRUSTED_PROXIES", "").strip() in ("", "0"):
        server.log.warning(
            "Clients on a Unix socket have no address, so they share one rate limit: set"
            " TRUSTED_PROXIES to the number of your proxies"
        )


def post_worker_init(worker: Any) -> None:
    """Start the background jobs of each worker process, which is past its fork here."""
    from app import jobs

    jobs.start(worker.wsgi)
