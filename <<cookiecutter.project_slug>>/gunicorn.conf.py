"""How the production server runs: `gunicorn wsgi:app`. Command-line options override it."""

import gc
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Any

from gunicorn.glogging import Logger
from gunicorn.http.errors import (
    ExpectationFailed,
    ForbiddenProxyRequest,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.workers.gthread import _DEFER, ThreadWorker

# With this status gunicorn's master stops instead of starting again.
APP_LOAD_ERROR = 4
# Seconds in which the headers of a request must arrive.
HEADER_SECONDS = 3
# Seconds without progress after which a response is given up, as with nginx.
SEND_SECONDS = 60
# The same while half of the threads are at work already, so that clients that stall cannot stop
# the app.
HEADER_SECONDS_WHEN_BUSY = 0.5
SEND_SECONDS_WHEN_BUSY = 5
# What a request that can't be read is answered with, where that isn't 400.
STATUSES = {
    LimitRequestLine: HTTPStatus.REQUEST_URI_TOO_LONG,
    LimitRequestHeaders: HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    ExpectationFailed: HTTPStatus.EXPECTATION_FAILED,
    UnsupportedTransferCoding: HTTPStatus.NOT_IMPLEMENTED,
    ForbiddenProxyRequest: HTTPStatus.FORBIDDEN,
}
# Faults of the app, not of the request.
OF_RESPONSES = (InvalidResponseHeader, InvalidResponseHeaderName)
# Bytes that a client may have sent ahead when its connection is closed.
MAX_UNREAD = 1024 * 1024


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn carries no types
    """Gunicorn's threads, which would wait without end for clients that stall."""

    def init_process(self) -> None:
        """Serve requests until the server stops."""
        from app import deadlines

        self.patience = BoundedSemaphore(max(1, self.cfg.threads // 2))
        self.deadlines = deadlines
        deadlines.start()
        super().init_process()

    def murder_keepalived(self, force: bool = False) -> None:
        """Close connections that were idle for too long; if there are too many, all idle ones."""
        if self.nr_conns >= self.worker_connections:
            for conn in (*self.keepalived_conns, *self.pending_conns):
                conn.timeout = min(conn.timeout, time.monotonic())
        super().murder_keepalived(force)

    def handle(self, conn: Any) -> Any:
        """Serve a request on a connection, if its headers arrive in time."""
        conn.close = partial(_close, conn)
        if not conn.initialized and not conn.wait_for_data(0):
            return _DEFER  # comes back with the first data
        conn.patient = self.patience.acquire(blocking=False)
        seconds = HEADER_SECONDS if conn.patient else HEADER_SECONDS_WHEN_BUSY
        try:
            self.deadlines.begin(conn, seconds, partial(_stop_receiving, conn))
            return super().handle(conn)
        finally:
            self.deadlines.end(conn)
            if conn.patient:
                self.patience.release()

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Serve a request whose headers arrived. `app.bodies` looks after its body."""
        self.deadlines.end(conn)
        conn.sock.settimeout(SEND_SECONDS if conn.patient else SEND_SECONDS_WHEN_BUSY)
        try:
            return super().handle_request(req, conn)
        except TimeoutError:
            self.log.info("A client stopped reading its response.")
            return False  # closes the connection

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Refuse a request that can't be read.

        Gunicorn would log a part of it, which may be a password, and send no security headers. The
        body is a problem (RFC 9457), since nobody knows what was requested.
        """
        if not isinstance(exc, ParseException) or isinstance(exc, OF_RESPONSES):
            super().handle_error(req, client, addr, exc)
            return
        from app import security

        self.log.warning("Refused a request that can't be read: %s", type(exc).__name__)
        status = STATUSES.get(type(exc), HTTPStatus.BAD_REQUEST)
        problem = {"type": "about:blank", "title": status.phrase, "status": status.value}
        body = json.dumps({**problem, "detail": "The server can't read this request."}) + "\n"
        headers = {
            "Connection": "close",
            "Content-Type": "application/problem+json",
            "Content-Length": str(len(body)),
            **security.headers(self.wsgi),
        }
        lines = [f"{name}: {value}" for name, value in headers.items()]
        head = "\r\n".join([f"HTTP/1.1 {status.value} {status.phrase}", *lines, "", ""])
        with suppress(OSError):
            client.sendall((head + body).encode("ascii"))


def _stop_receiving(conn: Any) -> None:
    with suppress(OSError):
        # Not the method of an SSL socket, which would stop encrypting as well.
        socket.socket.shutdown(conn.sock, socket.SHUT_RD)


def _close(conn: Any, graceful: bool = False) -> None:
    """Close a connection without waiting for its client.

    Gunicorn would wait for two seconds, in the thread that accepts all connections. Its reason, a
    client that is still sending, is what `app.bodies` looks after.
    """
    with suppress(OSError):
        conn.sock.shutdown(socket.SHUT_WR)
        conn.sock.setblocking(False)
        conn.sock.recv(MAX_UNREAD)  # with unread data the kernel would take the response back
    conn.sock.close()


class Log(Logger):  # type: ignore[misc]  # gunicorn carries no types
    """Gunicorn's log, in the same format as the app's."""

    def setup(self, cfg: Any) -> None:
        """Open the files, and have all lines written as JSON."""
        from app.logs import JsonFormatter

        super().setup(cfg)
        for handler in [*self.error_log.handlers, *self.access_log.handlers]:
            handler.setFormatter(JsonFormatter())

    def access(self, resp: Any, req: Any, environ: dict[str, Any], request_time: timedelta) -> None:
        """Write a line for a request that was served, without who sent it."""
        from app import logs

        status = int(str(resp.status).split()[0])
        logs.served(self.access_log, environ, status, request_time.total_seconds())


worker_class = Worker
logger_class = Log
# To standard output. `/dev/null` turns it off.
accesslog = "-"
# Load the app once, before the workers start: a wrong setting is one line, not one for each.
preload_app = True
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
if workers < 1:
    print("Configuration error: WEB_CONCURRENCY must be at least 1", file=sys.stderr)
    sys.exit(APP_LOAD_ERROR)
#: if cookiecutter.__file_download
# More than DOWNLOADS_AT_ONCE, so that some are left for other requests.
#: endif
threads = 8
# Longer than a proxy keeps its connections (nginx and AWS: 60), so that it never sends a request on
# a connection that is being closed here.
keepalive = 75
# Of each process. Many systems allow a process 1024 open files.
worker_connections = 900
# Bytes of one header; `app.gate` limits all of them together, and cookies.
limit_request_field_size = 32 * 1024
# Seconds that requests and jobs in progress have to finish after SIGTERM.
graceful_timeout = 30
# From any client on this machine gunicorn would otherwise take SCRIPT_NAME and PATH_INFO.
forwarder_headers = ""
# It would be made in the home folder, which a service's user often doesn't have.
control_socket_disable = True


def on_starting(server: Any) -> None:
    """Migrate the database before anything is served, if MIGRATE_ON_START says so.

    In a process of its own, so that the workers inherit no connection.
    """
    if server.app.wsgi().config["MIGRATE_ON_START"]:
        command = [sys.executable, "-m", "flask", "--app", "wsgi", "db", "upgrade"]
        if subprocess.run(command, env={**os.environ, "FLASK_SKIP_DOTENV": "1"}).returncode:  # noqa: S603
            sys.exit(APP_LOAD_ERROR)


def when_ready(server: Any) -> None:
    """Prepare what all workers share, before the first one starts."""
    from app import compile_templates, health

    app = server.app.wsgi()
    compile_templates(app)
    health.note_revisions(app)
    _warn_of_a_unix_socket(server)
    # The collector would write to what the workers share with this process, and so copy it.
    gc.collect()
    gc.freeze()


def on_reload(server: Any) -> None:
    """Say what SIGHUP does not do: the workers that it starts have the code of this process."""
    server.log.warning("SIGHUP does not load new code. To update the app, restart it.")


def _warn_of_a_unix_socket(server: Any) -> None:
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
